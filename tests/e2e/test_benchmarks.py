"""Benchmarks call scripts and rules by hand: at their smallest, so that a change to these does not leave them behind."""

import json
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
import yaml
from snakemake.utils import update_config
from workflow import ROOT

from understory.plan.config import complete

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


def test_the_ablation_compares_models_by_seed_and_recording(tmp_path, monkeypatch):
    """The settings of its runs are ones that the workflow takes."""
    run = runpy.run_path(str(ROOT / "benchmarks/ablation.py"))
    monkeypatch.setitem(run["differences"].__globals__, "RESAMPLES", 50)
    settings = run["configuration"](tmp_path, 3, list(run["MODELS"]))
    given = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(given, settings)
    complete(given)
    assert given["seed"] == 3
    models = given["models"]
    assert models["default"]["loss"]["unknown_weight"] == 0.3
    assert [name for name in run["MODELS"] if models[name] == models["default"]] == ["default"]
    rng = np.random.default_rng(0)
    truth = [(rng.random((60, 4)) < 0.4).astype(float) for _ in range(2)]
    good = [(each, each + 0.3 * rng.random(each.shape)) for each in truth]
    bad = [(each, rng.random(each.shape)) for each in truth]
    assert run["scored"](good, run["precisions"]) == 1
    more = run["differences"](good, bad, run["precisions"])
    low, high = map(float, more.split("(")[1].rstrip(")").split(" to "))
    assert 0 < low < float(more.split()[0]) < high
    assert run["differences"](good, good, run["precisions"]) == "+0.000 (+0.000 to +0.000)"
