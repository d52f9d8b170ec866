# Reads nothing.
# Writes a made-up data set in its reader's layout, and the truth of its test recordings. A folder of a person's own is used in place.

if SYNTHETIC:

    rule download_data:
        """Make the synthetic data set."""
        output:
            data=directory(SOURCE.folder),
            truth=f"{OUT}/truth.csv",
            done=READY,
        log:
            f"{OUT}/logs/download_data.log",
        benchmark:
            f"{OUT}/benchmarks/download_data.tsv"
        conda:
            "../envs/signal.yaml"
        threads: 8
        params:
            settings={
                "dataset": config["dataset"],
                "seed": config["seed"],
                "synthetic": config["synthetic"],
            },
            code=code("download_data.py", REPLICA),
        script:
            "../scripts/download_data.py"
