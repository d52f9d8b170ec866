"""Digests of the contents of files, which an index keeps from run to run."""

import hashlib
import json
import os
import stat
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from understory.core import files

# Seconds after which another write to a file changes its date for certain.
SETTLED = 2.0
# Bytes that take so long to read that a message is printed first.
MUCH = 2 * 10**9
MISSING = "missing"


class FileDigests:
    """SHA-256 digests of files, each computed once for as long as its size, dates and inode stay the same.

    The index is a text file with one line for each digest, to which lines are appended; the last line for a file counts, and
    lines with another check sum are ignored. Without the index every file is hashed again.

    Parameters
    ----------
    index : Path or None
        The index; it is created with the first digest. None for none.
    append_only : bool
        Whether files are added and never changed: one that the index knows is not looked at again.

    Attributes
    ----------
    fresh : bool
        Whether files are opened to be told how old they are, as another machine may have written them just now.
    """

    def __init__(self, index: Path | None, *, append_only: bool = False):
        self.index, self.append_only, self.fresh = index, append_only, False
        self._known: dict[str, tuple[list[int], str]] | None = None
        self._said = False

    def identities(self, paths, *, among=tuple) -> list[str]:
        """The digest of each file as 64 hex digits, or why there is none: `missing`, or `unreadable` and the reason.

        Before much is read for the first time, a line on stderr says how much; `among` gives the files that will be asked
        for as well.
        """
        known, paths = self._remembered(), [str(path) for path in paths]
        stamps = {path: self._stamp(path) for path in paths}
        pending = self._unknown(stamps)
        if pending and not self._said:
            self._said = True
            self._say({**stamps, **{path: self._stamp(path) for path in map(str, among())}})
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            digests = dict(zip(pending, pool.map(_digest, pending), strict=True))
        lines = []
        for path, digest in digests.items():
            if stamp(path, fresh=self.fresh) != stamps[path] or len(digest) != 64:
                continue
            known[path] = (stamps[path], digest)
            if time.time() - max(stamps[path][1:3]) / 1e9 > SETTLED:
                lines.append(_line(path, stamps[path], digest))
        self._remember(lines)
        return [
            stamps[path] if isinstance(stamps[path], str) else digests.get(path) or known[path][1]
            for path in paths
        ]

    def of_files(self, *, append_only: bool) -> "FileDigests":
        """The digests of other files, with the same index."""
        return FileDigests(self.index, append_only=True) if append_only else self

    def size(self, path: str) -> int:
        """Bytes of a file; 0 where there is none."""
        found = self._stamp(path)
        return 0 if isinstance(found, str) else found[0]

    def is_known(self, path: str) -> bool:
        """Whether a file is known to be there without a look at it."""
        return self.append_only and path in self._remembered()

    def _stamp(self, path):
        """The stamp of a file, as the index has it where files never change."""
        return self._remembered()[path][0] if self.is_known(path) else stamp(path, fresh=self.fresh)

    def _unknown(self, stamps):
        """The stamps of files that are there, and have another digest than is remembered."""
        known = self._known
        return {
            path: each
            for path, each in stamps.items()
            if isinstance(each, list) and known.get(path, (None, ""))[0] != each
        }

    def _say(self, stamps):
        sizes = [size for size, *_ in self._unknown(stamps).values()]
        if sum(sizes) > MUCH:
            print(
                f"reading {len(sizes)} files, {sum(sizes) / 1e9:.1f} GB, to know what they hold; remembered in {self.index}",
                file=sys.stderr,
                flush=True,
            )

    def _remembered(self):
        if self._known is None:
            self._known = {}
            try:
                text = self.index.read_text(encoding="utf-8", errors="replace") if self.index else ""
            except OSError:
                text = ""
            for line in text.splitlines():
                entry, _, check = line.rpartition("\t")
                if check == _check(entry):
                    path, stamp, digest = json.loads(entry)
                    self._known[path] = (stamp, digest)
            if text.count("\n") > 2 * len(self._known) + 100:
                self._compact()
        return self._known

    def _compact(self):
        lines = (_line(path, *entry) for path, entry in self._known.items())
        files.replace(self.index, "".join(lines))

    def _remember(self, lines):
        if not lines or self.index is None:
            return
        self.index.parent.mkdir(parents=True, exist_ok=True)
        # Starts a new line, as the last one may be incomplete.
        data = "\n" + "".join(lines)
        with open(self.index, "ab", buffering=0) as file:
            file.write(data.encode())


def _line(path, stamp, digest):
    entry = json.dumps([path, stamp, digest])
    return f"{entry}\t{_check(entry)}\n"


def _check(entry):
    """A check sum: where nodes that share a folder append to a file at once, a line may be made of parts of two."""
    return f"{zlib.crc32(entry.encode()):08x}"


def identity(path) -> str:
    """The digest of a file, without an index."""
    return _digest(str(path))


def short(identity: str) -> str:
    """What an identity is called in a table: `sha256:` and its first 16 hex digits; nothing where there is no digest.

    The word before it keeps spreadsheets from taking it for a number.
    """
    return f"sha256:{identity[:16]}" if len(identity) == 64 else ""


def stamp(path, *, fresh: bool = False) -> list[int] | str:
    """The size, dates and inode of a regular file, or why there is none, as `FileDigests.identities` says.

    A network file system knows of a name what was true up to a minute ago, but asks its server when a file is opened, as is done where
    `fresh`.
    """
    try:
        status = os.stat(path)
        if fresh and stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError, ValueError))
        return MISSING if missing else f"unreadable: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return "unreadable: no regular file"
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _digest(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
