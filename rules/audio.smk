# Reads the recordings, a shard at a time.
# Writes recordings/ (those that can be used), quarantine/ (those that cannot, and why),
# windows/ and augmented/ (int16 waveforms) and examples/ (float16 spectrograms or other features), each an array beside its table.

CROP = config["crop"]
RATE = {"sample_rate": CROP["sample_rate"]}


rule inspect_recordings:
    """Look recordings through, and set aside what cannot be used."""
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
        source=DATASET.source_of,
        limit=LIMIT,
        recordings=table_digest_param(recordings_of),
        code=code("inspect_recordings.py", READER, messages=True),
    script:
        "../scripts/inspect_recordings.py"


rule crop_windows:
    """Cut one window an annotation."""
    input:
        recordings=f"{OUT}/recordings/{{shard}}.csv",
    output:
        waveforms=f"{OUT}/windows/{{shard}}.npy",
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
        settings=ordered({"crop": {key: CROP[key] for key in ("absent", "sample_rate", "window")}}),
        source=DATASET.source_of,
        recordings=table_digest_param(recordings_of),
        code=code("crop_windows.py", READER),
    script:
        "../scripts/crop_windows.py"


rule augment_windows:
    """Make one augmented copy of each window."""
    input:
        waveforms=f"{OUT}/windows/{{shard}}.npy",
        index=f"{OUT}/windows/{{shard}}.csv",
    output:
        waveforms=branch(
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
        settings=ordered(
            {"augment": {"chain": config["augment"]["chain"]}, "crop": RATE, "seed": config["seed"]}
        ),
        code=code("augment_windows.py"),
    script:
        "../scripts/augment_windows.py"


rule compute_spectrograms:
    """Compute spectrograms, or other features of sound."""
    input:
        unpack(windows_input),
    output:
        examples=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.npy",
        index=f"{OUT}/examples/{{features}}/{{variant}}/{{shard}}.csv",
    log:
        f"{OUT}/logs/compute_spectrograms/{{features}}/{{variant}}/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/compute_spectrograms/{{features}}/{{variant}}/{{shard}}.tsv"
    cache: CACHED
    conda:
        "../envs/signal.yaml"
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        wildcards=wildcards_param,
        settings=lambda wildcards: ordered(
            {"crop": RATE, "features": {wildcards.features: config["features"][wildcards.features]}}
        ),
        test=only_test(
            lambda wildcards: ordered({"crop": {key: CROP[key] for key in ("hop", "sample_rate", "window")}})
        ),
        source=SOURCE,
        recordings=only_test(table_digest_param(recordings_of)),
        code=code("compute_spectrograms.py"),
    script:
        "../scripts/compute_spectrograms.py"
