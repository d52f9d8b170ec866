# Reads new recordings, a frozen model, examples of what is sought; and for a queue annotations, verdicts, and window scores.
# Writes search/, the vectors of all windows and those nearest to the examples, and queue/, what to label next; each with a page.

from understory.search import sought

FOUND, QUEUE = f"{OUT}/search", f"{OUT}/queue"
# The features whose vectors are compared.
VECTORS = sought.vectors_of(config) if MEDIUM == "audio" else None


rule search:
    """Search for what is similar to examples."""
    input:
        sought.of_target(config, MEDIUM, "search", [f"{FOUND}/search.csv", f"{FOUND}/search.html"]),


rule queue:
    """Choose what to label next."""
    input:
        sought.of_target(config, MEDIUM, "queue", [f"{QUEUE}/queue.csv", f"{QUEUE}/queue.html"]),


if NEW and VECTORS:
    SCORING = MODEL_JOBS.scoring()
    EMBEDDING = {
        **{key: SCORING[key] for key in ("hop", "sample_rate", "window")},
        "features": [config["features"][VECTORS]],
        "threads": config["features"][VECTORS]["threads"],
    }

    with user_errors():
        OUTSIDE = sought.held_out(config)

    rule embed_recordings:
        """Compute the vectors of the windows of new recordings."""
        input:
            records=RECORDS,
        output:
            vectors=f"{FOUND}/vectors/{{shard}}.npy",
            windows=f"{FOUND}/vectors/{{shard}}.parquet",
            failed=f"{FOUND}/failed/{{shard}}.csv",
        log:
            f"{OUT}/logs/embed_recordings/{{shard}}.log",
        benchmark:
            f"{OUT}/benchmarks/embed_recordings/{{shard}}.tsv"
        conda:
            "../envs/tensorflow.yaml"
        threads: EMBEDDING["threads"]
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            wildcards=wildcards_param,
            settings=ordered(EMBEDDING),
            models=FROZEN.places,
            shards=NEW.count,
            recordings=lambda wildcards: NEW.digest(wildcards.shard),
            places=new_recordings.Places(str(NEW.folder), f"{FOUND}/cache", str(FILE_DIGESTS.index)),
            code=code("embed_recordings.py", *modules_of(EMBEDDING["features"][0]), messages=True),
        script:
            "../scripts/embed_recordings.py"

    rule build_label_page:
        """Build the page on which what was found or chosen is labelled."""
        input:
            unpack(sought.page_inputs(OUT, MODELS_FROM)),
        output:
            page=f"{OUT}/{{chosen}}/{{chosen}}.html",
        log:
            f"{OUT}/logs/build_label_page/{{chosen}}.log",
        benchmark:
            f"{OUT}/benchmarks/build_label_page/{{chosen}}.tsv"
        wildcard_constraints:
            chosen="search|queue",
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=ordered(
                {
                    "highest": OF_MEDIUM.shown.high,
                    "name": config["name"],
                    "review": {key: config["review"][key] for key in ("context", "slower")},
                }
            ),
            places=PLACES,
            code=code("build_label_page.py"),
        script:
            "../scripts/build_label_page.py"

    rule choose_queue:
        """Choose what to label next."""
        input:
            scores=expand(f"{DETECTIONS}/scores/{{shard}}.parquet", shard=NEW.shards),
            vectors=expand(f"{FOUND}/vectors/{{shard}}.npy", shard=NEW.shards),
            windows=expand(f"{FOUND}/vectors/{{shard}}.parquet", shard=NEW.shards),
            labels=f"{MODELS_FROM}/labels.json",
        output:
            queue=f"{QUEUE}/queue.csv",
        log:
            f"{OUT}/logs/choose_queue.log",
        benchmark:
            f"{OUT}/benchmarks/choose_queue.tsv"
        conda:
            "../envs/signal.yaml"
        resources:
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=ordered(
                {
                    "queue": {key: config["queue"][key] for key in ("size", "strategy")},
                    "seed": config["seed"],
                }
            ),
            source=SOURCE,
            annotations=table_digest_param(lambda found, wildcards: f"annotations {found.annotations}"),
            tests=table_digest_param(lambda found, wildcards: digest([found.shard(each) for each in TEST])),
            recordings=lambda wildcards: NEW.digest(),
            judged=FILE_DIGESTS.identities(VERDICTS),
            verdicts=sought.Paths(tuple(VERDICTS)),
            outside=lambda wildcards: digest(sorted(FILE_DIGESTS.identities(OUTSIDE))),
            held_out=sought.Paths(tuple(OUTSIDE)),
            places=PLACES,
            code=code("choose_queue.py", READER),
        script:
            "../scripts/choose_queue.py"


SOUGHT = sought.examples(config) if NEW and VECTORS else None

if SOUGHT:
    LIKE, LABEL = SOUGHT

    rule find_nearest:
        """Find the windows that are nearest to the examples."""
        input:
            vectors=expand(f"{FOUND}/vectors/{{shard}}.npy", shard=NEW.shards),
            windows=expand(f"{FOUND}/vectors/{{shard}}.parquet", shard=NEW.shards),
            failed=expand(f"{FOUND}/failed/{{shard}}.csv", shard=NEW.shards),
        output:
            found=f"{FOUND}/search.csv",
            failed=f"{FOUND}/failed.csv",
        log:
            f"{OUT}/logs/find_nearest.log",
        benchmark:
            f"{OUT}/benchmarks/find_nearest.tsv"
        conda:
            "../envs/tensorflow.yaml"
        threads: 2
        resources:
            gpu=1,
            mem_mb=SIZES.mem_mb,
            runtime=SIZES.runtime,
        params:
            settings=ordered(
                {
                    **EMBEDDING,
                    "items": config["search"]["items"],
                    "label": LABEL,
                    "times": sought.times(config),
                }
            ),
            like=[
                [Path(path).name, held]
                for path, held in zip(LIKE, FILE_DIGESTS.identities(LIKE), strict=True)
            ],
            models=FROZEN.places,
            places=sought.Paths(tuple(LIKE)),
            code=code("find_nearest.py", *modules_of(EMBEDDING["features"][0])),
        script:
            "../scripts/find_nearest.py"
