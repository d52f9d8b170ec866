"""What the tests share: the real data where they lie, and a way to run the real Snakefile."""

import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
import yaml
from workflow import ROOT

# `make soak` makes ten times as many examples, and others each time.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1000, derandomize=False)

# Public data that cannot be part of the repository; the README says where they come from.
DATA = Path(os.environ.get("UNDERSTORY_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real():
    """A function that gives the folder of one real data set, or skips."""

    def folder(name):
        if not (DATA / name).is_dir():
            pytest.skip(f"{name}: no real data at {DATA / name}; see 'Real data' in the README")
        return DATA / name

    return folder


@pytest.fixture(scope="session")
def run_snakemake():
    """A function that runs the real Snakefile in a folder and gives the finished process."""

    def run(folder, *options, config=None, recipe=None, cores=2, check=True):
        folder.mkdir(parents=True, exist_ok=True)
        settings = []
        if recipe:
            settings.append(str(ROOT / "recipes" / f"{recipe}.yaml"))
        if config:
            (folder / "settings.yaml").write_text(yaml.safe_dump(config))
            settings.append(str(folder / "settings.yaml"))
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--directory",
            str(folder),
        ]
        command += ["--profile", str(ROOT / "profiles" / "default"), "--cores", str(cores)]
        command += ["--configfile", *settings] if settings else []
        # Separated, so that --configfile takes no target for one of its own.
        command += ["--nocolor", *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run
