"""Benchmarks call scripts and rules by hand: at their smallest, so that a change to these does not leave them behind."""

import json
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
from workflow import ROOT

pytestmark = pytest.mark.slow


MANY_CLASSES = """
import sys
from pathlib import Path
import big_classes
folder, images, tests, categories = Path(sys.argv[1]), *map(int, sys.argv[2:])
big_classes.make(folder / "data", images, tests, categories, files=False)
world = big_classes.World(folder, 1, 1)
for step in big_classes.STEPS:
    getattr(world, step)()
"""


def test_the_benchmark_of_many_classes_goes_through_all_steps(tmp_path):
    """In one process, where the benchmark measures each step in its own."""
    path = os.pathsep.join([str(ROOT / "scripts"), str(ROOT / "benchmarks")])
    command = [sys.executable, "-c", MANY_CLASSES, str(tmp_path), "300", "30", "20"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": path, "PATH": ""})
    assert done.returncode == 0, done.stdout + done.stderr
    out = tmp_path / "classes"
    assert 0 <= json.loads((out / "scores.json").read_text())["oof"] <= 1
    assert len((out / "submission.csv").read_text().splitlines()) == 31


def test_the_benchmark_of_the_signal_chain_finds_fast_and_naive_in_agreement(tmp_path):
    """Libraries that are only compared with are left out where they are not installed."""
    command = [sys.executable, str(ROOT / "benchmarks/signal_chain.py"), "--tiny", "--output"]
    env = {"PYTHONPATH": str(ROOT / "scripts"), "PATH": ""}
    done = subprocess.run([*command, str(tmp_path / "found.json")], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["differences from librosa"]["pitch shift, dB"] < -80
    assert {"notebook", "librosa", "floor", "here"} <= set(found["plain"])
    assert {"notebook", "librosa", "here"} <= set(found["augmented"])
    assert all(row["ms"][0] > 0 for table in ("plain", "augmented") for row in found[table].values())


def test_the_benchmark_of_a_search_finds_windows_and_says_how_long_it_took(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks/search.py"), str(tmp_path), "--windows", "4000"]
    env = {"PYTHONPATH": str(ROOT / "scripts"), "PATH": ""}
    done = subprocess.run(
        [*command, "--values", "8", "--queries", "2"], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("query: ") == 2


def test_the_simulation_of_queues_spends_labels_and_learns(monkeypatch):
    """Of three groups of clips that are far apart, in two folds."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    run = runpy.run_path(str(ROOT / "benchmarks/labelling_queue.py"))
    rng = np.random.default_rng(0)
    truth, folds = np.repeat(np.arange(3), 40), np.tile([1, 2], 60)
    vectors = rng.normal(size=(120, 4)) + 6 * np.eye(4)[truth]
    curve = run["simulated"](vectors, truth, folds, ("classes", "mixed", 1, 1))
    assert len(curve) == 3
    assert curve[-1] > 0.95
    assert run["reached"]([0.1, 0.5, 0.4], 0.45) == 20
    assert run["reached"]([0.1, 0.2], 0.45) is None
