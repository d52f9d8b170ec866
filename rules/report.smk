# Reads scores, histories, out-of-fold predictions, the examples as recorded, the quarantine, and the truth where there is one.
# Writes report.html and its figures, which Snakemake's own report (snakemake --report) shows as well.

from understory.evaluation import metric

# What the examples on the page look like: as the first model sees them.
SHOWN = config["models"][MODELS[0]]["features"]
COPIES = range(config["augment"]["copies"] + 1)
# What recordings are called.
SOURCES = "recordings" if MEDIUM == "audio" else "studies" if config["images"]["sequences"] else "photographs"
# By name: the category and the title in Snakemake's own report.
FIGURES = {
    "fold_scores": ("Scores", "Folds"),
    **{
        name: ("Scores", title)
        for name, title in {
            "class_scores": "Classes",
            "precision_recall": "Precision and recall",
            "separation": "Predictions by class",
            "roc": "Receiver operating characteristic",
        }.items()
        if name in metric.figures(reader(config["dataset"]).METRIC)
    },
    "confusion": ("Scores", "Confusion"),
    "learning_curves": ("Training", "Learning curves"),
}
MEASURED = {
    "names": sorted(
        {
            *TRAIN,
            *TEST,
            *MODELS,
            *settings.features_of(config),
            *map(str, COPIES),
            *(f"fold{fold}" for fold in FOLDS),
        }
    ),
    "rules": sorted(path.stem for path in SCRIPTS.glob("*.py") if rules.has(path.stem)),
}


report: "../report/workflow.rst"


rule build_report:
    """Build the report."""
    input:
        scores=f"{OUT}/scores.json",
        oof=f"{OUT}/ensemble/oof.csv",
        predictions=f"{OUT}/ensemble/predictions.csv" if TEST else [],
        labels=f"{OUT}/labels.json",
        members=f"{OUT}/{saved_run.FILE}",
        folds=f"{OUT}/folds.csv",
        histories=of_folds("models/{model}/fold{fold}/history.csv"),
        quarantine=f"{OUT}/quarantine.csv",
        recordings=expand(f"{OUT}/recordings/{{shard}}.csv", shard=[*TRAIN, *TEST]),
        truth=TRUTH,
        arrays=examples("npy", SHOWN, 0, TRAIN),
        indexes=examples("csv", SHOWN, 0, TRAIN),
    output:
        **{
            name: report(
                f"{OUT}/figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category=category,
                labels={"what": what},
            )
            for name, (category, what) in FIGURES.items()
        },
        report=report(
            f"{OUT}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"what": "The whole report"},
        ),
    log:
        f"{OUT}/logs/build_report.log",
    benchmark:
        f"{OUT}/benchmarks/build_report.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        settings=ordered(
            {
                "report": config["report"],
                "control": config["control"],
                "facts": [
                    ["data set", config["dataset"]],
                    ["data", "made up" if IS_SYNTHETIC else "fetched" if IS_FETCHED else "a folder"],
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
                "configuration": settings.tracked(settings.effective(config)),
                "measured": MEASURED,
                "seed": config["seed"],
                "select": {model: config["models"][model]["select"] for model in MODELS},
                "features": config["features"][SHOWN],
                "crop": {"window": config["crop"]["window"]},
                "sequences": config["images"]["sequences"],
                "sources": SOURCES,
                "store": STORE,
                "threshold": config["ensemble"]["threshold"],
            }
        ),
        configuration=settings.as_text(settings.effective(config)),
        code=code("build_report.py", STORE, METRIC),
    script:
        "../scripts/build_report.py"
