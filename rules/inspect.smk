# Reads the recordings, a shard at a time, and the tables.
# Writes recordings/ (those that can be used), quarantine/ (those that cannot, and why) and quarantine.csv, the whole list.


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
    params:
        wildcards=named,
        settings=lambda wildcards: {"shards": count_of(wildcards.shard)},
        source=SOURCE,
        limit=LIMIT,
        recordings=of_tables(recordings_of),
        code=code("inspect_recordings.py", READER),
    script:
        "../scripts/inspect_recordings.py"


rule list_quarantined:
    """List what is set aside, and stop where it is too much."""
    input:
        ready=READY,
        records=RECORDS,
        shards=expand(f"{OUT}/quarantine/{{shard}}.csv", shard=[*TRAIN, *TEST]),
    output:
        quarantine=f"{OUT}/quarantine.csv",
    log:
        f"{OUT}/logs/list_quarantined.log",
    benchmark:
        f"{OUT}/benchmarks/list_quarantined.tsv"
    cache: CACHED
    # As soon as can be: it may stop the run.
    priority: 100
    conda:
        "../envs/signal.yaml"
    params:
        settings={"max_quarantined": LIMIT.max_quarantined, "on_bad_file": LIMIT.on_bad_file},
        source=SOURCE,
        limit=LIMIT,
        tables=of_tables(lambda found, wildcards: f"rows set aside {tracking.rows_digest(found)}"),
        code=code("list_quarantined.py", READER),
    script:
        "../scripts/list_quarantined.py"
