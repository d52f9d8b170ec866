"""What goes wrong on a cluster, a job at a time: each ends in the bytes of a run on one machine, or in a sentence that says what to do."""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest
from slurm_run import AT_ONCE, LONG, clone, snakemake, trainings, until
from workflow import planned

pytestmark = pytest.mark.soak

FOLD = "results/small/models/sed_cnn/fold0"
TRAINING = [f"{FOLD}/{name}" for name in ("last.keras", "best.keras", "history.csv")]
SIGNAL = [f"results/small/windows/train-0.{suffix}" for suffix in ("npy", "csv")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, folder):
    """A run on one machine, up to a training, of data that lie in a folder of their own."""
    place = clone(tmp_path_factory.mktemp("finished") / "understory", data=str(folder))
    process = snakemake(place, "--cores", "2", target=TRAINING[0], UNDERSTORY_GPUS="")
    assert process.wait(timeout=LONG) == 0, (place / "snakemake.log").read_text()
    return place


class Again:
    """A finished run in a folder that a cluster shares, of which some files of one job are made again on the cluster."""

    def __init__(self, cluster, finished, place, files):
        self.cluster, self.finished, self.files = cluster, finished, files
        self.place, self.process = place, None
        shutil.copytree(finished, place, symlinks=True)
        for name in files:
            (place / name).unlink()

    def start(self, *options, host=None, **environment):
        options = ("--profile", "slurm", *AT_ONCE, "--latency-wait", "30", *options)
        host = host or self.cluster.login
        self.process = snakemake(self.place, *options, host=host, target=self.files[0], **environment)

    @property
    def log(self):
        return (self.place / "snakemake.log").read_text()

    def until(self, found):
        return until(found, self.process, self.place)

    def at_work(self):
        """The number of the only running job, and the host of its node, once it is there."""
        (job,) = self.until(lambda: self.cluster.jobs("RUNNING"))
        return job, self.cluster.node_of(job)

    def training(self):
        """The same, once its training has finished an epoch."""
        (job,) = self.until(lambda: trainings(self.cluster, self.place)).values()
        return job, self.cluster.node_of(job)

    def ends_as_on_one_machine(self):
        assert self.process.wait(timeout=LONG) == 0, self.log
        for name in self.files:
            assert (self.place / name).read_bytes() == (self.finished / name).read_bytes(), name
        log = self.log
        self.start("--dry-run")
        assert self.process.wait(timeout=LONG) == 0
        assert planned(self.log) == set()
        return log


@pytest.fixture
def again(slurm, finished, tmp_path):
    """A function that gives a finished run of which some files are to be made again; its cluster is whole before and after."""
    made = []

    def make(files):
        made.append(Again(slurm, finished, tmp_path / f"run{len(made)}", files))
        return made[-1]

    yield make
    for each in made:
        if each.process:
            each.process.kill()
            each.process.wait()
    slurm.restore()


def resumed(run):
    return int(re.search(r"^resuming after epoch (\d+)$", _log_of_training(run), re.M)[1]) >= 1


def _log_of_training(run):
    return (run.place / "results/small/logs/train_fold/sed_cnn/fold0.log").read_text()


@pytest.mark.parametrize("files", [TRAINING, SIGNAL], ids=["training", "signal"])
def test_a_node_whose_power_fails(again, files):
    run = again(files)
    run.start()
    _, node = run.training() if files is TRAINING else run.at_work()
    run.cluster.nodes[node].end()
    run.ends_as_on_one_machine()
    assert files is SIGNAL or resumed(run)


@pytest.mark.parametrize("files", [TRAINING, SIGNAL], ids=["training", "signal"])
def test_a_node_whose_daemon_is_killed(again, files):
    """Its job goes on, while Slurm starts it once more elsewhere: both write the same files."""
    run = again(files)
    run.start()
    _, node = run.training() if files is TRAINING else run.at_work()
    run.cluster.kill_daemon(run.cluster.nodes[node])
    run.ends_as_on_one_machine()


def test_a_run_whose_login_node_fails_goes_on_elsewhere(again):
    """There it is said what to do, whatever is still at work."""
    run = again(TRAINING)
    run.start()
    job, _ = run.training()
    run.cluster.login.run("pkill", "-KILL", "-f", "^[^ ]*python -m snakemake --profile")
    run.process.wait()

    def cleared(host):
        command = host.entering(
            [sys.executable, "-m", "understory.run.unlock"],
            run.place,
        )
        env = {**os.environ, "PYTHONPATH": "scripts"}
        return subprocess.run(command, env=env, capture_output=True, text=True)

    elsewhere = run.cluster.nodes["n4"]
    run.start(host=elsewhere)
    assert run.process.wait(timeout=LONG) != 0
    assert "cannot be locked" in run.log
    told = cleared(elsewhere)
    assert told.returncode != 0
    assert f"scancel {job}" in told.stderr
    run.cluster.login.run("scancel", job)
    run.cluster.wait_until(lambda: not run.cluster.jobs("RUNNING,COMPLETING"), "the job is still at work")
    told = cleared(elsewhere)
    assert told.returncode != 0
    assert "the last run here was on login" in told.stderr
    assert "snakemake --unlock" in told.stderr
    elsewhere.run(
        "sh", "-c", f"cd {run.place} && {sys.executable} -m snakemake --unlock --configfile settings.yaml"
    )
    run.start(host=elsewhere)
    run.ends_as_on_one_machine()
    assert resumed(run)


def test_a_job_that_is_killed_for_its_memory_is_given_more(again):
    run = again(TRAINING)
    if not run.cluster.limits:
        pytest.skip("there are no control groups of the first version here, by which Slurm limits memory")
    # The first attempt has less than TensorFlow takes to begin.
    run.start("--set-resources", "train_fold:mem_mb=300 * 8 ** (attempt - 1)")
    log = run.ends_as_on_one_machine()
    assert "Trying to restart job" in log


def test_a_shared_folder_that_is_away_for_a_minute(again):
    run = again(TRAINING)
    run.start()
    _, node = run.training()
    host = run.cluster.nodes[node]
    run.cluster.unmount(host)
    time.sleep(60)
    run.cluster.mount(host)
    run.ends_as_on_one_machine()
    assert resumed(run)


def test_a_job_that_gives_way_to_another_one(again):
    run = again(TRAINING)
    run.start()
    job, node = run.training()
    run.cluster.login.run(
        "sbatch",
        "-p",
        "urgent",
        f"--nodelist={node}",
        "--exclusive",
        "--chdir=/",
        "--output=/dev/null",
        "--wrap",
        "sleep 5",
    )
    run.until(lambda: job not in run.cluster.jobs("RUNNING"))
    run.ends_as_on_one_machine()
    assert resumed(run)


def test_a_controller_that_is_killed_and_started_again(again):
    run = again(TRAINING)
    run.start()
    run.training()
    run.cluster.kill_controller()
    time.sleep(30)
    run.cluster.start_controller()
    run.ends_as_on_one_machine()


def test_a_node_whose_tmp_is_full(again):
    run = again(TRAINING)
    for name in ("n1", "n2"):
        run.cluster.nodes[name].run("sh", "-c", "dd if=/dev/zero of=/tmp/full bs=1M 2>/dev/null; df /tmp")
    run.start()
    run.ends_as_on_one_machine()


def test_two_runs_that_share_a_folder_of_data(again):
    runs = [again(SIGNAL), again(SIGNAL)]
    for run in runs:
        # As if nobody had read the data here before.
        (run.place / ".snakemake/contents.jsonl").unlink()
        run.start()
    for run in runs:
        run.ends_as_on_one_machine()


def test_a_file_server_that_does_not_answer_for_a_minute(again):
    run = again(TRAINING)
    run.start()
    run.training()
    run.cluster.hang(60)
    run.ends_as_on_one_machine()
