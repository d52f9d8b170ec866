# Reads the tables of the data set before the first job, and the scores after the last.
# Writes nothing: checks, and what a run shows while it works and at its end.

from snakemake.logging import logger


onstart:
    # Here, before the first job, and not where the Snakefile is parsed: it opens audio files.
    from understory.evaluation import reader_check
    from understory.plan import preflight
    from understory.run import progress

    DATASET.start()
    with user_errors():
        if not ONLY_DETECTS:
            preflight.check(config, DATASET.tables(), SOURCE, LIMIT, Path(OUT))
            reader_check.check(DATASET.tables(), SOURCE, top_k=config["predictions"]["top_k"])
    remarks = [] if ONLY_DETECTS else [*SIZES.remarks(), *preflight.remarks(DATASET.tables(), SOURCE)]
    sys.stderr.writelines(f"{remark}\n" for remark in remarks)
    planned = workflow.dag.needrun_jobs()
    costs = [(job.rule.name, SIZES.expected(job.rule.name, job.wildcards)) for job in planned]
    progress.show(logger, workflow.output_settings, costs)


onsuccess:
    from understory.run import summary

    targets = workflow.dag_settings.targets
    found = []
    if not targets and not ONLY_DETECTS:
        found += summary.lines(Path(OUT), tested=bool(TEST), models_from=config["models_from"])
    if NEW and (not targets or "detections" in targets):
        found += summary.detections(Path(OUT))
    if found:
        print(*found, sep="\n", flush=True)
