# Reads the configuration and the tables of the data set.
# Writes nothing: names and helpers for the other rules.

import json
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir, "scripts")
if str(SCRIPTS) not in sys.path:
    sys.path.append(str(SCRIPTS))

from understory import configuration, datasets, tracking
from understory.tables import InputError, shard_of
from understory.tracking import ordered


def sorry(error):
    """What a person can mend, said without a traceback."""
    return WorkflowError(str(error))


try:
    schema = json.loads(Path(workflow.basedir, "schemas", "config.schema.json").read_text())
    config = ordered(configuration.checked(config, schema))
    SYNTHETIC = config["data"] == "synthetic"
    REPLICA = datasets.replica_name(config["dataset"]) if SYNTHETIC else None
except InputError as error:
    raise sorry(error) from None

OUT = f"results/{config['name']}"
DATA = f"{OUT}/data" if SYNTHETIC else config["data"]
SOURCE = {"data": DATA, "dataset": config["dataset"], "subset": config["subset"]}
# What says that made-up data are there. A person's own folder is nobody's output.
READY = f"{OUT}/downloaded.json" if SYNTHETIC else []
TRUTH = f"{OUT}/truth.csv" if SYNTHETIC and config["shards"]["test"] else []
TRAIN = [f"train-{number}" for number in range(config["shards"]["train"])]
TEST = [f"test-{number}" for number in range(config["shards"]["test"])]
VARIANTS = range(config["augment"]["copies"] + 1)
FOLDS = range(config["split"]["n_splits"])
MODELS = sorted(config["train"])


def code(script, *extra):
    """Digest of a script's code, with that of the configured reader where the script reads tables."""
    path = SCRIPTS / script
    readers = (
        [f"understory.datasets.{config['dataset']}"]
        if tracking.imports(path, "understory.datasets", SCRIPTS)
        else []
    )
    return tracking.code_digest(path, SCRIPTS, [*readers, *extra])


@cache
def tables(stamp):
    try:
        return datasets.read(config["dataset"], Path(DATA), config["subset"])
    except InputError as error:
        raise sorry(error) from None


def source_tables():
    """The tables of the data set, read anew when made-up data were made anew; None before there are any."""
    if not SYNTHETIC:
        return tables(None)
    ready = Path(READY)
    return tables(ready.stat().st_mtime_ns) if ready.exists() else None


if workflow.is_main_process and not SYNTHETIC:
    # Here, so that what is wrong with a person's tables is said once and without a rule around it.
    source_tables()


def split_digest(wildcards):
    """What the folds are dealt from: every annotation, and the data set's own folds."""
    found = source_tables()
    if found is None:
        return "not downloaded yet"
    return tracking.digest([sorted(found.annotations), found.classes, found.folds, found.exhaustive])


def shard_digest(wildcards):
    """What a shard is made of: its recordings, their annotations and the content of their files.

    Snakemake asks again just before the job starts, hence after the data were made.
    """
    found = source_tables()
    if found is None:
        return "not downloaded yet"
    subset = wildcards.shard.split("-")[0]
    count = config["shards"][subset]
    own = [
        r
        for r in found.recordings
        if r.subset == subset and shard_of(r.recording_id, subset, count) == wildcards.shard
    ]
    names = {recording.recording_id for recording in own}
    files = {
        recording.recording_id: tracking.content_identity(Path(DATA, recording.path)) for recording in own
    }
    return tracking.digest([files, sorted(a for a in found.annotations if a.recording_id in names)])


def template_digest(wildcards):
    """What the submission has to look like."""
    if source_tables() is None:
        return "not downloaded yet"
    try:
        return tracking.digest(datasets.reader(config["dataset"]).submission_template(Path(DATA)))
    except InputError as error:
        raise sorry(error) from None


def examples(suffix, variants, shards):
    """The files of the example store with one suffix, variant by variant."""
    return expand(f"{OUT}/examples/{{variant}}/{{shard}}.{suffix}", variant=variants, shard=shards)


def spectrogram_input(wildcards):
    """Windows for variant 0 and augmented windows for the others; test recordings are cut on the fly."""
    if wildcards.shard.startswith("test"):
        return {"ready": READY}
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


def of_folds(pattern):
    return expand(f"{OUT}/{pattern}", model=MODELS, fold=FOLDS)


onstart:
    # Here, before the first job, and not above: it opens audio files.
    from understory import capacity

    try:
        capacity.check(Path(OUT), capacity.needed(config, source_tables(), Path(DATA)))
    except InputError as error:
        raise sorry(error) from None
