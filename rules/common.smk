# Reads the configuration and the tables of the data set.
# Writes nothing: names and helpers for the other rules.

import json
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SCRIPTS = Path(workflow.basedir, "scripts")
sys.path.append(str(SCRIPTS))

from understory import addresses, configuration, contents, datasets, quarantine, tracking
from understory.tables import InputError
from understory.tracking import ordered


@contextmanager
def in_words():
    """What a person can mend, said without a traceback."""
    try:
        yield
    except InputError as error:
        raise SystemExit(f"{error}") from None


with in_words():
    schema = json.loads(Path(workflow.basedir, "schemas", "config.schema.json").read_text())
    config = ordered(configuration.checked(config, schema))
    MADE = addresses.kind(config["data"]) == "synthetic"
    FETCHED = addresses.kind(config["data"]) in ("url", "kaggle")
    REPLICA = datasets.replica_name(config["dataset"]) if MADE else None
    OUT = f"results/{config['name']}"
    FOLDER, READY = addresses.place(config["data"], OUT)
    SOURCE = datasets.Source(config["dataset"], FOLDER, config["subset"], config["shards"]["test"] > 0)
    SOURCE.check()
    LIMIT = quarantine.Limit(config["on_bad_file"], config["max_quarantined"], READY or None)
    READER = f"understory.datasets.{config['dataset']}"

CONTENTS = contents.Contents(Path(".snakemake", "contents.jsonl"))


@cache
def tables(stamp):
    found = SOURCE.read()
    found.check_folds(config["split"]["n_splits"])
    return found


def source_tables():
    """The tables of the data set, read anew when it was made or fetched anew; None before it is there."""
    if not READY:
        return tables(None)
    ready = Path(READY)
    if not ready.exists():
        return None
    if FETCHED:
        addresses.check(ready, config["data_sha256"])
    try:
        return tables(ready.stat().st_mtime_ns)
    except InputError as error:
        raise InputError(
            f"{error}\nIf they are not whole any more, delete {READY} to have them again"
        ) from None


# Tables that are there are read here, so that what is wrong with them is said before anything else.
with in_words():
    KNOWN = source_tables()
if KNOWN is None:
    TESTED = config["shards"]["test"] and hasattr(datasets.reader(SOURCE.dataset), "submission_template")
else:
    TESTED = config["shards"]["test"] and any(r.subset == "test" for r in KNOWN.recordings)
TRUTH = f"{OUT}/truth.csv" if MADE and TESTED else []
TRAIN = [f"train-{number}" for number in range(config["shards"]["train"])]
TEST = [f"test-{number}" for number in range(config["shards"]["test"])] if TESTED else []
VARIANTS = range(config["augment"]["copies"] + 1)
FOLDS = range(config["split"]["n_splits"])
MODELS = sorted(config["train"])


def code(script, *modules):
    """Digest of a script's code, with that of modules it is given at run time: READER where it reads tables."""
    return tracking.code_digest(SCRIPTS / script, SCRIPTS, modules)


def of_tables(digest):
    """A param that tells what the tables hold, by a function of them and the wildcards.

    Snakemake asks again just before the job starts, hence after the data were made.
    """

    def param(wildcards):
        try:
            found = source_tables()
            return "not downloaded yet" if found is None else digest(found, wildcards)
        except InputError as error:
            # Data that came in this very run: the job, which reads them, says it without a traceback.
            return str(error)

    return param


def recordings_of(found, wildcards):
    """What a shard is made of: its recordings, their annotations and the content of their files."""
    count = config["shards"][wildcards.shard.split("-")[0]]
    return tracking.shard_digest(found, SOURCE.path, wildcards.shard, count, CONTENTS)


def examples(suffix, variants, shards):
    """The files of the example store with one suffix, variant by variant."""
    return expand(f"{OUT}/examples/{{variant}}/{{shard}}.{suffix}", variant=variants, shard=shards)


def spectrogram_input(wildcards):
    """Windows for variant 0 and augmented windows for the others; test recordings are cut on the fly."""
    if wildcards.shard.startswith("test"):
        return {"recordings": f"{OUT}/recordings/{wildcards.shard}.csv"}
    source = "windows" if wildcards.variant == "0" else f"augmented/{wildcards.variant}"
    return {
        "waveforms": f"{OUT}/{source}/{wildcards.shard}.npy",
        "index": f"{OUT}/{source}/{wildcards.shard}.csv",
    }


def only_test(value):
    """A param that counts for test shards alone; `value` is a function of the wildcards."""
    return lambda wildcards: value(wildcards) if wildcards.shard.startswith("test") else None


def settings_of(wildcards):
    return config["models"][wildcards.model]


def of_folds(pattern, models=MODELS):
    return expand(f"{OUT}/{pattern}", model=models, fold=FOLDS)


def selected(model):
    return config["models"][model]["select"]


onstart:
    # Here, before the first job, and not above: it opens audio files.
    from understory import preflight

    with in_words():
        preflight.check(config, KNOWN, SOURCE, LIMIT, Path(OUT))
