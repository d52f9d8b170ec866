"""Remove Snakemake's lock on a working directory, left behind by a run that was killed.

PYTHONPATH=scripts python -m understory.run.unlock

A lock stays, with a message, while any process of a run is alive.
"""

import fcntl
import os
import shutil
import sys
from pathlib import Path

from understory.run import lock

# Where Snakemake keeps its locks, in its folder.
LOCKS = "locks"


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
        shutil.rmtree(folder / LOCKS, ignore_errors=True)
        return None
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(unlock())
