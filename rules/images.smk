# Reads the photographs or studies, a shard at a time.
# Writes recordings/ and quarantine/, and windows/, augmented/ and examples/: compressed pictures beside their tables.

IMAGES = config["images"]
TAKEN = {"longest_side": IMAGES["longest_side"], "sequences": IMAGES["sequences"]}


rule inspect_images:
    """Look photographs or studies through, and set aside what cannot be used."""
    input:
        ready=READY,
        records=RECORDS,
    output:
        recordings=f"{OUT}/recordings/{{shard}}.csv",
        quarantine=f"{OUT}/quarantine/{{shard}}.csv",
    log:
        f"{OUT}/logs/inspect_images/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/inspect_images/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=ordered({"images": {key: IMAGES[key] for key in ("sequences", "slices")}}),
        source=DATASET.source_of,
        limit=LIMIT,
        recordings=table_digest_param(recordings_of),
        code=code("inspect_images.py", READER, messages=True),
    script:
        "../scripts/inspect_images.py"


rule crop_images:
    """Take the pictures of each annotation."""
    input:
        recordings=f"{OUT}/recordings/{{shard}}.csv",
    output:
        pictures=f"{OUT}/windows/{{shard}}.npy",
        index=f"{OUT}/windows/{{shard}}.csv",
    log:
        f"{OUT}/logs/crop_images/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/crop_images/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=ordered({"crop": {"absent": config["crop"]["absent"]}, "images": TAKEN}),
        source=DATASET.source_of,
        recordings=table_digest_param(recordings_of),
        code=code("crop_images.py", READER),
    script:
        "../scripts/crop_images.py"


rule augment_images:
    """Make one augmented copy of each picture."""
    input:
        pictures=f"{OUT}/windows/{{shard}}.npy",
        index=f"{OUT}/windows/{{shard}}.csv",
    output:
        pictures=branch(
            config["augment"]["keep_copies"],
            then=f"{OUT}/augmented/{{variant}}/{{shard}}.npy",
            otherwise=temp(f"{OUT}/augmented/{{variant}}/{{shard}}.npy"),
        ),
        index=f"{OUT}/augmented/{{variant}}/{{shard}}.csv",
    log:
        f"{OUT}/logs/augment_images/{{variant}}/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/augment_images/{{variant}}/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=ordered(
            {
                "augment": {"chain": config["augment"]["chain"]},
                "images": {"sequences": IMAGES["sequences"]},
                "seed": config["seed"],
            }
        ),
        code=code("augment_images.py"),
    script:
        "../scripts/augment_images.py"


rule encode_images:
    """Bring pictures to a model's size."""
    input:
        unpack(windows_input),
    output:
        examples=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.npy",
        index=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.csv",
    log:
        f"{OUT}/logs/encode_images/{{features}}/{{variant}}/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/encode_images/{{features}}/{{variant}}/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=lambda wildcards: ordered(
            {
                "features": {wildcards.features: config["features"][wildcards.features]},
                "images": {"sequences": IMAGES["sequences"]},
            }
        ),
        test=only_test(lambda wildcards: ordered({"images": TAKEN})),
        source=SOURCE,
        recordings=only_test(table_digest_param(recordings_of)),
        code=code("encode_images.py"),
    script:
        "../scripts/encode_images.py"
