# Reads examples/ of the test shards, and the models and labels.json of this run, or of one that models_from names.
# Writes predictions/ of the test windows.


rule predict_fold:
    """Predict the test recordings' windows with one fold's model."""
    input:
        model=MODEL_JOBS.selected(MODELS_FROM),
        labels=f"{MODELS_FROM}/labels.json",
        arrays=lambda wildcards: examples("npy", config["models"][wildcards.model]["features"], 0, TEST),
        indexes=lambda wildcards: examples("csv", config["models"][wildcards.model]["features"], 0, TEST),
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
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=MODEL_JOBS.prediction_settings,
        store=STORE,
        code=chosen_code("predict_fold.py", MODEL_JOBS.architecture, STORE),
    script:
        "../scripts/predict_fold.py"
