# Reads the ensemble's predictions and the competition's sample submission.
# Writes submission.csv.

if TEST:

    rule write_submission:
        """Write the submission in the form of the sample."""
        input:
            predictions=f"{OUT}/ensemble/predictions.csv",
            labels=f"{MODELS_FROM}/labels.json",
            members=f"{MODELS_FROM}/{saved_run.FILE}",
        output:
            submission=report(
                f"{OUT}/submission.csv",
                caption="../report/submission.rst",
                category="Submission",
                labels={"what": "submission.csv"},
            ),
        log:
            f"{OUT}/logs/write_submission.log",
        benchmark:
            f"{OUT}/benchmarks/write_submission.tsv"
        cache: CACHED
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            source=SOURCE,
            threshold=config["ensemble"]["threshold"],
            template=table_digest_param(lambda found, wildcards: f"sample submission {found.template()}"),
            code=code("write_submission.py", READER, METRIC),
        script:
            "../scripts/write_submission.py"
