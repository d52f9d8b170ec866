# Reads the recordings, a shard at a time.
# Writes windows/ and augmented/ (int16 waveforms) and examples/ (float16 spectrograms), each an array beside its table.

RATE = config["crop"]["sample_rate"]
CROP = {key: config["crop"][key] for key in ("absent", "sample_rate", "window")}


rule crop_windows:
    """Cut one window an annotation."""
    input:
        recordings=rules.inspect_recordings.output.recordings,
    output:
        waveforms=f"{OUT}/windows/{{shard}}.npy",
        index=f"{OUT}/windows/{{shard}}.csv",
    log:
        f"{OUT}/logs/crop_windows/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/crop_windows/{{shard}}.tsv"
    conda:
        "../envs/signal.yaml"
    params:
        settings=ordered(CROP),
        source=SOURCE,
        recordings=of_tables(recordings_of),
        code=code("crop_windows.py", READER),
    script:
        "../scripts/crop_windows.py"


rule augment_windows:
    """Make one augmented copy of each window."""
    input:
        waveforms=rules.crop_windows.output.waveforms,
        index=rules.crop_windows.output.index,
    output:
        waveforms=branch(
            config["augment"]["keep_waveforms"],
            then=f"{OUT}/augmented/{{variant}}/{{shard}}.npy",
            otherwise=temp(f"{OUT}/augmented/{{variant}}/{{shard}}.npy"),
        ),
        index=f"{OUT}/augmented/{{variant}}/{{shard}}.csv",
    log:
        f"{OUT}/logs/augment_windows/{{variant}}/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/augment_windows/{{variant}}/{{shard}}.tsv"
    conda:
        "../envs/signal.yaml"
    params:
        settings=ordered({"chain": config["augment"]["chain"], "sample_rate": RATE, "seed": config["seed"]}),
        code=code("augment_windows.py"),
    script:
        "../scripts/augment_windows.py"


rule compute_spectrograms:
    """Compute log-mel spectrograms."""
    input:
        unpack(spectrogram_input),
    output:
        examples=f"{OUT}/examples/{{variant}}/{{shard}}.npy",
        index=f"{OUT}/examples/{{variant}}/{{shard}}.csv",
    log:
        f"{OUT}/logs/compute_spectrograms/{{variant}}/{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/compute_spectrograms/{{variant}}/{{shard}}.tsv"
    conda:
        "../envs/signal.yaml"
    params:
        settings=ordered({**config["spectrogram"], "sample_rate": RATE}),
        test=only_test(
            lambda wildcards: ordered(
                {
                    "hop": config["crop"]["hop"],
                    "sample_rate": RATE,
                    "window": config["crop"]["window"],
                }
            )
        ),
        source=SOURCE,
        recordings=only_test(of_tables(recordings_of)),
        code=code("compute_spectrograms.py"),
    script:
        "../scripts/compute_spectrograms.py"
