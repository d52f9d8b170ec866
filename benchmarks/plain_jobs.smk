# Rules with about as many jobs, inputs, outputs and params as those of Understory, for benchmarks/plan_time.py.
TRAIN = [f"train-{number}" for number in range(int(config["train"]))]
TEST = [f"test-{number}" for number in range(int(config["test"]))]
TEXT = "x" * 60
FOLDS, MODELS, VARIANTS = range(5), ["a", "b"], range(4)


rule all:
    input:
        "out/report.html",
        "out/submission.csv",
        "out/scores.json",


rule inspect:
    input:
        "since",
    output:
        "out/recordings/{shard}.csv",
        "out/quarantine/{shard}.csv",
    log:
        "out/logs/inspect/{shard}.log",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
        d=TEXT,
    script:
        "plain.py"


rule gather:
    input:
        "since",
        expand("out/quarantine/{shard}.csv", shard=TRAIN + TEST),
    output:
        "out/quarantine.csv",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
    script:
        "plain.py"


rule split:
    input:
        expand("out/recordings/{shard}.csv", shard=TRAIN),
        expand("out/quarantine/{shard}.csv", shard=TRAIN),
    output:
        "out/folds.csv",
        "out/labels.json",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
    script:
        "plain.py"


rule crop:
    input:
        "out/recordings/{shard}.csv",
    output:
        "out/windows/{shard}.npy",
        "out/windows/{shard}.csv",
    log:
        "out/logs/crop/{shard}.log",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
        d=TEXT,
    script:
        "plain.py"


rule augment:
    input:
        "out/windows/{shard}.npy",
        "out/windows/{shard}.csv",
    output:
        "out/augmented/{variant}/{shard}.npy",
        "out/augmented/{variant}/{shard}.csv",
    log:
        "out/logs/augment/{variant}/{shard}.log",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
    script:
        "plain.py"


def before(wildcards):
    if wildcards.shard.startswith("test"):
        return [f"out/recordings/{wildcards.shard}.csv"]
    folder = "windows" if wildcards.variant == "0" else f"augmented/{wildcards.variant}"
    return [f"out/{folder}/{wildcards.shard}.npy", f"out/{folder}/{wildcards.shard}.csv"]


rule transform:
    input:
        before,
    output:
        "out/examples/{variant}/{shard}.npy",
        "out/examples/{variant}/{shard}.csv",
    log:
        "out/logs/transform/{variant}/{shard}.log",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
        d=TEXT,
        e=TEXT,
    script:
        "plain.py"


rule train:
    input:
        "out/folds.csv",
        "out/labels.json",
        expand("out/examples/{variant}/{shard}.npy", variant=VARIANTS, shard=TRAIN),
        expand("out/examples/{variant}/{shard}.csv", variant=VARIANTS, shard=TRAIN),
    output:
        "out/models/{model}/{fold}.keras",
        "out/models/{model}/{fold}.csv",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
    script:
        "plain.py"


rule predict:
    input:
        "out/models/{model}/{fold}.keras",
        "out/labels.json",
        expand("out/examples/0/{shard}.npy", shard=TEST),
        expand("out/examples/0/{shard}.csv", shard=TEST),
    output:
        "out/predictions/{model}/{fold}.csv",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
    script:
        "plain.py"


rule ensemble:
    input:
        "out/folds.csv",
        "out/quarantine.csv",
        expand("out/models/{model}/{fold}.csv", model=MODELS, fold=FOLDS),
        expand("out/predictions/{model}/{fold}.csv", model=MODELS, fold=FOLDS),
    output:
        "out/scores.json",
        "out/oof.csv",
        "out/predictions.csv",
    params:
        a=TEXT,
        b=TEXT,
    script:
        "plain.py"


rule submit:
    input:
        "out/predictions.csv",
    output:
        "out/submission.csv",
    params:
        a=TEXT,
        b=TEXT,
        c=TEXT,
    script:
        "plain.py"


rule report:
    input:
        "out/scores.json",
        "out/oof.csv",
        expand("out/examples/0/{shard}.npy", shard=TRAIN),
        expand("out/examples/0/{shard}.csv", shard=TRAIN),
    output:
        "out/report.html",
    params:
        a=TEXT,
        b=TEXT,
    script:
        "plain.py"
