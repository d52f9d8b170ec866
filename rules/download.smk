# Reads nothing, or the clips that are to sing, or what lies at an address.
# Writes a synthetic data set in its reader's layout and the truth of its test recordings, or the data set that was fetched.
# A folder of the user is used in place: it has no such rule.

from understory.fetch.address import synthesizer
from understory.synthetic import clips

if IS_SYNTHETIC:
    with user_errors():
        SYNTHESIZER = synthesizer(config["dataset"])
        CLIPS = clips.given(config["synthetic"])

    rule download_data:
        """Make the synthetic data set."""
        input:
            records=RECORDS,
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
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            module=SYNTHESIZER,
            settings={
                "seed": config["seed"],
                "synthetic": {
                    key: value for key, value in config["synthetic"].items() if key not in clips.KEYS
                },
            },
            clips=CLIPS,
            content=lambda wildcards: CLIPS and f"clips {CLIPS.digest(FILE_DIGESTS)}",
            code=code("download_data.py", SYNTHESIZER, *([clips.__name__] if CLIPS else [])),
        script:
            "../scripts/download_data.py"

elif IS_FETCHED:

    rule download_data:
        """Fetch the data set to a folder that all runs share."""
        output:
            data=directory(SOURCE.folder),
            done=READY,
        log:
            f"{OUT}/logs/download_data.log",
        benchmark:
            f"{OUT}/benchmarks/download_data.tsv"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        # Neither a digest of code nor an environment: what lies at an address is the same however it is fetched,
        # and may be many GB.
        params:
            module="understory.fetch.download",
            address=address.Address(config["data"], config["data_sha256"]),
        script:
            "../scripts/download_data.py"
