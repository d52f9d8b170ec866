# Reads out-of-fold predictions, predictions of the test windows, the quarantine, and the truth where there is one.
# Writes ensemble/ and scores.json; with models of another run, ensemble/predictions.csv alone.

MODELS_FROM_RUN = config["models_from"]
# One of `understory.core.words.WORDS`.
SOURCES = "recordings" if MEDIUM == "audio" else "studies" if config["images"]["sequences"] else "images"


rule ensemble_folds:
    """Combine folds and models, and score them."""
    input:
        **(
            {"members": f"{MODELS_FROM}/{saved_run.FILE}"}
            if MODELS_FROM_RUN
            else {
                "contents": f"{OUT}/contents.csv",
                "folds": f"{OUT}/folds.csv",
                "oof": of_folds(f"{saved_run.models_folder(config)}/{{model}}/fold{{fold}}/oof.csv"),
                "truth": TRUTH,
            }
        ),
        labels=f"{MODELS_FROM}/labels.json",
        quarantine=f"{OUT}/quarantine.csv",
        predictions=of_folds("predictions/{model}/fold{fold}.csv") if TEST else [],
    output:
        **({"predictions": f"{OUT}/ensemble/predictions.csv"} if TEST else {}),
        **(
            {}
            if MODELS_FROM_RUN
            else {
                "oof": f"{OUT}/ensemble/oof.csv",
                "members": f"{OUT}/{saved_run.FILE}",
                "scores": report(
                    f"{OUT}/scores.json",
                    caption="../report/scores.rst",
                    category="Scores",
                    labels={"what": "scores.json"},
                ),
            }
        ),
    log:
        f"{OUT}/logs/ensemble_folds.log",
    benchmark:
        f"{OUT}/benchmarks/ensemble_folds.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        settings=ordered(
            {
                "ensemble": config["ensemble"],
                "name": config["name"],
                "predictions": config["predictions"],
                "run": saved_run.described(settings.effective(config)),
                "seed": config["seed"],
                **(
                    {}
                    if MODELS_FROM_RUN
                    else {
                        "control": config["control"],
                        "select": {
                            model: (
                                "best"
                                if config["models"][model]["patience"]
                                else config["models"][model]["select"]
                            )
                            for model in MODELS
                        },
                        "sources": SOURCES,
                        "trained_on_test": bool(ROUNDS.unlabelled),
                    }
                ),
            }
        ),
        models=FROZEN.places,
        priors=getattr(reader(config["dataset"]), "PRIORS", True),
        unit=reader(config["dataset"]).UNIT,
        members=[model for model in MODELS for _ in FOLDS],
        code=code("ensemble_folds.py", METRIC),
    script:
        "../scripts/ensemble_folds.py"
