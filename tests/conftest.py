"""What the tests share: the real data where they lie, a small data set in rfcx' layout, and a way to run the Snakefile."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
import slurm_cluster
import stub_models
import yaml
from snakemake_process import snakemake
from workflow import ROOT

from understory.synthetic import rfcx

# `make soak` makes ten times as many examples, and others each time.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1000, derandomize=False)

# Public data that cannot be part of the repository; docs/development.md says where they come from.
DATA = Path(os.environ.get("UNDERSTORY_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real():
    """A function that gives the folder of one real data set, or skips."""

    def folder(name):
        if not (DATA / name).is_dir():
            pytest.skip(f"{name}: no real data at {DATA / name}; see 'Real data' in docs/development.md")
        return DATA / name

    return folder


@pytest.fixture(scope="session")
def run_snakemake():
    """A function that runs the real Snakefile in a folder, here or on a host of a Slurm, and gives the finished process."""

    def run(
        folder, *options, config=None, recipe=None, cores=2, check=True, source=ROOT, env=None, host=None
    ):
        folder.mkdir(parents=True, exist_ok=True)
        settings = []
        if recipe:
            settings.append(str(source / "recipes" / f"{recipe}.yaml"))
        if config:
            (folder / "settings.yaml").write_text(yaml.safe_dump(config))
            settings.append(str(folder / "settings.yaml"))
        command = ["--snakefile", str(source / "Snakefile"), "--directory", str(folder)]
        command += ["--profile", str(source / "profiles" / "default"), "--cores", str(cores)]
        command += ["--configfile", *settings] if settings else []
        # Separated, so that --configfile takes no target for one of its own.
        command += ["--nocolor", *options]
        environment = {**os.environ, **(env or {})}
        if host:
            command = host.entering([sys.executable, "-m", "snakemake", *command], source)
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
        else:
            done = snakemake(command, cwd=source, env=environment)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


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
            "split": {"n_splits": 2, "rare_classes": "allow"},
            "crop": {"window": 4, "hop": 2},
            "models": {"sed_cnn": {"options": {"filters": [8], "dense": 8}, "epochs": 1}},
            "report": {"examples": 1},
        }
        for key, value in changes.items():
            base[key] = {**base[key], **value} if isinstance(value, dict) and key in base else value
        return base

    return settings


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A function that has a folder made by the first process of the tests that asks for it, for all of them."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root

    def made(name, make):
        place, done = root / name, root / f"{name}.done"
        with open(root / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                make(place)
                done.touch()
        return place

    return made


@pytest.fixture(scope="session")
def stubs(made_once):
    """The folder of small models with the inputs and outputs of those that embeddings are taken from."""
    return made_once("stubs", stub_models.made)


@pytest.fixture(scope="session")
def folder(made_once):
    """The small data set's folder."""

    def make(place):
        rfcx.synthesize(place / "data", place / "truth.csv", settings=SYNTHETIC, seed=5, processes=2)

    return made_once("made", make) / "data"


@pytest.fixture(scope="session")
def first(made_once, run_snakemake, folder, small):
    """The folder of a run of everything on two cores."""
    return made_once("first", lambda place: run_snakemake(place, config=small(data=str(folder))))


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A Slurm of four nodes, which share the folder of all temporary folders of the tests."""
    if why := slurm_cluster.lacking():
        pytest.skip(why)
    limits = os.access(slurm_cluster.MEMORY, os.W_OK)
    with slurm_cluster.Cluster(tmp_path_factory.getbasetemp(), limits=limits) as made:
        yield made
