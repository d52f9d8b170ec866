# Reads scores, histories, out-of-fold predictions, the examples as recorded, what is set aside, and the truth where there is one.
# Writes report.html and its figures, which Snakemake's own report (snakemake --report) shows as well.

# What the examples on the page look like: as the first model sees them.
SHOWN = config["models"][MODELS[0]]["features"]
COPIES = range(config["augment"]["copies"] + 1)
MEASURED = {
    "names": sorted(
        {
            *TRAIN,
            *TEST,
            *MODELS,
            *configuration.features_of(config),
            *map(str, COPIES),
            *(f"fold{fold}" for fold in FOLDS),
        }
    ),
    "rules": sorted(rule.name for rule in workflow.rules),
}


report: "../report/workflow.rst"


rule build_report:
    """Build the report."""
    input:
        scores=f"{OUT}/scores.json",
        oof=f"{OUT}/ensemble/oof.csv",
        predictions=f"{OUT}/ensemble/predictions.csv" if TEST else [],
        labels=f"{OUT}/labels.json",
        folds=f"{OUT}/folds.csv",
        histories=of_folds("models/{model}/fold{fold}/history.csv"),
        quarantine=f"{OUT}/quarantine.csv",
        recordings=expand(f"{OUT}/recordings/{{shard}}.csv", shard=[*TRAIN, *TEST]),
        truth=TRUTH,
        arrays=examples("npy", SHOWN, 0, TRAIN),
        indexes=examples("csv", SHOWN, 0, TRAIN),
    output:
        report=report(
            f"{OUT}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"what": "The whole report"},
        ),
        fold_scores=report(
            f"{OUT}/figures/fold_scores.svg",
            caption="../report/fold_scores.rst",
            category="Scores",
            labels={"what": "Folds"},
        ),
        class_scores=report(
            f"{OUT}/figures/class_scores.svg",
            caption="../report/class_scores.rst",
            category="Scores",
            labels={"what": "Classes"},
        ),
        precision_recall=report(
            f"{OUT}/figures/precision_recall.svg",
            caption="../report/precision_recall.rst",
            category="Scores",
            labels={"what": "Precision and recall"},
        ),
        confusion=report(
            f"{OUT}/figures/confusion.svg",
            caption="../report/confusion.rst",
            category="Scores",
            labels={"what": "Confusion"},
        ),
        learning_curves=report(
            f"{OUT}/figures/learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="Training",
            labels={"what": "Learning curves"},
        ),
    log:
        f"{OUT}/logs/build_report.log",
    benchmark:
        f"{OUT}/benchmarks/build_report.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    params:
        settings=ordered(
            {
                "report": config["report"],
                "control": config["control"],
                "facts": [
                    ["data set", config["dataset"]],
                    ["data", "made up" if MADE else "fetched" if FETCHED else "a folder"],
                    ["seed", config["seed"]],
                    [
                        "folds",
                        f"{config['split']['n_splits']} by {config['split']['group']}, seed {config['split']['seed']}",
                    ],
                    ["augmented copies", config["augment"]["copies"]],
                    ["subset", config["subset"]],
                    [
                        "models",
                        ", ".join(
                            f"{model}, {config['models'][model]['epochs']} epochs" for model in MODELS
                        ),
                    ],
                    ["ensemble", ", ".join(f"{key} {value}" for key, value in config["ensemble"].items())],
                ],
                # What the page shows of it, so that the page is written anew when it changes.
                "configuration": configuration.tracked(configuration.effective(config)),
                "measured": MEASURED,
                "seed": config["seed"],
                "select": {model: config["models"][model]["select"] for model in MODELS},
                "features": config["features"][SHOWN],
                "crop": {"window": config["crop"]["window"]},
            }
        ),
        configuration=configuration.as_text(configuration.effective(config)),
        code=code("build_report.py"),
    script:
        "../scripts/build_report.py"
