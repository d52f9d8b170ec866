"""Snakemake's command line in a process that is forked from one that has imported it: a second less for each call."""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
import traceback
from functools import cache
from multiprocessing import forkserver, get_context
from pathlib import Path
from unittest import mock

import job_process

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "snakemake.cli",
        "snakemake.report.html_reporter",
        "snakemake_executor_plugin_slurm",
        "argparse_dataclass",
        "dpath",
        "smart_open",
        "yte",
        "snakemake_prepared",
    ]
)


@cache
def _prepare():
    """Start the process that Snakemake is forked from, which finds modules where this one does."""
    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))):
        forkserver.ensure_running()


@cache
def _python():
    """What Snakemake starts for each job, with the servers behind it, which all processes of the tests share."""
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    tests = os.getppid() if parallel else os.getpid()
    # With the time at which it started, as a killed process leaves its folder, and its number is used again.
    started = Path(f"/proc/{tests}/stat").read_text().rpartition(")")[2].split()[19]
    folder = Path(tempfile.gettempdir(), f"jobs-of-tests-{tests}-{started}")
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (python := folder / "python").exists():
            job_process.client(folder, tests)
    while not all((folder / name).exists() for name in ("signal", "tensorflow")):
        time.sleep(0.05)
    return str(python)


def _main(arguments, cwd, environment, out, err, python):
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = ["snakemake", *arguments]
    sys.executable = python
    from snakemake.cli import main
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

    # Those that are in the folders of PYTHONPATH as well.
    ExecutorPluginRegistry().collect_plugins()
    try:
        main()
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        sys.exit(1)


def start(arguments, *, cwd, env, out, err):
    """Start `snakemake ARGUMENTS` in a session of its own, which writes to the files or pipes `out` and `err`."""
    _prepare()
    process = _CONTEXT.Process(
        target=_main, args=(arguments, str(cwd), dict(env), str(out), str(err), _python())
    )
    process.start()
    return process


def snakemake(arguments, *, cwd, env) -> subprocess.CompletedProcess:
    """Run `snakemake ARGUMENTS` and give the finished process, with what it wrote as text.

    Folders in PYTHONPATH are looked into for plugins and packages that have not been imported yet.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = start(arguments, cwd=cwd, env=env, out=out, err=err)
        process.join()
        texts = [path.read_text(errors="replace") if path.exists() else "" for path in (out, err)]
    return subprocess.CompletedProcess(["snakemake", *arguments], process.exitcode, *texts)
