# Reads nothing.
# Writes a made-up data set in its reader's layout, and the truth of its test recordings. A folder of a person's own is used in place.

if SYNTHETIC:

    rule download_data:
        """Make the synthetic data set."""
        output:
            data=directory(DATA),
            truth=f"{OUT}/truth.csv",
            done=READY,
        params:
            settings={
                "dataset": config["dataset"],
                "seed": config["seed"],
                "synthetic": config["synthetic"],
            },
            code=code("download_data.py", f"understory.datasets.{config['dataset']}_replica"),
        log:
            f"{OUT}/logs/download_data.log",
        benchmark:
            f"{OUT}/benchmarks/download_data.tsv"
        threads: 8
        conda:
            "../envs/signal.yaml"
        script:
            "../scripts/download_data.py"
