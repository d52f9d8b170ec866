"""The demo at a small size on a Slurm of this machine, where a training is cancelled after its first epoch.

`python slurm_run.py FOLDER` starts a Slurm, runs, stops it and writes what was seen to FOLDER/seen.json. Most of the time it
waits, so the tests start it as soon as they are collected, and look at it last.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import slurm_cluster
import yaml
from workflow import ROOT

SETTINGS = {
    "name": "small",
    "synthetic": {
        "train_recordings": 36,
        "rejected_recordings": 6,
        "test_recordings": 4,
        "train_duration": 6.0,
        "test_duration": 7.0,
    },
    "shards": {"train": 1, "test": 1},
    "split": {"n_splits": 2, "rare_classes": "allow"},
    "crop": {"window": 4, "hop": 2},
    "augment": {"copies": 0},
    "models": {"sed_cnn": {"options": {"filters": [4, 8], "dense": 8}, "epochs": 30}},
}
# What is there for a cluster of many, and would keep a small one waiting: jobs take some seconds, and what has not ended at the
# first look waits for the second, 10 s later still.
AT_ONCE = ["--slurm-init-seconds-before-status-checks", "12", "--latency-wait", "5"]
MODELS = "results/small/models/sed_cnn"
SUBMISSION = "results/small/submission.csv"
# Far longer than anything takes: only a failure waits so long.
LONG = 600


def clone(place):
    """A fresh copy of the workflow, with the settings of the small run."""
    place.mkdir(parents=True)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, place)
    for name in ("profiles", "report", "rules", "schemas", "scripts", "envs"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "slurm", place, follow_symlinks=False)
    (place / "settings.yaml").write_text(yaml.safe_dump(SETTINGS))
    return place


def snakemake(place, *options, **environment):
    """Snakemake under way in a copy, up to the submission."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        *options,
        "--nocolor",
        "--configfile",
        "settings.yaml",
        "--",
    ]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "CUDA_VISIBLE"))}
    return subprocess.Popen(
        [*command, SUBMISSION],
        cwd=place,
        env={**kept, **environment},
        stdout=(place / "snakemake.log").open("w"),
        stderr=subprocess.STDOUT,
    )


def until(found, process, place):
    """Wait for `found()` to be something, and give it; fail where the run ends before."""
    end = time.monotonic() + LONG
    while not (value := found()):
        log = (place / "snakemake.log").read_text()
        assert process.poll() is None, log
        assert time.monotonic() < end, log
        time.sleep(0.05)
    return value


def seen(slurm, place):
    """Run on a cluster, cancel a training that is under way beside the other, and give what was seen."""

    def both_under_way():
        started = {
            path.parent.name.split("-")[1] for path in place.glob("results/small/resume/*/epoch-*.keras")
        }
        running = slurm.jobs("RUNNING").items()
        trainings = {number: what for number, what in running if what.startswith("rule_train_fold")}
        return started == {"fold0", "fold1"} and trainings

    process = snakemake(place, "--profile", "slurm", *AT_ONCE)
    try:
        at_once = until(both_under_way, process, place)
        cancelled, what = next(iter(at_once.items()))
        subprocess.run(["scancel", cancelled], check=True)
        code = process.wait(timeout=LONG)
    finally:
        process.kill()
        process.wait()
    fold = re.search(r"\d+", what)[0]
    return {"code": code, "at_once": len(at_once), "fold": fold, "left": slurm.processes(cancelled)}


def main(folder: Path):
    # So that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    slurm = slurm_cluster.Cluster(folder / "slurm", gpus=2)
    try:
        slurm.start()
        found = seen(slurm, clone(folder / "cluster/understory"))
    except Exception:
        found = {"failed": traceback.format_exc()}
    finally:
        slurm.stop()
    (folder / "seen.new").write_text(json.dumps(found))
    (folder / "seen.new").rename(folder / "seen.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
