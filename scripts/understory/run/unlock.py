"""Remove Snakemake's lock on a working directory, left behind by a run that was killed.

PYTHONPATH=scripts python -m understory.run.unlock

A lock stays, with a message, while any process of a run is alive, a job of it is in Slurm's queue, or this cannot be told as the
run was on another machine.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from understory.run import lock

# Where Snakemake keeps its locks, in its folder.
LOCKS = "locks"
# Seconds in which Slurm answers, even if it is busy.
PATIENCE = 60


def unlock(folder: Path = lock.FOLDER) -> str | None:
    """Remove Snakemake's lock if no run uses it.

    Returns
    -------
    str or None
        Why the lock was left in place; None where there is none any more.
    """
    if not (folder / LOCKS).is_dir():
        return None
    descriptor = lock.opened(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return (
            f"{folder.absolute().parent}: a run, or a job of an earlier run, is still active here. Wait for it to end, or "
            "stop it, and run this command again"
        )
    except OSError as error:
        return f"cannot lock {folder / lock.FILE}: {error}. If no run is active: snakemake --unlock"
    else:
        if found := _elsewhere(folder):
            return found
        shutil.rmtree(folder / LOCKS, ignore_errors=True)
        return None
    finally:
        os.close(descriptor)


def _elsewhere(folder):
    """What may still be at work on another machine, and what to do; None where nothing is."""
    place = folder.absolute().parent
    jobs = queued(place)
    # Snakemake's folder of Slurm's logs is there if jobs were ever submitted.
    if jobs is None and (folder / "slurm_logs").is_dir():
        return (
            f"{place}: Slurm does not answer (squeue), so that jobs of an earlier run may still be at work. Run this command again when "
            "it does; if there is none: snakemake --unlock"
        )
    if jobs:
        return (
            f"{place}: jobs of an earlier run are still in Slurm's queue. Cancel them (scancel {' '.join(jobs)}), or wait for them to "
            "end, and run this command again"
        )
    if (host := lock.told(folder)) not in ("", socket.gethostname()):
        return (
            f"{place}: the last run here was on {host}, whose processes may not be seen from {socket.gethostname()}. Run this command "
            f"there; if {host} is gone, or nothing of this run is at work there any more: snakemake --unlock"
        )
    return None


def queued(place: Path) -> list[str] | None:
    """The numbers of this user's jobs in Slurm's queue that were started in a folder; None where Slurm does not answer."""
    command = ["squeue", "--me", "--noheader", "--format=%i %Z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError:
        return []
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    jobs = (line.strip().split(" ", 1) for line in done.stdout.splitlines())
    return [number for number, started in jobs if Path(started).resolve() == place.resolve()]


if __name__ == "__main__":
    sys.exit(unlock())
