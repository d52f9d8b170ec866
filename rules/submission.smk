# Reads the ensemble's predictions and the competition's sample submission.
# Writes submission.csv.

if TEST:

    rule write_submission:
        """Write the submission in the form of the sample."""
        input:
            predictions=rules.ensemble_folds.output.predictions,
        output:
            submission=f"{OUT}/submission.csv",
        log:
            f"{OUT}/logs/write_submission.log",
        benchmark:
            f"{OUT}/benchmarks/write_submission.tsv"
        conda:
            "../envs/signal.yaml"
        params:
            settings=ordered({"data": DATA, "dataset": config["dataset"]}),
            template=template_digest,
            code=code("write_submission.py"),
        script:
            "../scripts/write_submission.py"
