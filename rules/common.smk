# Reads the configuration and the tables of the data set.
# Writes nothing: names and helpers for the other rules.

import json
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir, "scripts")
sys.path.append(str(SCRIPTS))

from understory import configuration, contents, datasets, quarantine, tracking
from understory.tables import InputError
from understory.tracking import ordered


def sorry(error):
    """What a person can mend, said without a traceback."""
    return WorkflowError(str(error))


try:
    schema = json.loads(Path(workflow.basedir, "schemas", "config.schema.json").read_text())
    config = ordered(configuration.checked(config, schema))
    SYNTHETIC = config["data"] == "synthetic"
    REPLICA = datasets.replica_name(config["dataset"]) if SYNTHETIC else None
    OUT = f"results/{config['name']}"
    SOURCE = datasets.Source(
        config["dataset"],
        f"{OUT}/data" if SYNTHETIC else str(Path(config["data"]).expanduser()),
        config["subset"],
    )
    SOURCE.check()
    LIMIT = quarantine.Limit(config["on_bad_file"], config["max_quarantined"])
    READER = f"understory.datasets.{config['dataset']}"
except InputError as error:
    raise sorry(error) from None

CONTENTS = contents.Contents(Path(".snakemake", "contents.jsonl"))
# What says that made-up data are there. A person's own folder is nobody's output.
READY = f"{OUT}/downloaded.json" if SYNTHETIC else []


@cache
def tables(stamp):
    try:
        found = SOURCE.read()
        found.check_folds(config["split"]["n_splits"])
        return found
    except InputError as error:
        raise sorry(error) from None


def source_tables():
    """The tables of the data set, read anew when made-up data were made anew; None before there are any."""
    if not SYNTHETIC:
        return tables(None)
    ready = Path(READY)
    if not ready.exists():
        return None
    try:
        return tables(ready.stat().st_mtime_ns)
    except WorkflowError as error:
        raise sorry(
            f"{error}\nMade-up data are not whole any more: delete {READY} to have them made again"
        ) from None


# Tables that are there are read here, so that what is wrong with them is said before anything else.
KNOWN = source_tables()
TESTED = config["shards"]["test"] and (KNOWN is None or any(r.subset == "test" for r in KNOWN.recordings))
TRUTH = f"{OUT}/truth.csv" if SYNTHETIC and TESTED else []
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
        found = source_tables()
        if found is None:
            return "not downloaded yet"
        try:
            return digest(found, wildcards)
        except InputError as error:
            raise sorry(error) from None

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
    from understory import capacity

    try:
        if KNOWN:
            absent = quarantine.missing(SOURCE.missing(KNOWN))
            LIMIT.check(KNOWN, [*KNOWN.quarantined, *absent])
        capacity.check(Path(OUT), capacity.needed(config, KNOWN, SOURCE))
    except InputError as error:
        raise sorry(error) from None
