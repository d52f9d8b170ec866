# Reads the tables of the data set before the first job, and the scores after the last.
# Writes nothing: checks, and what a run shows while it works and at its end.

from snakemake.logging import logger

# Jobs inherit the environment.
processor.limit(config["instruction_set"])


onstart:
    # Here, before the first job, and not where the Snakefile is parsed: it opens audio files.
    from understory.evaluation import trials
    from understory.plan import preflight
    from understory.run import progress

    DATASET.start()
    if "search" in workflow.dag_settings.targets:
        from understory.search import examples

        with user_errors():
            examples.starts(LIKE, sought.times(config), EMBEDDING)
    with user_errors():
        if not ONLY_DETECTS:
            tables, top_k = DATASET.tables(), config["predictions"]["top_k"]
            remarks = [*SIZES.remarks(len(workflow.dag)), *preflight.remarks(tables, SOURCE)]
            sys.stderr.writelines(f"{remark}\n" for remark in [*DATASET.remarks(), *remarks])
            preflight.check(config, tables, SOURCE, LIMIT, Path(OUT), RECORDED)
            FROZEN.check(tables, SOURCE)
            if not config["models_from"]:
                trials.try_metric(tables, SOURCE, top_k=top_k)
            labels = Path(MODELS_FROM, saved_run.LABELS) if config["models_from"] else None
            trials.try_reader(tables, SOURCE, top_k=top_k, labels=labels)
    sys.stderr.writelines(f"{remark}\n" for remark in preflight.verdict_remarks(config))
    planned = workflow.dag.needrun_jobs()
    costs = [(job.rule.name, SIZES.expected(job.rule.name, job.wildcards)) for job in planned]
    progress.show(logger, workflow.output_settings, costs)


onsuccess:
    from understory.run import summary

    targets = workflow.dag_settings.targets
    # With --until or --omit-from there are no scores yet that can be told.
    whole = not (targets or workflow.dag_settings.until or workflow.dag_settings.omit_from)
    found = []
    if whole and not ONLY_DETECTS:
        found += summary.lines(Path(OUT), tested=bool(TEST), models_from=config["models_from"])
    if NEW and (whole or "detections" in targets):
        found += summary.detections(Path(OUT))
    if VERDICTS and (whole or "review" in targets):
        found += summary.precision(Path(OUT))
    if "review" in targets:
        found.append(f"review       {OUT}/review/review.html")
    found += [f"{name:<12} {OUT}/{name}/{name}.html" for name in ("search", "queue") if name in targets]
    if "export" in targets:
        found.append(f"export       {EXPORT}")
    if found:
        print(*found, sep="\n", flush=True)
