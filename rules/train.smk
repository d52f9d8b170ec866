# Reads examples/, folds.csv and labels.json.
# Writes models/ (model, history, out-of-fold predictions) and predictions/ of the test windows.


rule train_fold:
    """Train one model on all but one fold."""
    input:
        folds=f"{OUT}/folds.csv",
        labels=f"{OUT}/labels.json",
        arrays=examples("npy", VARIANTS, TRAIN),
        indexes=examples("csv", VARIANTS, TRAIN),
    output:
        last=f"{OUT}/models/{{model}}/fold{{fold}}/last.keras",
        best=f"{OUT}/models/{{model}}/fold{{fold}}/best.keras",
        history=f"{OUT}/models/{{model}}/fold{{fold}}/history.csv",
        last_oof=f"{OUT}/models/{{model}}/fold{{fold}}/last_oof.csv",
        best_oof=f"{OUT}/models/{{model}}/fold{{fold}}/best_oof.csv",
    log:
        f"{OUT}/logs/train_fold/{{model}}/fold{{fold}}.log",
    benchmark:
        f"{OUT}/benchmarks/train_fold/{{model}}/fold{{fold}}.tsv"
    cache: CACHED
    conda:
        "../envs/tensorflow.yaml"
    threads: lambda wildcards: config["models"][wildcards.model]["threads"]
    resources:
        gpu=1,
    params:
        wildcards=named,
        settings=lambda wildcards: {
            "control": config["control"],
            "models": {
                wildcards.model: {
                    key: value for key, value in config["models"][wildcards.model].items() if key != "select"
                }
            },
            "seed": config["seed"],
        },
        code=code("train_fold.py"),
    script:
        "../scripts/train_fold.py"


rule predict_fold:
    """Predict the test recordings' windows with one fold's model."""
    input:
        model=lambda wildcards: f"{OUT}/models/{wildcards.model}/fold{wildcards.fold}/{selected(wildcards.model)}.keras",
        labels=f"{OUT}/labels.json",
        arrays=examples("npy", 0, TEST),
        indexes=examples("csv", 0, TEST),
    output:
        predictions=f"{OUT}/predictions/{{model}}/fold{{fold}}.csv",
    log:
        f"{OUT}/logs/predict_fold/{{model}}/fold{{fold}}.log",
    benchmark:
        f"{OUT}/benchmarks/predict_fold/{{model}}/fold{{fold}}.tsv"
    cache: CACHED
    conda:
        "../envs/tensorflow.yaml"
    threads: lambda wildcards: config["models"][wildcards.model]["threads"]
    resources:
        gpu=1,
    params:
        wildcards=named,
        settings=lambda wildcards: {
            "models": {
                wildcards.model: {
                    key: config["models"][wildcards.model][key]
                    for key in ("batch_size", "select", "threads")
                }
            },
            "seed": config["seed"],
        },
        code=code("predict_fold.py"),
    script:
        "../scripts/predict_fold.py"
