"""From raw recordings and sparse annotations to a scored k-fold ensemble: `snakemake --cores all`."""

from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.current_basedir}/config.yaml"


include: "rules/home.smk"
include: "rules/common.smk"
include: "rules/hooks.smk"


wildcard_constraints:
    shard=r"(train|test|new)-\d+",
    variant=r"\d+",
    fold=r"\d+",
    model=r"[a-z][a-z0-9_]*(-seed\d+)?",
    features=r"[a-z][a-z0-9_]*",


include: "rules/download.smk"
include: "rules/examples.smk"
include: "rules/quarantine.smk"


if not config["models_from"]:

    include: "rules/split.smk"
    include: "rules/train.smk"
    include: "rules/pseudo_labels.smk"
    include: "rules/validate.smk"
    include: "rules/calibrate.smk"


include: "rules/predict.smk"
include: "rules/ensemble.smk"
include: "rules/submission.smk"
include: "rules/detect.smk"
include: "rules/review.smk"
include: "rules/search.smk"
include: "rules/export.smk"


if not config["models_from"]:

    # Last, as it tells of all other rules.
    include: "rules/report.smk"


rule all:
    default_target: True
    input:
        [] if config["models_from"] else [f"{OUT}/scores.json", rules.build_report.output],
        f"{OUT}/submission.csv" if TEST else [],
        f"{OUT}/review/precision.csv" if VERDICTS else [],
        DETECTED,
