# Reads nothing, or the clips that are to sing.
# Writes a made-up data set in its reader's layout, and the truth of its test recordings. A folder of a person's own is used in place.

from understory import clips

if SYNTHETIC:
    try:
        CLIPS = clips.given(config["synthetic"])
    except InputError as error:
        raise sorry(error) from None

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
                "synthetic": {
                    key: value for key, value in config["synthetic"].items() if key not in clips.KEYS
                },
            },
            clips=CLIPS,
            content=lambda wildcards: CLIPS and CLIPS.digest(CONTENTS),
            code=code("download_data.py", REPLICA, *([clips.__name__] if CLIPS else [])),
        script:
            "../scripts/download_data.py"
