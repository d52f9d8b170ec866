# Reads training recordings, their annotations and folds, and all models.
# Writes calibration.json and detection_scores.json, for detections that one can trust, and the window scores that they come from.

HELD_OUT = f"{OUT}/held_out"
# Of one's own recordings with every run; of other data sets where it is configured, or asked for by name.
CALIBRATES = MEDIUM == "audio" and (
    config["dataset"] == "own" if config["detect"]["calibrate"] is None else config["detect"]["calibrate"]
)

if MEDIUM == "audio":

    rule score_held_out:
        """Score training recordings with the models of the fold that did not train on them."""
        input:
            models=MODEL_JOBS.saved(OUT),
            members=saved_run.weights_file(config, OUT),
            recordings=f"{OUT}/recordings/{{shard}}.csv",
            folds=f"{OUT}/folds.csv",
            labels=f"{OUT}/labels.json",
        output:
            scores=f"{HELD_OUT}/{{shard}}.parquet",
        log:
            f"{OUT}/logs/score_held_out/{{shard}}.log",
        benchmark:
            f"{OUT}/benchmarks/score_held_out/{{shard}}.tsv"
        cache: CACHED
        conda:
            "../envs/tensorflow.yaml"
        threads: MODEL_JOBS.scoring()["threads"]
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            wildcards=wildcards_param,
            settings=MODEL_JOBS.scoring(),
            models=FROZEN.places,
            n_splits=config["split"]["n_splits"],
            source=SOURCE,
            recordings=table_digest_param(recordings_of),
            code=code("score_held_out.py", *MODEL_JOBS.scoring_modules()),
        script:
            "../scripts/score_held_out.py"

    rule score_probes:
        """Score noise, silence and other sounds without an event with all models."""
        input:
            models=MODEL_JOBS.saved(OUT),
            members=saved_run.weights_file(config, OUT),
            labels=f"{OUT}/labels.json",
        output:
            scores=f"{HELD_OUT}/probes.parquet",
        log:
            f"{OUT}/logs/score_probes.log",
        benchmark:
            f"{OUT}/benchmarks/score_probes.tsv"
        cache: CACHED
        conda:
            "../envs/tensorflow.yaml"
        threads: MODEL_JOBS.scoring()["threads"]
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=MODEL_JOBS.scoring(),
            models=FROZEN.places,
            seed=config["seed"],
            code=code("score_probes.py", *MODEL_JOBS.scoring_modules()),
        script:
            "../scripts/score_probes.py"

    rule calibrate_detections:
        """Fit probabilities and thresholds to held-out detections, and score these."""
        input:
            scores=expand(f"{HELD_OUT}/{{shard}}.parquet", shard=TRAIN),
            probes=f"{HELD_OUT}/probes.parquet",
            recordings=expand(f"{OUT}/recordings/{{shard}}.csv", shard=TRAIN),
            folds=f"{OUT}/folds.csv",
            labels=f"{OUT}/labels.json",
        output:
            calibration=f"{OUT}/calibration.json",
            scores=f"{OUT}/detection_scores.json",
        log:
            f"{OUT}/logs/calibrate_detections.log",
        benchmark:
            f"{OUT}/benchmarks/calibrate_detections.tsv"
        cache: CACHED
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=MODEL_JOBS.calibrating(),
            source=SOURCE,
            annotations=table_digest_param(
                lambda found, wildcards: f"annotations {found.annotations}, quarantined {found.rows}"
            ),
            code=code("calibrate_detections.py", READER),
        script:
            "../scripts/calibrate_detections.py"
