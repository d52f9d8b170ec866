"""The demo at a small size on a real Slurm: the same bytes as on one machine, though a training was cancelled."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import slurm_cluster
import yaml
from workflow import ROOT, planned

pytestmark = pytest.mark.slow

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


@pytest.fixture(scope="module")
def run(slurm, tmp_path_factory):
    """A run on Slurm of which a training was cancelled after its first epoch, and what was seen of it."""
    place = clone(tmp_path_factory.mktemp("cluster") / "understory")

    def trainings():
        return {
            number: what
            for number, what in slurm.jobs("RUNNING").items()
            if what.startswith("rule_train_fold")
        }

    def both_under_way():
        started = {
            path.parent.name.split("-")[1] for path in place.glob("results/small/resume/*/epoch-*.keras")
        }
        return started == {"fold0", "fold1"} and trainings()

    # Most of what a small run takes on a cluster is waiting, which leaves time for the one that it is held against.
    local = clone(tmp_path_factory.mktemp("local") / "understory")
    alone = snakemake(local, "--cores", "1", UNDERSTORY_GPUS="")
    process = snakemake(place, "--profile", "slurm", *AT_ONCE)
    try:
        at_once = until(both_under_way, process, place)
        cancelled, what = next(iter(at_once.items()))
        subprocess.run(["scancel", cancelled], check=True)
        codes = [each.wait(timeout=LONG) for each in (process, alone)]
    finally:
        for each in (process, alone):
            each.kill()
            each.wait()
    logs = [(folder / "snakemake.log").read_text() for folder in (place, local)]
    assert codes == [0, 0], logs
    fold = re.search(r"\d+", what)[0]
    left = slurm.processes(cancelled)
    return SimpleNamespace(place=place, local=local, at_once=at_once, log=logs[0], fold=fold, left=left)


def test_what_a_cluster_makes_is_what_one_machine_makes(run):
    for name in (SUBMISSION, *(f"{MODELS}/fold{fold}/last.keras" for fold in (0, 1))):
        assert (run.place / name).read_bytes() == (run.local / name).read_bytes(), name


def test_two_folds_train_at_once_each_on_its_own_device(run):
    assert len(run.at_once) == 2
    found = [
        re.search(r"^device: GPU (\d), given by Slurm$", log.read_text(), re.M)[1]
        for log in sorted(run.place.glob("results/small/logs/train_fold/sed_cnn/*.log"))
    ]
    # The one that was cancelled is given what is free.
    assert len(found) == 2
    assert set(found) <= {"0", "1"}


def test_a_training_that_was_cancelled_goes_on_from_its_last_epoch(run):
    assert "Trying to restart job" in run.log
    log = (run.place / f"results/small/logs/train_fold/sed_cnn/fold{run.fold}.log").read_text()
    assert int(re.search(r"^resuming after epoch (\d+)$", log, re.M)[1]) >= 1
    assert not list(run.place.glob("results/small/resume/*"))


def test_a_training_that_was_cancelled_leaves_no_process_on_its_node(run):
    assert run.left == {}


def test_a_second_run_has_nothing_to_do_whoever_runs_it(run):
    for options in (["--profile", "slurm"], ["--cores", "1"]):
        again = snakemake(run.place, *options, "--dry-run")
        log = (run.place / "snakemake.log").read_text() if again.wait(timeout=LONG) == 0 else "failed"
        assert planned(log) == set(), options


def test_no_output_names_the_place_of_the_run(run):
    for path in (run.place / "results/small").rglob("*"):
        if path.is_file() and "logs" not in path.parts:
            assert str(run.place).encode() not in path.read_bytes(), path


DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('there', flush=True); time.sleep(600)"


def test_a_process_that_a_job_left_behind_is_counted_and_killed_at_the_end(monkeypatch, tmp_path):
    """One that no longer has anything to do with what started it, and is deaf to SIGTERM; without a Slurm."""
    monkeypatch.setattr(slurm_cluster, "NAME", f"understory-{os.getpid()}")
    cluster = slurm_cluster.Cluster(tmp_path, gpus=0)
    environment = {**os.environ, "SLURM_CLUSTER_NAME": slurm_cluster.NAME, "SLURM_JOB_ID": "7"}
    left = subprocess.Popen(
        [sys.executable, "-c", DEAF], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert left.stdout.readline() == b"there\n"
        left.terminate()
        assert set(cluster.processes()) == set(cluster.processes("7")) == {left.pid}
        assert cluster.processes("8") == {}
        cluster._wait_for_none(seconds=0)
        assert cluster.processes() == {}
        assert left.wait() == -signal.SIGKILL
    finally:
        left.kill()
        left.wait()
        left.stdout.close()


def test_a_plan_for_a_cluster_wants_no_slurm(tmp_path):
    place = clone(tmp_path / "understory")
    (tmp_path / "bin").mkdir()
    # With this the executor looks for Slurm's own programs.
    (tmp_path / "bin/which").symlink_to(shutil.which("which"))
    process = snakemake(place, "--profile", "slurm", "-n", PATH=str(tmp_path / "bin"))
    assert process.wait(timeout=LONG) == 0, (place / "snakemake.log").read_text()
    planned = (place / "snakemake.log").read_text()
    assert re.search(r"rule train_fold:\n(?: .*\n)*? +resources: .*gpu=1.*mem_mb=\d+", planned)
    assert not Path(place, "results/small").exists()
