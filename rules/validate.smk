# Reads models/, examples/ of the training shards as recorded, folds.csv and labels.json.
# Writes models/, or that of the last round of pseudo-labels (out-of-fold predictions).


rule validate_fold:
    """Predict one fold's validation examples with the model that did not train on them."""
    input:
        model=MODEL_JOBS.selected(OUT),
        folds=f"{OUT}/folds.csv",
        labels=f"{OUT}/labels.json",
        arrays=lambda wildcards: examples("npy", config["models"][wildcards.model]["features"], 0, TRAIN),
        indexes=lambda wildcards: examples("csv", config["models"][wildcards.model]["features"], 0, TRAIN),
    output:
        oof=f"{OUT}/{saved_run.models_folder(config)}/{{model}}/fold{{fold}}/oof.csv",
    log:
        f"{OUT}/logs/validate_fold/{{model}}/fold{{fold}}.log",
    benchmark:
        f"{OUT}/benchmarks/validate_fold/{{model}}/fold{{fold}}.tsv"
    cache: CACHED
    conda:
        "../envs/tensorflow.yaml"
    threads: lambda wildcards: config["models"][wildcards.model]["threads"]
    resources:
        gpu=1,
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=MODEL_JOBS.prediction_settings,
        store=STORE,
        code=chosen_code("validate_fold.py", MODEL_JOBS.architecture, STORE),
    script:
        "../scripts/validate_fold.py"
