"""A run that builds on another one: a network that starts from its weights, and a head on its vectors; and what changes rerun."""

import shutil

import numpy as np
import pandas as pd
import pytest
from changes import SHARDS, training, validation
from workflow import planned
from world import World

from understory.inference.finished_runs import provenance
from understory.synthetic import rfcx

pytestmark = pytest.mark.slow

MODELS = ("linear", "plain", "prototypes", "sed_cnn")
AFTER = {
    (rule, "")
    for rule in (
        *("ensemble_folds", "build_report", "score_probes", "calibrate_detections"),
        *("detect_events", "show_detections"),
    )
}
AFTER |= {("score_held_out", f"shard={shard}") for shard in SHARDS} | {("score_recordings", "shard=new-0")}


def configuration(small, place, other):
    base = small()["models"]["sed_cnn"]
    head = {
        "architecture": "linear",
        "features": "birds",
        "options": {},
        "loss": {"name": "binary_crossentropy"},
        "optimiser": {"name": "adam", "learning_rate": 0.01},
        "schedule": {"name": "constant"},
        "epochs": 1,
        "batch_size": 16,
        "select": "last",
        "threads": 1,
    }
    network = {**head, "architecture": "sed_cnn", "features": "log_mel", "options": base["options"]}
    models = {
        "linear": head,
        "plain": network,
        "prototypes": {**head, "architecture": "prototypes", "features": "pictures", "options": {}},
        "sed_cnn": {**base, "epochs": 2, "init_from": {"run": str(other), "frozen": 1}},
    }
    vectors = {"kind": "embedding", "model": str(other)}
    features = {"birds": {**vectors, "output": "sed_cnn"}, "pictures": {**vectors, "output": "other"}}
    given = {"data": str(place / "data"), "name": "next", "recordings": str(place / "data/test")}
    given |= {"detect": {"calibrate": True}, "shards": {"train": 2, "test": 0}, "augment": {"copies": 0}}
    return small(**given, features=features, models=models, train=list(MODELS), report={"examples": 0})


@pytest.fixture(scope="session")
def built(made_once, two_models, small, run_snakemake):
    """The folder of a run on other recordings that builds on two models of a finished one."""

    def make(place):
        settings = {**small()["synthetic"], "train_recordings": 24, "test_recordings": 2}
        rfcx.synthesize(place / "data", place / "truth.csv", settings=settings, seed=6, processes=2)
        run_snakemake(place / "run", config=configuration(small, place, two_models / "results/small"))

    return made_once("built", make)


@pytest.fixture
def world(built, two_models, small, run_snakemake, tmp_path):
    """A copy of the run, and of the one that it builds on, elsewhere."""
    shutil.copytree(built / "run", tmp_path / "run")
    shutil.copytree(built / "data", tmp_path / "data")
    shutil.copytree(two_models / "results/small", tmp_path / "small")
    yield World(tmp_path, run_snakemake, configuration(small, tmp_path, tmp_path / "small"))
    for name in ("run", "data", "small"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)


def log(folder, model, fold):
    return (folder / f"run/results/next/logs/train_fold/{model}/fold{fold}.log").read_text()


def test_a_run_builds_on_another(built, two_models):
    out, other = built / "run/results/next", two_models / "results/small"
    contents = pd.read_csv(out / "contents.csv").set_index("recording_id").content
    folds = pd.read_csv(out / "folds.csv", dtype={"recording_id": str})
    before = [provenance.read(other / f"models/sed_cnn/fold{fold}/trained_on.txt") for fold in (0, 1)]
    for fold in (0, 1):
        own = set(contents[folds.recording_id[folds.fold != fold].unique()])
        told = {name: provenance.read(out / f"models/{name}/fold{fold}/trained_on.txt") for name in MODELS}
        assert told["plain"] == own
        # What a model builds on, it knows.
        assert told["sed_cnn"] == own | before[fold]
        assert told["linear"] == own | before[0] | before[1]
        said = log(built, "sed_cnn", fold)
        assert f"fold {fold} starts from fold {fold} of sed_cnn in {other}" in said
        assert "taken: 4 layers with weights, conv2d 5x5x1x8, " in said
        assert "all layers train from epoch 2 on" in said
        assert "no recording that is held out is among" in log(built, "linear", fold)
    # Networks of 8 features in each of two folds.
    for name in ("birds", "pictures"):
        vectors = np.load(out / f"examples/{name}/0/train-0.npy")
        assert vectors.shape[1:] == (1, 16)
        assert np.ptp(vectors, axis=0).any()
    for name in MODELS:
        assert (out / f"models/{name}/fold1/oof.csv").is_file()
    assert (out / "calibration.json").is_file()
    assert len(pd.read_csv(out / "detections/recordings.csv")) == 2
    # The only job, whose frozen models compute one window after the other.
    assert "scored at once: 1\n" in (out / "logs/score_recordings/new-0.log").read_text()
    assert "start of sed_cnn" in (out / "report.html").read_text()


def embeddings(name):
    return {("compute_embeddings", f"features={name}, variant=0, shard={shard}") for shard in SHARDS}


def of(*models):
    return training(*models) | validation(*models) | AFTER


def moved(world):
    shutil.move(world.run.parent / "small", world.run / "small")
    shutil.copytree(world.run / "small", world.run.parent / "small", ignore=lambda *_: ["models"])
    world.set("features.birds.model", "small")
    world.set("features.pictures.model", "small")
    world.set("models.sed_cnn.init_from.run", "small")


def weights(world):
    for fold in (0, 1):
        path = world.run.parent / f"small/models/sed_cnn/fold{fold}/last.keras"
        shutil.copy(path.with_name("best.keras"), path)
        with open(path, "ab") as file:
            file.write(b"\0")


def no_start(world):
    world.set("models.sed_cnn.init_from", {"run": None})


def start(world):
    world.set("models.plain.init_from", {"run": str(world.run.parent / "small"), "model": "sed_cnn"})


ROWS = [
    ("nothing", lambda world: None, set()),
    ("the other run moved", moved, set()),
    ("the weights of one of its models", weights, embeddings("birds") | of("linear", "sed_cnn")),
    ("an option of a head", lambda world: world.set("models.linear.options.l2", 0.01), of("linear")),
    ("the epochs that are frozen", lambda world: world.set("models.sed_cnn.init_from.frozen", 0), of("sed_cnn")),
    ("init_from taken from a model", no_start, of("sed_cnn")),
    ("init_from added to a model", start, of("plain")),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_follows_from_a_change_is_planned_and_nothing_else(change, expected, world):
    change(world)
    done = world.snakemake("--dry-run")
    assert planned(done.stdout + done.stderr) == expected


def test_a_run_that_only_detects_finds_what_its_heads_are_fed_with(world):
    world.config = {"models_from": "results/next", "recordings": str(world.data / "test"), "name": "given"}
    done = world.snakemake("--dry-run")
    assert planned(done.stdout) >= {("score_recordings", "shard=new-0")}


def test_a_run_that_was_trained_with_what_scores_this_one_stops_it(
    first, folder, small, run_snakemake, tmp_path
):
    """The same recordings in other folds: before any training, and with what to do."""
    shutil.copytree(first, tmp_path / "run")
    shutil.copytree(tmp_path / "run/results/small", tmp_path / "before")
    config = small(data=str(folder), split={"seed": 5})
    config["models"]["sed_cnn"]["init_from"] = {"run": "../before"}
    done = run_snakemake(tmp_path / "run", "--keep-going", config=config, check=False)
    assert done.returncode
    assert "models.sed_cnn.init_from: expected that a model of ../before was not trained with" in done.stderr
    assert not list((tmp_path / "run/results/small/models").rglob("resume"))
    # In the folds of that run, each fold finds the model that held it out.
    config["split"].pop("seed")
    done = run_snakemake(tmp_path / "run", "results/small/models/sed_cnn/fold1/last.keras", config=config)
    said = (tmp_path / "run/results/small/logs/train_fold/sed_cnn/fold1.log").read_text()
    assert "fold 1 starts from fold 1 of sed_cnn" in said
    shutil.rmtree(tmp_path / "run")
    shutil.rmtree(tmp_path / "before")
