"""The demo at a small size on a real Slurm of four nodes: the same bytes as on one machine, though a training was cancelled and the
node of another one failed."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import slurm_cluster
from slurm_run import LONG, MODELS, SETTINGS, SUBMISSION, clone, snakemake
from workflow import ROOT, planned

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(slurm_started, run_snakemake, tmp_path_factory):
    """A run on Slurm of which a training was cancelled after its first epoch and the node of the other one failed, what was seen of
    it, and a run on one core."""
    if why := slurm_cluster.lacking():
        pytest.skip(why)
    local = tmp_path_factory.mktemp("local")
    run_snakemake(local, SUBMISSION, config=SETTINGS, cores=1, env={"UNDERSTORY_GPUS": ""})
    folder = slurm_started()
    seen, place = json.loads((folder / "seen.json").read_text()), folder / "cluster/understory"
    assert "failed" not in seen, seen["failed"]
    assert seen["code"] == 0, seen["log"]
    return SimpleNamespace(place=place, local=local, **seen)


def log_of(run, fold):
    return (run.place / f"results/small/logs/train_fold/sed_cnn/fold{fold}.log").read_text()


def test_what_a_cluster_makes_is_what_one_machine_makes(run):
    for name in (SUBMISSION, *(f"{MODELS}/fold{fold}/last.keras" for fold in (0, 1))):
        assert (run.place / name).read_bytes() == (run.local / name).read_bytes(), name


def test_two_folds_train_at_once_each_on_its_own_device(run):
    assert set(run.nodes.values()) == {"n1", "n2"}
    for fold in (0, 1):
        assert re.search(r"^device: GPU 0, given by Slurm$", log_of(run, fold), re.M)


def test_a_training_that_was_cancelled_or_whose_node_failed_goes_on_from_its_last_epoch(run):
    assert "Trying to restart job" in run.log
    for fold in (run.fold, run.other):
        assert int(re.search(r"^resuming after epoch (\d+)$", log_of(run, fold), re.M)[1]) >= 1
    assert not list(run.place.glob("results/small/resume/*"))


def test_a_training_that_was_cancelled_leaves_no_process_on_its_node(run):
    assert run.left == {}


def test_a_second_run_has_nothing_to_do_whoever_runs_it(run):
    assert run.again == 0, run.second
    assert planned(run.second) == set()
    again = snakemake(run.place, "--cores", "1", "--dry-run")
    log = (run.place / "snakemake.log").read_text() if again.wait(timeout=LONG) == 0 else "failed"
    assert planned(log) == set()


def test_no_output_names_the_place_of_the_run(run):
    for path in (run.place / "results/small").rglob("*"):
        if path.is_file() and "logs" not in path.parts:
            assert str(run.place).encode() not in path.read_bytes(), path


DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('there', flush=True); time.sleep(600)"


def test_a_process_that_a_job_left_behind_is_counted(tmp_path):
    """One that no longer has anything to do with what started it, and is deaf to SIGTERM; without a Slurm."""
    cluster = slurm_cluster.Cluster(tmp_path)
    environment = {**os.environ, "SLURM_CLUSTER_NAME": cluster.name, "SLURM_JOB_ID": "7"}
    left = subprocess.Popen(
        [sys.executable, "-c", DEAF], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert left.stdout.readline() == b"there\n"
        left.terminate()
        assert set(cluster.processes()) == set(cluster.processes("7")) == {left.pid}
        assert cluster.processes("8") == {}
    finally:
        left.kill()
        left.wait()
        left.stdout.close()


STARTER = """
import sys, time
from pathlib import Path
from slurm_cluster import Cluster
cluster = Cluster(Path(sys.argv[1]))
cluster.start()
cluster.login.run("sbatch", "--chdir=/", "--output=/dev/null", "--wrap", sys.argv[2])
cluster.wait_until(cluster.processes, "no job is at work")
print(cluster.name, cluster.login.pid, flush=True)
time.sleep(600)
"""


def test_a_cluster_ends_with_what_started_it_and_leaves_nothing(tmp_path):
    """Though that is killed, and though a job is deaf to SIGTERM."""
    if why := slurm_cluster.lacking():
        pytest.skip(why)
    mounts, configured = Path("/proc/mounts").read_text(), sorted(Path("/etc/slurm").glob("*"))
    job = shlex.join([sys.executable, "-c", DEAF])
    command = [sys.executable, "-c", STARTER, str(tmp_path / "shared"), job]
    starter = subprocess.Popen(command, cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True)
    name, pid = starter.stdout.readline().split()
    cluster = slurm_cluster.Cluster(tmp_path)
    cluster.name = name
    assert cluster.processes()
    starter.kill()
    starter.communicate()
    cluster.wait_until(lambda: not cluster.processes(), "a job is still at work")
    cluster.wait_until(lambda: not Path(f"/proc/{pid}").exists(), "a host is still there")
    assert Path("/proc/mounts").read_text() == mounts
    assert sorted(Path("/etc/slurm").glob("*")) == configured
    assert list((tmp_path / "shared").iterdir()) == []


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
