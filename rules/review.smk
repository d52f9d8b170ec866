# Reads detections/detections.csv, the recordings that the detections are of, and labels.json of the models.
# Writes review/review.html, the page on which detections are reviewed, and review/precision.csv of the verdicts.

from understory.core.untracked import Text
from understory.data.source import verdict_files

VERDICTS = verdict_files(config)

# The page, and what verdicts say.
REVIEW = [f"{OUT}/review/review.html", f"{OUT}/review/precision.csv"][: 1 + bool(VERDICTS)]


rule review:
    """Review detections."""
    input:
        new_recordings.of_recordings(config, REVIEW, "whose detections are reviewed"),


if config["recordings"]:

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
            recordings=lambda wildcards: NEW.digest(),
            places=PLACES,
            code=code("build_review.py"),
        script:
            "../scripts/build_review.py"


if VERDICTS:

    rule estimate_precision:
        """Estimate the precision of each class from verdicts on a sample of its detections."""
        output:
            precision=f"{OUT}/review/precision.csv",
        log:
            f"{OUT}/logs/estimate_precision.log",
        benchmark:
            f"{OUT}/benchmarks/estimate_precision.tsv"
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            files=Text("\n".join(VERDICTS)),
            verdicts=FILE_DIGESTS.identities(VERDICTS),
            code=code("estimate_precision.py"),
        script:
            "../scripts/estimate_precision.py"
