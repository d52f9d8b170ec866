# Reads detections/detections.csv, the recordings that the detections are of, and labels.json of the models.
# Writes review/review.html, the page on which detections are reviewed, and review/precision.csv of the verdicts.

from understory.core.untracked import Text

if config["recordings"]:

    rule review:
        input:
            f"{OUT}/review/review.html",

    rule build_review:
        """Build the page on which detections are reviewed."""
        input:
            detections=f"{OUT}/detections/detections.csv",
            labels=f"{MODELS_FROM}/labels.json",
        output:
            review=f"{OUT}/review/review.html",
        log:
            f"{OUT}/logs/build_review.log",
        benchmark:
            f"{OUT}/benchmarks/build_review.tsv"
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=ordered(
                {
                    "highest": OF_MEDIUM.shown.high,
                    "name": config["name"],
                    "review": config["review"],
                    "seed": config["seed"],
                }
            ),
            folder=Text(config["recordings"]),
            code=code("build_review.py"),
        script:
            "../scripts/build_review.py"
