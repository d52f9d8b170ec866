"""What is found where a file is expected, and writing a file whole or not at all.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import csv
import errno
import os
import socket
import stat
from contextlib import contextmanager
from pathlib import Path

NONE = "none"
FOLDER = "a folder"
DENIED = "that it may not be read (permission denied)"


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
    """A temporary path that is renamed to `path` on success, and deleted on failure; `shared` where several processes may
    write the same file at a time."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = own(path) if shared else path.with_name(f".{path.name}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_rows(path) -> list[list[str]]:
    """The rows of a CSV file in UTF-8, without its header."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def write_rows(path, header, rows):
    """Write a CSV file in UTF-8 from its header and its rows."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
