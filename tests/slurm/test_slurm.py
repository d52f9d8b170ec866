"""The demo at a small size on a real Slurm: the same bytes as on one machine, though a training was cancelled."""

import json
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
from slurm_run import LONG, MODELS, SETTINGS, SUBMISSION, clone, snakemake
from workflow import planned

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(slurm_started, run_snakemake, tmp_path_factory):
    """A run on Slurm of which a training was cancelled after its first epoch, what was seen of it, and a run on one core."""
    if why := slurm_cluster.lacking():
        pytest.skip(why)
    local, end = tmp_path_factory.mktemp("local"), time.monotonic() + LONG
    run_snakemake(local, SUBMISSION, config=SETTINGS, cores=1, env={"UNDERSTORY_GPUS": ""})
    while not (slurm_started / "seen.json").exists():
        assert time.monotonic() < end
        time.sleep(0.5)
    seen, place = json.loads((slurm_started / "seen.json").read_text()), slurm_started / "cluster/understory"
    assert "failed" not in seen, seen["failed"]
    log = (place / "snakemake.log").read_text()
    assert seen["code"] == 0, log
    return SimpleNamespace(place=place, local=local, log=log, **seen)


def test_what_a_cluster_makes_is_what_one_machine_makes(run):
    for name in (SUBMISSION, *(f"{MODELS}/fold{fold}/last.keras" for fold in (0, 1))):
        assert (run.place / name).read_bytes() == (run.local / name).read_bytes(), name


def test_two_folds_train_at_once_each_on_its_own_device(run):
    assert run.at_once == 2
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
