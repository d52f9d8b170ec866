# Reads the configuration and the tables of the data set.
# Writes nothing: names and helpers for the other rules.

import sys
from contextlib import contextmanager
from pathlib import Path

SCRIPTS = Path(workflow.basedir, "scripts")
sys.path.append(str(SCRIPTS))

from understory.core import file_digests
from understory.core.errors import InputError
from understory.core.hashing import digest, ordered
from understory.data import quarantine
from understory.data.source import reader, synthesizer, source
from understory.fetch import address
from understory.inference import saved_run
from understory.plan import code_digests, config as settings, dataset_state, job_resources, snakemake_records
from understory.run import lock


@contextmanager
def user_errors():
    """What a person can mend, said without a traceback."""
    try:
        yield
    except InputError as error:
        raise SystemExit(f"{error}") from None


with user_errors():
    config = settings.complete(config, Path(workflow.basedir, "schemas", "config.schema.json"))
    IS_SYNTHETIC = address.kind(config["data"]) == "synthetic"
    IS_FETCHED = address.kind(config["data"]) in ("url", "kaggle")
    SYNTHESIZER = synthesizer(config["dataset"]) if IS_SYNTHETIC else None
    OUT = f"results/{config['name']}"
    FOLDER, READY = address.place(config["data"], OUT)
    SOURCE = source(config, FOLDER)
    LIMIT = quarantine.Limit(config["on_bad_file"], config["max_quarantined"], READY or None)
    READER = f"understory.datasets.{config['dataset']}"
    MEDIUM = reader(config["dataset"]).MEDIUM
    STORE = "understory.images.store" if MEDIUM == "images" else "understory.data.store"
    # Where the models that predict are: of this run, or of another.
    MODELS_FROM = config["models_from"] or OUT

lock.hold()
snakemake_records.record_params_of_started_jobs()
FILE_DIGESTS = file_digests.FileDigests(Path(".snakemake", "contents.jsonl"))
# What is older than Snakemake's records cannot be proved current by them: what reads the data first is given a file that
# is as old as they are.
RECORDS = snakemake_records.records_marker(Path(".snakemake", "metadata"), Path(OUT))
# Dataset that are there are read here, so that what is wrong with them is said before anything else.
DATASET = dataset_state.DatasetState(config, SOURCE, READY, FILE_DIGESTS, Path(".snakemake", "tables"))
with user_errors():
    TESTED = DATASET.tested()
    # What a job asks of a cluster's scheduler; on one machine nothing is limited by it.
    SIZES = job_resources.Sizes(config, DATASET.counts())
TRUTH = f"{OUT}/truth.csv" if IS_SYNTHETIC and TESTED else []
TRAIN = [f"train-{number}" for number in range(config["shards"]["train"]) if not config["models_from"]]
TEST = [f"test-{number}" for number in range(config["shards"]["test"])] if TESTED else []
FOLDS = range(config["split"]["n_splits"])
MODELS = sorted(config["train"])


# With `--cache`, outputs are kept for when a setting is changed back; Snakemake keeps none of a rule that is measured.
CACHED = workflow.workflow_settings.cache is not None
if CACHED:
    workflow.benchmark = lambda path: lambda rule: rule


# Parsing every module and every package's metadata anew takes longer than the rest of a small plan.
code_digests.remember(Path(".snakemake", "code.json"))


def code(script, *modules):
    """Digests of a script's code, with that of modules it is given at run time: READER where it reads tables."""
    return code_digests.code_of(SCRIPTS / script, SCRIPTS, modules)


def chosen_code(script, chosen, *modules):
    """A param: `code` with the modules that a function of the wildcards names as well."""
    return lambda wildcards: code(script, *modules, *chosen(wildcards))


def wildcards_param(wildcards):
    """The wildcards as a param: Snakemake's output cache knows a job by its params alone."""
    return ordered(dict(wildcards))


def table_digest_param(digest):
    """A param that tells what the tables hold, by a function of them and the wildcards.

    Snakemake asks again just before the job starts, hence after the data were made.
    """

    def param(wildcards):
        try:
            found = DATASET.facts()
            return "not downloaded yet" if found is None else digest(found, wildcards)
        except InputError as error:
            # Data that came in this very run: the job, which reads them, says it without a traceback.
            return str(error)

    return param


def recordings_of(found, wildcards):
    """What a shard is made of: its recordings, their annotations and the content of their files."""
    return f"recordings {found.shard(wildcards.shard)}"


# Inputs are told by their paths, not by `rules.NAME.output`: with that, Snakemake takes time that grows with the
# square of a rule's inputs.
def examples(suffix, features, variants, shards):
    """The files of the example store with one suffix, variant by variant."""
    return expand(f"{OUT}/examples/{features}/{{variant}}/{{shard}}.{suffix}", variant=variants, shard=shards)


def trained_on(suffix, wildcards):
    """The training examples that a model is fed, with as many augmented copies as it takes."""
    model = config["models"][wildcards.model]
    variants = range(settings.copies_of(config, wildcards.model) + 1)
    return examples(suffix, model["features"], variants, TRAIN)


def choices_of_model(wildcards):
    """The modules that the configuration chooses for a model's training, for the digest of its code."""
    model = config["models"][wildcards.model]
    return [
        f"understory.training.architectures.{model['architecture']}",
        f"understory.training.losses.{model['loss']['name']}",
    ]


def selected_model(folder):
    """An input function: the saved model of a fold that predicts."""

    def path(wildcards):
        select = config["models"][wildcards.model]["select"]
        return f"{folder}/models/{wildcards.model}/fold{wildcards.fold}/{select}.keras"

    return path


def prediction_settings(wildcards):
    """The settings of a job that predicts with a saved model."""
    model = {key: config["models"][wildcards.model][key] for key in ("batch_size", "select", "threads")}
    models = {wildcards.model: model}
    return ordered({"models": models, "predictions": config["predictions"], "seed": config["seed"]})


def windows_input(wildcards):
    """Windows for variant 0 and augmented windows for the others; test recordings are cut on the fly."""
    if wildcards.shard.startswith("test"):
        return {"recordings": f"{OUT}/recordings/{wildcards.shard}.csv"}
    source = "windows" if wildcards.variant == "0" else f"augmented/{wildcards.variant}"
    return {
        "windows": f"{OUT}/{source}/{wildcards.shard}.npy",
        "index": f"{OUT}/{source}/{wildcards.shard}.csv",
    }


def only_test(value):
    """A param that counts for test shards alone; `value` is a function of the wildcards."""
    return lambda wildcards: value(wildcards) if wildcards.shard.startswith("test") else None


def of_folds(pattern, models=MODELS):
    return expand(f"{OUT}/{pattern}", model=models, fold=FOLDS)


onstart:
    # Here, before the first job, and not above: it opens audio files.
    from understory.plan import preflight

    DATASET.start()
    with user_errors():
        preflight.check(config, DATASET.tables(), SOURCE, LIMIT, Path(OUT))
    for remark in SIZES.remarks():
        print(remark, file=sys.stderr)
