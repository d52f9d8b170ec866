# Reads examples/, folds.csv and labels.json.
# Writes models/ (last and best model, history).


rule train_fold:
    """Train one model on all but one fold."""
    input:
        folds=f"{OUT}/folds.csv",
        labels=f"{OUT}/labels.json",
        arrays=lambda wildcards: trained_on("npy", wildcards),
        indexes=lambda wildcards: trained_on("csv", wildcards),
    output:
        last=f"{OUT}/models/{{model}}/fold{{fold}}/last.keras",
        best=f"{OUT}/models/{{model}}/fold{{fold}}/best.keras",
        history=f"{OUT}/models/{{model}}/fold{{fold}}/history.csv",
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
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=MODEL_JOBS.training_settings,
        store=STORE,
        code=chosen_code("train_fold.py", MODEL_JOBS.choices, STORE, METRIC),
    script:
        "../scripts/train_fold.py"
