"""The demo at a small size on a Slurm of four nodes, where a training is cancelled and the node of another one fails.

`python slurm_run.py FOLDER PROCESS` starts a Slurm, runs, stops it and writes what was seen to FOLDER/seen.json; all that ends with
the process of that number. Most of the time it waits, so the tests start it as soon as they are collected, and look at it last.
"""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml
from slurm_cluster import Cluster
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
    "models": {"sed_cnn": {"options": {"filters": [4], "dense": 8}, "epochs": 30}},
}
# What is there for a cluster of many, and would keep a small one waiting: the looks at jobs that have not ended come 5, 20 and 45 s
# after their start.
AT_ONCE = ["--slurm-init-seconds-before-status-checks", "5"]
# And a job that was cancelled would not begin again at once.
AGAIN_AT_ONCE = ["--set-resources", "train_fold:slurm_extra='--begin=now'"]
MODELS = "results/small/models/sed_cnn"
SUBMISSION = "results/small/submission.csv"
CPU = Path("/sys/fs/cgroup/cpu")
# Far longer than anything takes: only a failure waits so long.
LONG = 1800


def clone(place, **changed):
    """A fresh copy of the workflow, with the settings of the small run, or others."""
    place.mkdir(parents=True)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, place)
    for name in ("profiles", "report", "rules", "schemas", "scripts", "envs"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "slurm", place, follow_symlinks=False)
    (place / "settings.yaml").write_text(yaml.safe_dump(SETTINGS | changed))
    return place


def snakemake(place, *options, host=None, target=SUBMISSION, **environment):
    """Snakemake under way in a copy, up to a target; on a host of a cluster, or here."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        *options,
        "--nocolor",
        "--configfile",
        "settings.yaml",
        "--",
        target,
    ]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "CUDA_VISIBLE"))}
    return subprocess.Popen(
        host.entering(command, place) if host else command,
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


def trainings(cluster, place):
    """The number of the job of each training that is at work and has finished an epoch, by its fold."""
    started = {
        re.search(r"-fold(\d+)-", path.parent.name)[1]
        for path in place.glob("results/small/resume/*/epoch-*.keras")
    }
    running = {
        re.search(r"\d+", what)[0]: number
        for number, what in cluster.jobs("RUNNING").items()
        if what.startswith("rule_train_fold")
    }
    return {fold: number for fold, number in running.items() if fold in started}


def seen(cluster, place):
    """Run, cancel a training that is under way beside the other, end the node of that one, and give what was seen."""

    def both_under_way():
        found = trainings(cluster, place)
        return len(found) == 2 and found

    process = snakemake(place, "--profile", "slurm", *AT_ONCE, *AGAIN_AT_ONCE, host=cluster.login)
    try:
        (fold, cancelled), (other, lost) = until(both_under_way, process, place).items()
        nodes = {fold: cluster.node_of(cancelled), other: cluster.node_of(lost)}
        cluster.login.run("scancel", cancelled)
        cluster.nodes[nodes[other]].end()
        until(lambda: cluster.states()[nodes[other]].startswith("down"), process, place)
        cluster.start_node(nodes[other])
        code = process.wait(timeout=LONG)
        log = (place / "snakemake.log").read_text()
        left = cluster.processes(cancelled)
        again = snakemake(place, "--profile", "slurm", host=cluster.login).wait(timeout=LONG)
        second = (place / "snakemake.log").read_text()
    finally:
        process.kill()
        process.wait()
    found = {"code": code, "nodes": nodes, "fold": fold, "other": other, "left": left}
    return found | {"log": log, "again": again, "second": second}


def end_with(process: int):
    """Have this process told to end, as soon as another one does."""
    ended = os.pidfd_open(process)

    def watch():
        select.select([ended], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def before_others():
    """Have what this process starts go before the other tests, which end sooner: by the control groups of the first version."""
    group = CPU / f"understory-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield
        return
    (group / "cpu.shares").write_text("16384")
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        for process in (group / "cgroup.procs").read_text().split():
            with suppress(OSError):
                (CPU / "cgroup.procs").write_text(process)
        # One that ends just now may still be in it: an empty group that stays is no harm.
        with suppress(OSError):
            group.rmdir()


def main(folder: Path, tests: int):
    # So that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    end_with(tests)
    try:
        with before_others(), Cluster(folder / "cluster") as cluster:
            found = seen(cluster, clone(folder / "cluster/understory"))
    except Exception:
        found = {"failed": traceback.format_exc()}
    (folder / "seen.new").write_text(json.dumps(found))
    (folder / "seen.new").rename(folder / "seen.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
