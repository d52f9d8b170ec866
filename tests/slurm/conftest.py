"""The run on Slurm, which goes on while other tests do."""

import fcntl
import os
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
    folder, distributed = _folder(session.config)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    # A process of the tests may be done with its share while the others look at the run: it ends with the one that started them all.
    tests = os.getppid() if distributed else os.getpid()
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, slurm_run.__file__, str(folder), str(tests)]
        subprocess.Popen(command, pass_fds=[lock.fileno()])


def _folder(config):
    """The folder of the run, which all processes of the tests share, and whether there are several."""
    root, distributed = config._tmp_path_factory.getbasetemp(), hasattr(config, "workerinput")
    return (root.parent if distributed else root) / "slurm", distributed


@pytest.fixture(scope="session")
def slurm_started(pytestconfig):
    """A function that waits for the run on Slurm to end, and gives its folder."""
    folder, _ = _folder(pytestconfig)

    def ended():
        # The run holds it as long as it goes on.
        with open(folder / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        return folder

    return ended
