"""What is found where a file is expected, and writing a file whole or not at all.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import csv
import errno
import os
import re
import socket
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path

NONE = "none"
FOLDER = "a folder"
DENIED = "that it may not be read (permission denied)"
# Seconds after which nobody is at work any more on a temporary file that has not changed.
ABANDONED = 24 * 3600


def other(path) -> str | None:
    """What lies at a path, in words that follow "found"; None where it is a regular file that may be read.

    Nothing is opened: whoever opens a pipe waits for ever, and a device may never end. A folder on the way that may
    not be entered is `DENIED`, as a file is that may not be read.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        dangling = not isinstance(error, ValueError) and os.path.islink(path)
        return "a link that leads nowhere" if dangling else NONE
    except PermissionError:
        return DENIED
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads to itself"
        return f"that it cannot be read ({error.strerror})"
    if stat.S_ISDIR(mode):
        return FOLDER
    if not stat.S_ISREG(mode):
        return "a pipe, a socket or a device"
    return None if os.access(path, os.R_OK) else DENIED


def visible(name: str) -> bool:
    """Whether a file of this name is the user's: not one that macOS or a Synology keeps beside them."""
    return not name.startswith((".", "@eaDir"))


def own(path: Path) -> Path:
    """A name beside a path that no other running process uses, on any machine that shares the folder."""
    return path.with_name(f"{path.name}.{socket.gethostname()}.{os.getpid()}")


def replace(path: Path, text: str):
    """Write a text file whole or not at all, whatever other processes write to it."""
    with replacing(path, shared=True) as new:
        new.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path, *, shared: bool = False):
    """A temporary path that is renamed to `path` on success, and deleted on failure.

    No other running process has the same temporary path, also not a job that was given up because its node no longer answered,
    and that is still at work. Those that killed processes left for the same file are deleted, but where `shared`: there many
    processes may write many files, whose folder would be listed for each.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{own(path).name}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if not shared:
        _delete_abandoned(path)


def _delete_abandoned(path):
    """Delete the temporary files for a path of processes that ended."""
    # The folder may be gone, as that of a training which another job has brought to its end.
    with suppress(FileNotFoundError):
        for other in path.parent.iterdir():
            if other.name.startswith(".") and other.name.endswith(".part") and abandoned(other, path):
                other.unlink(missing_ok=True)


def abandoned(temporary: Path, path: Path) -> bool:
    """Whether a name is one that `own` gave for a path to a process that has ended, as far as can be told: of another machine, after
    a day."""
    found = re.fullmatch(rf"\.?{re.escape(path.name)}\.(.+)\.(\d+)(\.part)?", temporary.name)
    if not found:
        return False
    host, process, _ = found.groups()
    if host == socket.gethostname():
        return not os.path.exists(f"/proc/{process}")
    with suppress(FileNotFoundError):
        return time.time() - temporary.stat().st_mtime > ABANDONED
    return False


def read_rows(path) -> list[list[str]]:
    """The rows of a CSV file in UTF-8, without its header."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def write_rows(path, header, rows):
    """Write a CSV file in UTF-8 from its header and its rows."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
