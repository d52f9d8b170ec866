# Reads scores, histories, predictions, the examples as recorded, the quarantine, and the truth where there is one.
# Writes report.html, its warnings alone, and its figures, which Snakemake's own report (snakemake --report) shows as well.

from understory.evaluation import metric

with user_errors():
    DRAWN = metric.figures(reader(config["dataset"]).METRIC)
# The features that the page shows examples with: those of the first model, and rather not vectors, which show nothing.
SHOWN_OF = min(MODELS, key=lambda model: config["models"][model]["features"] in FROZEN.places.told)
SHOWN = config["models"][SHOWN_OF]["features"]
COPIES = range(config["augment"]["copies"] + 1)
# The category and the title of each figure in Snakemake's own report.
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
        if name in DRAWN
    },
    "confusion": ("Scores", "Confusion"),
    "learning_curves": ("Training", "Learning curves"),
    **({"reliability": ("Detections", "Reliability")} if CALIBRATES else {}),
}
# Records of what jobs used are no inputs: the jobs that run write them, and one that is missing is left out.
USED = {
    "results": OUT,
    "names": sorted(
        {
            *TRAIN,
            *TEST,
            *MODELS,
            *settings.features_of(config),
            *map(str, COPIES),
            *map(str, FOLDS),
            *(str(number + 1) for number in range(ROUNDS.count)),
        }
    ),
    "rules": sorted(path.stem for path in SCRIPTS.glob("*.py")),
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
        histories=of_folds(f"{saved_run.models_folder(config)}/{{model}}/fold{{fold}}/history.csv"),
        quarantine=f"{OUT}/quarantine.csv",
        train_recordings=expand(f"{OUT}/recordings/{{shard}}.csv", shard=TRAIN),
        test_recordings=expand(f"{OUT}/recordings/{{shard}}.csv", shard=TEST),
        truth=TRUTH,
        calibration=f"{OUT}/calibration.json" if CALIBRATES else [],
        detection_scores=f"{OUT}/detection_scores.json" if CALIBRATES else [],
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
        warnings=f"{OUT}/warnings.txt",
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
                "report": {**config["report"], **({"examples": 0} if SHOWN in FROZEN.places.told else {})},
                "model": SHOWN_OF,
                "windows": config["ensemble"]["windows"],
                "facts": [
                    ["data set", config["dataset"]],
                    ["data", "synthetic" if IS_SYNTHETIC else "downloaded" if IS_FETCHED else "a folder"],
                    ["seed", config["seed"]],
                    [
                        "folds",
                        f"{config['split']['n_splits']} by {config['split']['group']}, seed {config['split']['seed']}",
                    ],
                    *FROZEN.facts(),
                    *ROUNDS.facts(),
                    ["augmented copies", config["augment"]["copies"]],
                    ["subset", config["subset"]],
                    [
                        "models",
                        ", ".join(
                            f"{model}, {config['models'][model]['epochs']} epochs" for model in MODELS
                        ),
                    ],
                    [
                        "ensemble",
                        ", ".join(
                            f"{key} {'fitted' if value is None else value}"
                            for key, value in config["ensemble"].items()
                        ),
                    ],
                ],
                # What the page shows of the configuration: a change rebuilds the page.
                "configuration": settings.tracked(settings.effective(config)),
                "used": USED,
                "seed": config["seed"],
                # The model and fold of each history, in the order of the inputs.
                "trained": [[model, fold] for model in MODELS for fold in FOLDS],
                "priors": getattr(reader(config["dataset"]), "PRIORS", True),
                "features": config["features"][SHOWN],
                "crop": {key: config["crop"][key] for key in ("window", "long_events")},
                "sequences": config["images"]["sequences"],
                "sources": SOURCES,
                "store": STORE,
                "threshold": config["ensemble"]["threshold"],
            }
        ),
        configuration=settings.as_text(FROZEN.shown(settings.effective(config))),
        code=code("build_report.py", STORE, METRIC),
    script:
        "../scripts/build_report.py"
