# Reads quarantine/, the quarantined recordings and annotations of each shard, and the tables.
# Writes quarantine.csv, the whole list.


rule list_quarantined:
    """List what is quarantined, and stop where it is too much."""
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
    resources:
        mem_mb=SIZES.mem_mb,
        runtime=SIZES.runtime,
    params:
        settings={"max_quarantined": LIMIT.max_quarantined, "on_bad_file": LIMIT.on_bad_file},
        source=SOURCE,
        limit=LIMIT,
        tables=table_digest_param(lambda found, wildcards: f"rows quarantined {found.rows}"),
        code=code("list_quarantined.py", READER, messages=True),
    script:
        "../scripts/list_quarantined.py"
