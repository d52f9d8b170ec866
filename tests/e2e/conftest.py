"""A small data set in rfcx' layout, and the settings that get it through every stage in seconds."""

import pytest

from understory.datasets import rfcx_replica

SYNTHETIC = {
    "train_recordings": 48,
    "rejected_recordings": 10,
    "test_recordings": 6,
    "train_duration": 6.0,
    "test_duration": 7.0,
    "min_snr": 5.0,
    "max_snr": 15.0,
}


@pytest.fixture(scope="session")
def small():
    """A function that gives the settings of a small run, with changes."""

    def settings(**changes):
        base = {
            "name": "small",
            "synthetic": SYNTHETIC,
            "shards": {"train": 2, "test": 1},
            "split": {"n_splits": 2, "rare_classes": "allow"},
            "crop": {"window": 4, "hop": 2},
            "models": {"sed_cnn": {"options": {"filters": [4, 8], "dense": 8}, "epochs": 1}},
        }
        for key, value in changes.items():
            base[key] = {**base[key], **value} if isinstance(value, dict) and key in base else value
        return base

    return settings


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The small data set's folder."""
    made = tmp_path_factory.mktemp("made")
    rfcx_replica.synthesize(made / "data", made / "truth.csv", settings=SYNTHETIC, seed=5, processes=2)
    return made / "data"


@pytest.fixture(scope="session")
def first(run_snakemake, folder, small, tmp_path_factory):
    """The folder of a run of everything on one core."""
    place = tmp_path_factory.mktemp("first")
    run_snakemake(place, config=small(data=str(folder)), cores=1)
    return place
