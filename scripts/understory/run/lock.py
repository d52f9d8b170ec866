"""Who is at work in a working directory, so that a lock left behind by a killed run is told from one that counts.

PYTHONPATH=scripts python -m understory.run.lock

clears Snakemake's lock when nobody is at work, and says so when somebody is. Every process that has parsed the
Snakefile, and every job, holds a shared lock on one file for as long as it lives, which the system takes back
whatever it died of.
"""

import fcntl
import os
import shutil
import sys
from pathlib import Path

FOLDER = Path(".snakemake")
LOCKS = "locks"


def hold(folder: Path = FOLDER):
    """Be at work in the working directory until this process ends."""
    try:
        folder.mkdir(exist_ok=True)
        fcntl.flock(os.open(folder / "running", os.O_RDWR | os.O_CREAT, 0o666), fcntl.LOCK_SH)
    except OSError as error:
        # A file system without such locks, or one that cannot be written to: then nobody can be told of.
        print(f"{folder}: who is at work here cannot be noted: {error}", file=sys.stderr)


def clear(folder: Path = FOLDER) -> str | None:
    """Remove the lock of a run that is no more.

    Returns
    -------
    str or None
        Why it was left in place; None where there is no lock any more.
    """
    if not (folder / LOCKS).is_dir():
        return None
    place = os.open(folder / "running", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return (
            f"{folder.absolute().parent}: a run is at work here, or a job that outlived one. Wait for it to end, or end it, "
            "and give the same command again"
        )
    except OSError as error:
        return (
            f"{folder}: whether a run is at work cannot be told ({error}). Where none is: snakemake --unlock"
        )
    else:
        shutil.rmtree(folder / LOCKS, ignore_errors=True)
        return None
    finally:
        os.close(place)


if __name__ == "__main__":
    sys.exit(clear())
