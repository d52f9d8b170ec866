"""A lock on a working directory, held by every process of a run.

Every process that has parsed the Snakefile, and every job, holds a shared lock on one file until it ends, however it
ends: the system releases it. `understory.run.unlock` so tells a lock of Snakemake's that a killed run left behind from one
that is in use.
"""

import fcntl
import os
import sys
from pathlib import Path

FOLDER = Path(".snakemake")
FILE = "running"


def hold(folder: Path = FOLDER):
    """Hold the shared lock of the working directory until this process ends."""
    try:
        folder.mkdir(exist_ok=True)
        fcntl.flock(opened(folder), fcntl.LOCK_SH)
    except OSError as error:
        # A file system without locks, or one that is read-only: `unlock` then cannot see this process.
        print(f"cannot lock {folder / FILE}: {error}", file=sys.stderr)


def opened(folder: Path) -> int:
    """A descriptor of the file that is locked; OSError where it cannot be opened."""
    return os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o666)
