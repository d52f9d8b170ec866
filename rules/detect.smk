# Reads new recordings, and the models, labels.json and, where there is one, calibration.json of this run or of models_from.
# Writes detections/: window scores, tables of events, a summary, figures; and what it has scored, to spare that the next time.

DETECTED = []
TABLES = ("detections", "failed", "recordings", "summary", "thresholds")
DETECTIONS = f"{OUT}/detections"
# With models of another run, it is used where that run has one.
CALIBRATION = f"{MODELS_FROM}/calibration.json"
if config["models_from"] and not Path(CALIBRATION).is_file():
    CALIBRATION = []

if NEW:
    DETECTED = [
        *expand(f"{DETECTIONS}/{{table}}.csv", table=TABLES),
        *expand(f"{DETECTIONS}/{{folder}}", folder=("audacity", "raven")),
        f"{DETECTIONS}/activity.svg",
        f"{DETECTIONS}/gallery.html",
    ]


rule detections:
    """Detect events in new recordings."""
    input:
        new_recordings.of_recordings(config, DETECTED, "to detect events in"),


if NEW:
    PLACES = new_recordings.Places(str(NEW.folder), f"{DETECTIONS}/cache", str(FILE_DIGESTS.index))

    rule score_recordings:
        """Score the windows of new recordings with all models."""
        input:
            models=MODEL_JOBS.saved(MODELS_FROM),
            members=saved_run.weights_file(config, MODELS_FROM),
            labels=f"{MODELS_FROM}/labels.json",
            records=RECORDS,
        output:
            scores=f"{DETECTIONS}/scores/{{shard}}.parquet",
            failed=f"{DETECTIONS}/failed/{{shard}}.csv",
        log:
            f"{OUT}/logs/score_recordings/{{shard}}.log",
        benchmark:
            f"{OUT}/benchmarks/score_recordings/{{shard}}.tsv"
        conda:
            "../envs/tensorflow.yaml"
        # The only job scores two parts of a recording at once; a frozen model computes one window after the other.
        threads: MODEL_JOBS.scoring()["threads"] * (1 if FROZEN.places.paths or NEW.count > 1 else 2)
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            wildcards=wildcards_param,
            settings=MODEL_JOBS.scoring(),
            models=FROZEN.places,
            shards=NEW.count,
            recordings=lambda wildcards: NEW.digest(wildcards.shard),
            places=PLACES,
            code=code("score_recordings.py", *MODEL_JOBS.scoring_modules(), messages=True),
        script:
            "../scripts/score_recordings.py"

    rule detect_events:
        """Find the events in window scores."""
        input:
            scores=expand(f"{DETECTIONS}/scores/{{shard}}.parquet", shard=NEW.shards),
            failed=expand(f"{DETECTIONS}/failed/{{shard}}.csv", shard=NEW.shards),
            labels=f"{MODELS_FROM}/labels.json",
            calibration=CALIBRATION,
        output:
            detections=f"{DETECTIONS}/detections.csv",
            failed=f"{DETECTIONS}/failed.csv",
            recordings=f"{DETECTIONS}/recordings.csv",
            summary=f"{DETECTIONS}/summary.csv",
            thresholds=f"{DETECTIONS}/thresholds.csv",
            audacity=directory(f"{DETECTIONS}/audacity"),
            raven=directory(f"{DETECTIONS}/raven"),
        log:
            f"{OUT}/logs/detect_events.log",
        benchmark:
            f"{OUT}/benchmarks/detect_events.tsv"
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=MODEL_JOBS.detecting(),
            code=code("detect_events.py"),
        script:
            "../scripts/detect_events.py"

    rule show_detections:
        """Draw activity and the highest events."""
        input:
            detections=f"{DETECTIONS}/detections.csv",
            failed=f"{DETECTIONS}/failed.csv",
            recordings=f"{DETECTIONS}/recordings.csv",
            summary=f"{DETECTIONS}/summary.csv",
        output:
            activity=f"{DETECTIONS}/activity.svg",
            gallery=f"{DETECTIONS}/gallery.html",
        log:
            f"{OUT}/logs/show_detections.log",
        benchmark:
            f"{OUT}/benchmarks/show_detections.tsv"
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=MODEL_JOBS.showing(),
            recordings=lambda wildcards: NEW.digest(),
            places=PLACES,
            code=code("show_detections.py"),
        script:
            "../scripts/show_detections.py"
