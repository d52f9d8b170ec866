# Reads examples/, folds.csv and labels.json.
# Writes models/ (model, history, out-of-fold predictions) and predictions/ of the test windows.


rule train_fold:
    """Train one model on all but one fold."""
    input:
        folds=rules.split_folds.output.folds,
        labels=rules.split_folds.output.labels,
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
    conda:
        "../envs/tensorflow.yaml"
    threads: lambda wildcards: settings_of(wildcards)["threads"]
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: {
            "control": config["control"],
            "model": {key: value for key, value in settings_of(wildcards).items() if key != "select"},
            "resume": f"{OUT}/resume/{wildcards.model}-fold{wildcards.fold}",
            "seed": config["seed"],
        },
        code=code("train_fold.py"),
    script:
        "../scripts/train_fold.py"


rule predict_fold:
    """Predict the test recordings' windows with one fold's model."""
    input:
        model=lambda wildcards: f"{OUT}/models/{wildcards.model}/fold{wildcards.fold}/{selected(wildcards.model)}.keras",
        labels=rules.split_folds.output.labels,
        arrays=examples("npy", 0, TEST),
        indexes=examples("csv", 0, TEST),
    output:
        predictions=f"{OUT}/predictions/{{model}}/fold{{fold}}.csv",
    log:
        f"{OUT}/logs/predict_fold/{{model}}/fold{{fold}}.log",
    benchmark:
        f"{OUT}/benchmarks/predict_fold/{{model}}/fold{{fold}}.tsv"
    conda:
        "../envs/tensorflow.yaml"
    threads: lambda wildcards: settings_of(wildcards)["threads"]
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: {
            "batch_size": settings_of(wildcards)["batch_size"],
            "seed": config["seed"],
            "threads": settings_of(wildcards)["threads"],
        },
        code=code("predict_fold.py"),
    script:
        "../scripts/predict_fold.py"
