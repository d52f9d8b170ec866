"""A finished run of two models, which changes are made to."""

import copy
import shutil

import pytest
from workflow import planned
from world import World

TINY = {"options": {"filters": [8], "dense": 8}, "epochs": 1}
# A model of one's own takes every key of a model.
OTHER = {
    "architecture": "picture_cnn",
    "features": "log_mel",
    **TINY,
    "options": {"filters": [8], "dropout": 0.1, "outputs": "sigmoid"},
    "loss": {"name": "binary_crossentropy"},
    "optimiser": {"name": "adam", "learning_rate": 0.01},
    "schedule": {"name": "constant"},
    "batch_size": 16,
    "mixup": 0,
    "select": "last",
    "threads": 1,
    "seeds": [3],
}


def configuration(small, data):
    models, train = {"sed_cnn": TINY, "other": OTHER, "idle": copy.deepcopy(OTHER)}, ["sed_cnn", "other"]
    # Pictures of examples are what takes longest in a report.
    others = {"report": {"examples": 0}, "ensemble": {"weights": "greedy"}}
    return copy.deepcopy(small(data=str(data), models=models, train=train, **others))


@pytest.fixture(scope="session")
def two_models(made_once, first, folder, small, run_snakemake):
    """The folder of a finished run: the first one, with a model added."""

    def make(place):
        shutil.copytree(first, place)
        done = run_snakemake(place, config=configuration(small, folder))
        own = {
            (rule, f"model=other-seed3, fold={fold}")
            for rule in ("train_fold", "validate_fold", "predict_fold")
            for fold in (0, 1)
        }
        after = {(rule, "") for rule in ("ensemble_folds", "write_submission", "build_report")}
        assert planned(done.stdout + done.stderr) == own | after

    return made_once("two_models", make)


@pytest.fixture
def world(two_models, folder, small, run_snakemake, tmp_path):
    """A copy of the finished run and of its data, elsewhere."""
    shutil.copytree(two_models, tmp_path / "run")
    shutil.copytree(folder, tmp_path / "data")
    yield World(tmp_path, run_snakemake, configuration(small, tmp_path / "data"))
    for name in ("run", "data"):
        shutil.rmtree(tmp_path / name)
