"""The run on Slurm, which goes on while other tests do."""

import fcntl
import subprocess
import sys

import pytest
import slurm_cluster
import slurm_run


def pytest_collection_finish(session):
    """Start the run, in the first process of the tests that has collected those that look at it."""
    wanted = any("slurm_started" in getattr(item, "fixturenames", ()) for item in session.items)
    if not wanted or session.config.option.collectonly or slurm_cluster.lacking():
        return
    session.config.slurm_lock = open(_folder(session.config) / "lock", "w")  # noqa: SIM115 held until the end
    try:
        fcntl.flock(session.config.slurm_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    command = [sys.executable, slurm_run.__file__, str(_folder(session.config))]
    session.config.slurm_run = subprocess.Popen(command)


def pytest_sessionfinish(session):
    if process := getattr(session.config, "slurm_run", None):
        process.terminate()
        process.wait()


def _folder(config):
    """The folder of the run, which all processes of the tests share."""
    root = config._tmp_path_factory.getbasetemp()
    folder = (root.parent if hasattr(config, "workerinput") else root) / "slurm"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def slurm_started(pytestconfig):
    """The folder of the run on Slurm, which may still be under way."""
    return _folder(pytestconfig)
