"""A lock on a working directory, held by every process of a run.

Every process that has parsed the Snakefile, and every job, holds a shared lock on one file until it ends, however it
ends: the system releases it. `understory.run.unlock` so tells a lock of Snakemake's that a killed run left behind from one
that is in use. Not every network file system tells one machine of the locks of another one, so another file says on which machine the
last run began.
"""

import fcntl
import os
import socket
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

FOLDER = Path(".snakemake")
FILE, HOST = "running", "host"


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


@cache
def tell(folder: Path = FOLDER):
    """Write down on which machine the run of this process is."""
    # Where nothing can be written, the jobs say so.
    with suppress(OSError):
        (folder / HOST).write_text(socket.gethostname(), encoding="utf-8")


def told(folder: Path = FOLDER) -> str:
    """The machine on which the last run began; empty where it is not known."""
    try:
        return (folder / HOST).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
