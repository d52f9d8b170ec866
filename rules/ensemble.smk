# Reads out-of-fold predictions, predictions of the test windows, what is set aside, and the truth where there is one.
# Writes ensemble/ and scores.json.


rule ensemble_folds:
    """Combine folds and models, and score them."""
    input:
        labels=f"{OUT}/labels.json",
        folds=f"{OUT}/folds.csv",
        quarantine=f"{OUT}/quarantine.csv",
        oof=[
            path
            for model in MODELS
            for path in of_folds(
                f"models/{{model}}/fold{{fold}}/{config['models'][model]['select']}_oof.csv", [model]
            )
        ],
        predictions=of_folds("predictions/{model}/fold{fold}.csv") if TEST else [],
        truth=TRUTH,
    output:
        **({"predictions": f"{OUT}/ensemble/predictions.csv"} if TEST else {}),
        oof=f"{OUT}/ensemble/oof.csv",
        scores=report(
            f"{OUT}/scores.json",
            caption="../report/scores.rst",
            category="Scores",
            labels={"what": "scores.json"},
        ),
    log:
        f"{OUT}/logs/ensemble_folds.log",
    benchmark:
        f"{OUT}/benchmarks/ensemble_folds.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    params:
        settings=ordered(
            {
                "ensemble": config["ensemble"],
                "models": {model: {"select": config["models"][model]["select"]} for model in MODELS},
                "name": config["name"],
            }
        ),
        code=code("ensemble_folds.py"),
    script:
        "../scripts/ensemble_folds.py"
