"""A lock that a killed run left behind is told from one that counts."""

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import snakemake_executor_plugin_slurm
from snakemake_process import snakemake
from workflow import ROOT

from understory.core.errors import InputError
from understory.plan import snakemake_records
from understory.run import lock, snakemake_patches, unlock

HOLD = "import sys, time; from pathlib import Path; from understory.run import lock; lock.hold(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"


@pytest.fixture
def locked(tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "0.input.lock").touch()
    return tmp_path


def at_work(folder):
    program = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
    )
    assert program.stdout.readline() == b"held\n"
    return program


def test_a_lock_stays_while_anybody_is_at_work(locked):
    one, other = at_work(locked), at_work(locked)
    try:
        assert "is still active here" in unlock.unlock(locked)
        one.send_signal(signal.SIGKILL)
        one.wait()
        assert "is still active here" in unlock.unlock(locked)
        assert (locked / "locks").exists()
        other.send_signal(signal.SIGKILL)
        other.wait()
        for _ in range(100):
            if unlock.unlock(locked) is None:
                break
            time.sleep(0.05)
        assert not (locked / "locks").exists()
    finally:
        for program in (one, other):
            program.kill()
            program.wait()
            program.stdout.close()


SQUEUE = """#!/bin/sh
test "$*" = "--me --noheader --format=%i %Z" && printf '%s' "$QUEUE"
"""


def test_a_lock_stays_while_jobs_of_the_run_are_in_a_queue(locked, tmp_path_factory, monkeypatch):
    programs = tmp_path_factory.mktemp("bin")
    (programs / "squeue").write_text(SQUEUE)
    (programs / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("QUEUE", f"17 {locked.parent}\n18 {locked}\n19_1 {locked.parent}\n")
    found = unlock.unlock(locked)
    assert found.startswith(
        f"{locked.parent}: jobs of an earlier run are still in Slurm's queue. Cancel them (scancel 17 19_1)"
    )
    assert (locked / "locks").exists()
    monkeypatch.setenv("QUEUE", f"18 {locked}\n")
    # Slurm does not answer, of jobs that may be there.
    (programs / "squeue").write_text("#!/bin/sh\nexit 1\n")
    (locked / "slurm_logs").mkdir()
    found = unlock.unlock(locked)
    assert found.startswith(f"{locked.parent}: Slurm does not answer (squeue)")
    assert (locked / "locks").exists()
    (programs / "squeue").write_text(SQUEUE)
    assert unlock.unlock(locked) is None


def test_a_machine_whose_slurm_is_not_used_has_no_queue(locked, tmp_path_factory, monkeypatch):
    programs = tmp_path_factory.mktemp("bin")
    (programs / "squeue").write_text("#!/bin/sh\nexit 1\n")
    (programs / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    assert unlock.unlock(locked) is None


def test_a_lock_of_a_run_on_another_machine_stays(locked, monkeypatch):
    monkeypatch.setenv("PATH", "")
    lock.tell(locked)
    here = socket.gethostname()
    assert lock.told(locked) == here
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "login2")
        assert (
            f"the last run here was on {here}, whose processes may not be seen from login2"
            in unlock.unlock(locked)
        )
    assert (locked / "locks").exists()
    assert unlock.unlock(locked) is None


def test_without_a_lock_there_is_nothing_to_clear(tmp_path):
    assert unlock.unlock(tmp_path / "none") is None
    assert list(tmp_path.iterdir()) == []


def test_the_age_of_the_records_is_kept(tmp_path, capsys):
    folder, results = tmp_path / "metadata", tmp_path / "results"
    place = snakemake_records.records_marker(folder, results)
    assert not folder.exists()
    folder.mkdir()
    results.mkdir()
    os.utime(place, (1, 1))
    assert snakemake_records.records_marker(folder, results) == place
    assert os.stat(place).st_mtime == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("lost", ["metadata", "since"])
def test_results_older_than_the_records_are_told_of(tmp_path, capsys, lost):
    folder, results = tmp_path / "metadata", tmp_path / "results"
    folder.mkdir()
    results.mkdir()
    (tmp_path / "since-results").touch()
    os.utime(tmp_path / "since-results", (1, 1))
    (folder.rmdir if lost == "metadata" else (tmp_path / "since-results").unlink)()
    place = snakemake_records.records_marker(folder, results)
    assert os.stat(place).st_mtime > 1
    assert "there is no record in" in capsys.readouterr().err


def test_a_working_directory_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    """One that root cannot write either: a file stands where Snakemake's folder is to be."""
    monkeypatch.chdir(tmp_path)
    Path(".snakemake").touch()
    with pytest.raises(
        InputError, match="expected a working directory that can be written, found that it cannot"
    ):
        snakemake_records.records_marker(Path(".snakemake/metadata"), Path("results/demo"))


def test_results_under_another_name_have_no_records(tmp_path, capsys):
    (tmp_path / "metadata").mkdir()
    snakemake_records.records_marker(tmp_path / "metadata", tmp_path / "one")
    (tmp_path / "other").mkdir()
    snakemake_records.records_marker(tmp_path / "metadata", tmp_path / "other")
    assert "other: there is no record in" in capsys.readouterr().err


STOPPED = """
import os, signal, sys, threading
from types import SimpleNamespace
import snakemake.cli
from snakemake.scheduling.job_scheduler import JobScheduler
from understory.run import snakemake_patches

if sys.argv[1] == "mended":
    snakemake_patches.stop_at_a_signal()
    snakemake_patches.stop_at_a_signal()
scheduler = SimpleNamespace(_lock=threading.Lock(), _open_jobs=threading.Semaphore(0), _user_kill=None)
signal.signal(signal.SIGTERM, lambda *given: JobScheduler.exit_gracefully(scheduler, *given))
# As where Snakemake handles what a job returned.
print("begun", flush=True)
with scheduler._lock:
    os.kill(os.getpid(), signal.SIGTERM)
    print("caught", flush=True)
scheduler._open_jobs.acquire()
print(scheduler._user_kill)
"""


@pytest.mark.parametrize("which", ["mended", "as it is"])
def test_a_run_stops_at_a_signal_whatever_it_is_doing(which):
    """As Snakemake is, it waits for itself; where it no longer does, the patch can go."""
    command = [sys.executable, "-c", STOPPED, which]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout.readline() == "begun\n"
        if which == "mended":
            # Not communicate(), which knows nothing of what readline() has read ahead.
            late = threading.Timer(60, process.kill)
            late.start()
            assert process.stdout.read() == "caught\ngraceful\n"
            late.cancel()
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                process.communicate(timeout=2)
    finally:
        process.kill()
        process.communicate()


NODES = """
import sys
import snakemake.cli
from types import SimpleNamespace
from snakemake.workflow import Workflow
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

def told(workflow, *, executor_plugin):
    print(workflow.resource_settings.max_threads, workflow.global_resources["_cores"])

Workflow.execute = told
from understory.run import snakemake_patches

snakemake_patches.ask_for_a_nodes_processors_at_most()
snakemake_patches.ask_for_a_nodes_processors_at_most()
for name in ("slurm", "local"):
    for given, cores in ((None, None), (None, 7), (3, None)):
        settings = SimpleNamespace(max_threads=given, cores=cores)
        workflow = SimpleNamespace(resource_settings=settings, global_resources={"_cores": cores})
        Workflow.execute(workflow, executor_plugin=ExecutorPluginRegistry().get_plugin(name))
"""


def test_snakemake_looks_at_a_function_once():
    """What it finds is what it found before: of functions, of methods of one or of several objects, of what is partial."""
    import snakemake.cli  # noqa: F401 or else `rules` is imported in a circle
    from snakemake import common, rules

    before = getattr(common.get_function_params, "__wrapped__", common.get_function_params)
    snakemake_patches.look_at_each_function_once()
    assert rules.get_function_params is common.get_function_params
    assert common.get_function_params.__wrapped__ is before

    class Sized:
        def ask(self, wildcards, attempt, rulename=None):
            return wildcards

    def with_overwritten(*given):
        return given

    common.overwrite_function_params(with_overwritten, ["wildcards"])
    functions = [lambda wildcards, input: input, Sized().ask, Sized().ask, Sized.ask, with_overwritten]
    functions += [functools.partial(Sized().ask, attempt=1), Sized]
    for function in functions:
        for _ in range(2):
            assert common.get_function_params(function) == before(function)


def sinfo(folder, says):
    (folder / "sinfo").write_text(f"#!/bin/sh\n{says}\n")
    (folder / "sinfo").chmod(0o755)


@pytest.mark.parametrize(
    ("says", "most"),
    [("echo '2\n16\n4'", 16), ("echo 8; exit 1", None), ("echo no nodes", None), (None, None)],
)
def test_the_largest_node_is_asked_for(tmp_path, monkeypatch, says, most):
    monkeypatch.setenv("PATH", str(tmp_path))
    if says:
        sinfo(tmp_path, says)
    assert snakemake_patches.processors_of_a_node() == most


def test_no_job_asks_slurm_for_more_processors_than_a_node_has(tmp_path):
    sinfo(tmp_path, "echo 2")
    # With this the executor looks for Slurm's own programs, of which it wants one.
    (tmp_path / "which").symlink_to(shutil.which("which"))
    (tmp_path / "squeue").symlink_to(tmp_path / "sinfo")
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run([sys.executable, "-c", NODES], capture_output=True, text=True, env=environment)
    of_slurm = ["2 2", "2 7", "3 None"]
    assert done.stdout.splitlines() == [*of_slurm, "None None", "None 7", "3 None"], done.stderr


FAILING = """
from pathlib import Path
from snakemake.jobs import Job

async def cleanup(job, *arguments):
    Path("by-the-run" if job.dag.workflow.is_main_process else "by-the-job").touch()

Job.cleanup = cleanup
{mended}

rule all:
    output: "out"
    shell: "false"
"""
MENDED = "from understory.run import snakemake_patches; snakemake_patches.leave_failed_outputs_to_the_run()"


@pytest.mark.slow
@pytest.mark.parametrize("mended", [MENDED, ""], ids=["mended", "as it is"])
def test_a_job_that_runs_elsewhere_leaves_its_failed_outputs_to_the_run(tmp_path, mended):
    """As Snakemake is, both remove them; where it no longer does so, the patch can go."""
    (tmp_path / "Snakefile").write_text(FAILING.format(mended=mended))
    paths = os.pathsep.join([str(ROOT / "scripts"), str(ROOT / "tests/plugins")])
    options = ["--executor", "detached", "--jobs", "1", "--seconds-between-status-checks", "1"]
    done = snakemake(options, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode != 0
    removed = {path.name for path in tmp_path.glob("by-*")}
    assert removed == ({"by-the-run"} if mended else {"by-the-run", "by-the-job"})


@pytest.mark.parametrize(
    ("attempt", "extra", "waits"),
    [
        (1, "", None),
        (2, "", "--begin=now+30"),
        (3, "--qos=long", "--begin=now+120"),
        (3, "--begin=20:00", None),
    ],
)
def test_slurm_waits_before_it_begins_a_job_once_more(monkeypatch, attempt, extra, waits):
    def get_submit_command(job, params):
        return f"sbatch {params}"

    monkeypatch.setattr(snakemake_executor_plugin_slurm, "get_submit_command", get_submit_command)
    snakemake_patches.begin_further_attempts_later()
    found = snakemake_executor_plugin_slurm.get_submit_command(SimpleNamespace(attempt=attempt), extra)
    assert found == " ".join(["sbatch", extra, *filter(None, [waits])])


@pytest.mark.parametrize("patched", [False, True])
def test_jobs_are_not_forgotten_while_slurm_does_not_answer(monkeypatch, patched):
    """As the plugin does by itself."""
    plugin, job = snakemake_executor_plugin_slurm, SimpleNamespace(external_jobid="1", aux={})
    settings = SimpleNamespace(status_attempts=2, init_seconds_before_status_checks=5)
    executor = mock.MagicMock(_status_query_min_seconds=None, _status_query_max_seconds=0)
    executor.next_seconds_between_status_checks = 5
    executor.workflow.executor_settings = settings
    executor.status_rate_limiter = contextlib.AsyncExitStack()
    executor.get_status_command.return_value = "squeue"

    async def query_job_status(command, logger):
        return None, None

    async def active():
        return [each async for each in plugin.Executor.check_active_jobs(executor, [job])]

    monkeypatch.setattr(plugin, "get_min_job_age", lambda: 300)
    monkeypatch.setattr(plugin, "query_job_status", query_job_status)
    if patched:
        snakemake_patches.give_lost_jobs_up()
    assert asyncio.run(active()) == ([job] if patched else [])


def test_a_job_that_slurm_lost_or_cancelled_for_others_is_not_waited_for(monkeypatch):
    answers = iter(
        [
            {"1": "RUNNING", "2": "RUNNING", "3": "RUNNING"},
            {"1": "PREEMPTED", "2": "RUNNING", "3": "PREEMPTED"},
            {"1": "PENDING", "2": "RUNNING", "3": "PREEMPTED"},
            None,
            {"1": "RUNNING", "3": "PREEMPTED"},
            {"1": "RUNNING", "3": "PREEMPTED"},
            {"1": "RUNNING", "3": "PREEMPTED"},
        ]
    )

    async def query_job_status(command, logger):
        return next(answers), 0.1

    monkeypatch.setattr(snakemake_executor_plugin_slurm, "query_job_status", query_job_status)
    snakemake_patches.give_lost_jobs_up()
    asked = snakemake_executor_plugin_slurm.query_job_status
    found = [asyncio.run(asked("squeue", None))[0] for _ in range(7)]
    assert found[3] == {}
    assert [each["1"] for each in found if each] == ["RUNNING", "PREEMPTED", "PENDING", *["RUNNING"] * 3]
    assert [each.get("2") for each in found[4:]] == [None, None, "COMPLETED"]
    assert [each["3"] for each in found[4:]] == ["CANCELLED"] * 3
