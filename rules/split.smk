# Reads the annotation tables of the data set, and which recordings can be used.
# Writes folds.csv (one row an example, with its fold), labels.json (the classes, in order) and contents.csv (what recordings hold).


rule split_folds:
    """Deal the examples to stratified folds."""
    input:
        recordings=expand(f"{OUT}/recordings/{{shard}}.csv", shard=TRAIN),
        quarantine=expand(f"{OUT}/quarantine/{{shard}}.csv", shard=TRAIN),
    output:
        folds=f"{OUT}/folds.csv",
        labels=f"{OUT}/labels.json",
        contents=f"{OUT}/contents.csv",
    log:
        f"{OUT}/logs/split_folds.log",
    benchmark:
        f"{OUT}/benchmarks/split_folds.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        settings=ordered(
            {
                "crop": {"absent": config["crop"]["absent"]},
                "windows": OF_MEDIUM.covering,
                "split": {key: value for key, value in config["split"].items() if key != "rare_classes"},
            }
        ),
        rare_classes=untracked.Text(config["split"]["rare_classes"]),
        source=SOURCE,
        contents=untracked.Text(str(FILE_DIGESTS.index)),
        limit=LIMIT,
        annotations=table_digest_param(lambda found, wildcards: f"annotations {found.annotations}"),
        code=code("split_folds.py", READER),
    script:
        "../scripts/split_folds.py"
