# Reads the recordings, a shard at a time: files of sound, photographs, or studies.
# Writes recordings/ (those that can be used), quarantine/ (those that cannot, and why), windows/, random_crops/, augmented/ and
# examples/, each an array beside its table: int16 waveforms and float16 features of sound, or compressed images.


rule inspect_recordings:
    """Inspect recordings, and quarantine what cannot be used."""
    input:
        ready=READY,
        records=RECORDS,
    output:
        recordings=f"{OUT}/recordings/{{shard}}.csv",
        quarantine=f"{OUT}/quarantine/{{shard}}.csv",
    log:
        f"{OUT}/logs/inspect_recordings/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/inspect_recordings/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=OF_MEDIUM.settings("inspect"),
        module=OF_MEDIUM.module("inspect"),
        source=DATASET.source_of,
        limit=LIMIT,
        recordings=table_digest_param(recordings_of),
        code=code("inspect_recordings.py", READER, OF_MEDIUM.module("inspect"), messages=True),
    script:
        "../scripts/inspect_recordings.py"


rule crop_windows:
    """Take the window or the images of each annotation."""
    input:
        recordings=f"{OUT}/recordings/{{shard}}.csv",
    output:
        windows=f"{OUT}/windows/{{shard}}.npy",
        index=f"{OUT}/windows/{{shard}}.csv",
    log:
        f"{OUT}/logs/crop_windows/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/crop_windows/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=OF_MEDIUM.settings("crop", stored=OF_MEDIUM.stored),
        module=OF_MEDIUM.module("crop"),
        store=STORE,
        source=DATASET.source_of,
        recordings=table_digest_param(recordings_of),
        code=code("crop_windows.py", READER, OF_MEDIUM.module("crop"), STORE),
    script:
        "../scripts/crop_windows.py"


if config["augment"]["random_crop"]:

    rule crop_copies:
        """Cut a window at random around each event, for one copy of it."""
        input:
            recordings=f"{OUT}/recordings/{{shard}}.csv",
        output:
            windows=temp(f"{OUT}/random_crops/{{variant}}/{{shard}}.npy"),
            index=f"{OUT}/random_crops/{{variant}}/{{shard}}.csv",
        log:
            f"{OUT}/logs/crop_copies/{{variant}}/{{shard}}.log",
        benchmark:
            f"{OUT}/benchmarks/crop_copies/{{variant}}/{{shard}}.tsv"
        cache: CACHED
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            wildcards=wildcards_param,
            settings=OF_MEDIUM.settings("crop", seed=config["seed"]),
            module=OF_MEDIUM.module("crop"),
            store=STORE,
            source=DATASET.source_of,
            recordings=table_digest_param(recordings_of),
            code=code("crop_copies.py", READER, OF_MEDIUM.module("crop"), STORE),
        script:
            "../scripts/crop_copies.py"


rule augment_windows:
    """Make one augmented copy of each window or image."""
    input:
        windows=f"{OUT}/{OF_MEDIUM.copied}/{{shard}}.npy",
        index=f"{OUT}/{OF_MEDIUM.copied}/{{shard}}.csv",
    output:
        windows=branch(
            config["augment"]["keep_copies"],
            then=f"{OUT}/augmented/{{variant}}/{{shard}}.npy",
            otherwise=temp(f"{OUT}/augmented/{{variant}}/{{shard}}.npy"),
        ),
        index=f"{OUT}/augmented/{{variant}}/{{shard}}.csv",
    log:
        f"{OUT}/logs/augment_windows/{{variant}}/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/augment_windows/{{variant}}/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=OF_MEDIUM.augment_settings(stored=OF_MEDIUM.stored),
        module=OF_MEDIUM.module("augment"),
        transforms=OF_MEDIUM.module("transforms"),
        store=STORE,
        code=code("augment_windows.py", OF_MEDIUM.module("augment"), STORE, *OF_MEDIUM.transforms()),
    script:
        "../scripts/augment_windows.py"


rule compute_features:
    """Compute what a model is fed: spectrograms or other features of windows or copies of them, images of one size."""
    input:
        unpack(OF_MEDIUM.windows_input(OUT)),
    output:
        examples=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.npy",
        index=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.csv",
    log:
        f"{OUT}/logs/compute_features/{{features}}/{{variant}}/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/compute_features/{{features}}/{{variant}}/{{shard}}.tsv"
    wildcard_constraints:
        features=OF_MEDIUM.names(embeddings=False),
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=lambda wildcards: OF_MEDIUM.settings(
            "compute",
            features={wildcards.features: config["features"][wildcards.features]},
            stored=OF_MEDIUM.stored,
        ),
        copies=OF_MEDIUM.copies,
        test=OF_MEDIUM.only_test(lambda wildcards: OF_MEDIUM.settings("test")),
        module=OF_MEDIUM.module("compute"),
        features=lambda wildcards: OF_MEDIUM.features(wildcards.features),
        store=STORE,
        source=SOURCE,
        recordings=OF_MEDIUM.only_test(table_digest_param(recordings_of)),
        code=chosen_code(
            "compute_features.py",
            OF_MEDIUM.feature_modules,
            OF_MEDIUM.module("compute"),
            STORE,
        ),
    script:
        "../scripts/compute_features.py"


if FROZEN.places.paths:

    rule compute_embeddings:
        """Compute what a model is fed with a frozen model: vectors of windows or copies of them."""
        input:
            unpack(OF_MEDIUM.windows_input(OUT)),
        output:
            examples=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.npy",
            index=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.csv",
        log:
            f"{OUT}/logs/compute_embeddings/{{features}}/{{variant}}/{{shard}}.log",
        benchmark:
            f"{OUT}/benchmarks/compute_embeddings/{{features}}/{{variant}}/{{shard}}.tsv"
        wildcard_constraints:
            features=OF_MEDIUM.names(embeddings=True),
        cache: CACHED
        conda:
            "../envs/tensorflow.yaml"
        threads: lambda wildcards: config["features"][wildcards.features]["threads"]
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            wildcards=wildcards_param,
            settings=lambda wildcards: OF_MEDIUM.settings(
                "compute", features={wildcards.features: config["features"][wildcards.features]}
            ),
            copies=OF_MEDIUM.copies,
            test=OF_MEDIUM.only_test(lambda wildcards: OF_MEDIUM.settings("test")),
            models=FROZEN.places,
            source=SOURCE,
            recordings=OF_MEDIUM.only_test(table_digest_param(recordings_of)),
            code=chosen_code("compute_embeddings.py", OF_MEDIUM.feature_modules),
        script:
            "../scripts/compute_embeddings.py"
