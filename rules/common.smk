# Reads the configuration and the tables of the data set.
# Writes nothing: names and helpers for the other rules.

import sys
from functools import cache

from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from understory.annotations import files as annotation_files
from understory.core import file_digests, processor, untracked
from understory.core.hashing import digest, ordered
from understory.data import quarantine
from understory.data.source import reader, source
from understory.data.task import METRICS
from understory.fetch import address
from understory.inference import new_recordings, saved_run
from understory.inference.finished_runs import origins
from understory.plan import code_digests, config as settings, dataset_state, job_resources, snakemake_records
from understory.plan.job_settings import Medium, ModelJobs, modules_of
from understory.run import lock, snakemake_patches

# A module's configuration says only what differs; otherwise config.yaml is in it.
config, own = load_configfile(HOME / "config.yaml"), config
ALL_GIVEN = set(config) <= set(own)
update_config(config, own)
# Parsing every module and every package's metadata anew takes longer than the rest of a small plan.
code_digests.remember(Path(".snakemake", "code.json"))


def given():
    """What the user gave over config.yaml: on the command line and in files, or as a module's configuration."""
    changed = settings.changed(load_configfile(HOME / "config.yaml"))
    update_config(changed, workflow.config_settings.overwrite_config if ALL_GIVEN else own)
    return changed


FILE_DIGESTS = file_digests.FileDigests(Path(".snakemake", "contents.jsonl"))
with user_errors():
    FROZEN = origins.Origins(settings.complete(config, workflow.configfiles, given), FILE_DIGESTS)
    config = FROZEN.config
    RECORDED = FILE_DIGESTS.of_files(append_only=config["append_only"])
    IS_SYNTHETIC = address.kind(config["data"]) == "synthetic"
    IS_FETCHED = address.kind(config["data"]) in ("url", "kaggle")
    OUT = f"results/{config['name']}"
    FOLDER, READY = address.place(config["data"], OUT)
    MEDIUM = reader(config["dataset"]).MEDIUM
    OF_MEDIUM = Medium(MEDIUM, config)
    SOURCE = source(config, FOLDER, OF_MEDIUM.band, FILE_DIGESTS.index)
    # Of new recordings, which saved models predict, a bad one never stops the others.
    MOST = 1.0 if config["models_from"] else config["max_quarantined"]
    LIMIT = quarantine.Limit(config["on_bad_file"], MOST, READY or None)
    READER = f"understory.datasets.{config['dataset']}"
    METRIC = f"{METRICS}.{reader(config['dataset']).METRIC}"
    STORE = "understory.images.store" if MEDIUM == "images" else "understory.data.store"
    ONLY_DETECTS = settings.only_detects(config)
    # Where the models that predict are: of this run, or of another.
    MODELS_FROM = config["models_from"] or OUT
lock.hold()
with user_errors():
    NEW = new_recordings.of(config, annotation_files.below, RECORDED)
    # Results older than Snakemake's records are made again: the first rules have an input that is as old as the records.
    RECORDS = snakemake_records.records_marker(Path(".snakemake", "metadata"), Path(OUT))
# Tables that are there are read here, so that errors in them come before anything else.
KEPT, CHOSEN = Path(".snakemake", "tables"), Path(OUT, "shards.json")
DATASET = dataset_state.DatasetState(config, SOURCE, READY, RECORDED, KEPT, CHOSEN)
table_digest_param = DATASET.digest_param
with user_errors():
    config = {**config, "shards": DATASET.shards()}
    TESTED = DATASET.tested()
    settings.check_hop(config, tested=TESTED and MEDIUM == "audio")
    # What a job asks of a cluster's scheduler; on one machine nothing is limited by it.
    SIZES = job_resources.Sizes(config, DATASET.counts(), Path(OUT), NEW)
snakemake_patches.install(DATASET.remember, SIZES.forget, lambda job: lock.tell())
TRUTH = f"{OUT}/truth.csv" if IS_SYNTHETIC and TESTED else []
TRAIN = [f"train-{number}" for number in range(config["shards"]["train"]) if not config["models_from"]]
TEST = [f"test-{number}" for number in range(config["shards"]["test"])] if TESTED else []
FOLDS = range(config["split"]["n_splits"])
MODELS = sorted(config["train"])
MODEL_JOBS = ModelJobs(config)
CACHED = snakemake_records.cached(workflow)


@cache
def code(script, *modules, messages=False):
    """Digests of a script's code and of modules that it loads by name; with `messages` where it writes those of errors."""
    own = code_digests.code_of(SCRIPTS / script, SCRIPTS, modules, messages=messages)
    return own | processor.told(config["instruction_set"])


def chosen_code(script, chosen, *modules):
    """A param: `code` with the modules that a function of the wildcards names as well."""
    return lambda wildcards: code(script, *modules, *chosen(wildcards))


def wildcards_param(wildcards):
    """The wildcards as a param: Snakemake's output cache knows a job by its params alone."""
    return ordered(dict(wildcards))


def recordings_of(facts, wildcards):
    """The recordings of a shard, their annotations and the content of their files, as a digest."""
    return f"recordings {facts.shard(wildcards.shard)}"


# Inputs are named by their paths, as `rules.NAME.output` takes Snakemake time quadratic in a rule's inputs.
def examples(suffix, features, variants, shards):
    """The files of the example store with one suffix, variant by variant."""
    return expand(f"{OUT}/examples/{features}/{{variant}}/{{shard}}.{suffix}", variant=variants, shard=shards)


def trained_on(suffix, wildcards):
    """The training examples that a model is fed, with as many augmented copies as it takes."""
    model = config["models"][wildcards.model]
    variants = range(settings.copies_of(config, wildcards.model) + 1)
    return examples(suffix, model["features"], variants, TRAIN)


def of_folds(pattern, models=MODELS):
    return expand(f"{OUT}/{pattern}", model=models, fold=FOLDS)
