"""New recordings, in which events are detected: their shards, and what a plan has to know of them.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError, user_errors
from understory.core.file_digests import FileDigests
from understory.core.hashing import digest, stable_hash
from understory.core.text import in_text
from understory.core.untracked import Untracked

# Bytes that a second of sound takes, roughly, by suffix; files are not opened for a plan.
BYTES_OF_SECOND = {
    ".wav": 96_000,
    ".aif": 96_000,
    ".aiff": 96_000,
    ".flac": 48_000,
    ".ogg": 12_000,
    ".mp3": 16_000,
}
# Seconds of sound in a shard at least, and shards at most, where their number is not configured.
SHARD, MOST = 2 * 3600, 128


def shard_of(name: str, count: int) -> str:
    """The shard, of `count`, that a recording belongs to, by a hash of its path within the folder."""
    return f"new-{stable_hash(name) % count}"


def seconds_of(path: str, size: int) -> float:
    """About how long a recording of so many bytes is, s, by the suffix of its file."""
    return size / BYTES_OF_SECOND.get(os.path.splitext(path)[1].lower(), BYTES_OF_SECOND[".flac"])


@dataclass(frozen=True, repr=False)
class Places(Untracked):
    """Folders of the recordings and of the cache of their scores, and the file that remembers the digests of files."""

    recordings: str
    cache: str
    contents: str


class NewRecordings:
    """The recordings of a folder, for a plan.

    Parameters
    ----------
    folder : Path
    names : sequence of str
        Their paths within it.
    contents : FileDigests
        What their files hold.
    shards : int, optional
        Their number; by default a power of two, by the size of the files, so that it seldom changes as files are added.
    """

    def __init__(self, folder: Path, names, contents: FileDigests, shards: int | None = None):
        if not names:
            found = files.other(folder)
            place = f"none in {folder}" if found == files.FOLDER else f"{found or 'a file'} at {folder}"
            raise InputError(
                f"recordings: expected a folder with sound files ({', '.join(BYTES_OF_SECOND)}), found {place}"
            )
        self.folder, self._contents = folder, contents
        self._names = sorted(filter(in_text, names))
        # Named in the digest of the first shard, whose job tells of them.
        self._strange = sorted(ascii(name) for name in names if not in_text(name))
        seconds = [seconds_of(name, contents.size(str(folder / name))) for name in self._names]
        self._count = shards or _usual(sum(seconds), len(names))
        self._parts: dict[str, list[str]] = {shard: [] for shard in self.shards}
        self._seconds = dict.fromkeys(self.shards, 0.0)
        for name, long in zip(self._names, seconds, strict=True):
            shard = shard_of(name, self._count)
            self._parts[shard].append(name)
            self._seconds[shard] += long

    @property
    def count(self) -> int:
        """The number of shards."""
        return self._count

    @property
    def shards(self) -> list[str]:
        """The names of the shards."""
        return [f"new-{number}" for number in range(self._count)]

    def seconds(self, shard: str | None = None) -> float:
        """About how much sound a shard has, or all, s."""
        return sum(self._seconds.values()) if shard is None else self._seconds[shard]

    def digest(self, shard: str | None = None) -> str:
        """A digest of the paths of a shard's recordings, or of all, and of what their files hold."""
        names = self._names if shard is None else self._parts[shard]
        held = self._contents.identities([self.folder / name for name in names], among=self._paths)
        strange = self._strange if shard in (None, self.shards[0]) else []
        return f"recordings {digest([*zip(names, held, strict=True), *strange])}"

    def _paths(self):
        return [self.folder / name for name in self._names]


def of(config: dict, below, contents: FileDigests) -> NewRecordings | None:
    """The new recordings of a configuration, which `below` finds as `annotations.files.below` does; None where it names none."""
    if config["recordings"] is None:
        return None
    folder = Path(config["recordings"]).expanduser()
    return NewRecordings(folder, below(folder)[0], contents, config["detect"]["shards"])


def _usual(seconds, recordings):
    """A number of shards for so much sound in so many recordings."""
    wanted = min(seconds / SHARD, recordings, MOST)
    return 1 << max(0, math.ceil(wanted) - 1).bit_length()


def of_recordings(config: dict, paths: list[str], which: str):
    """An input function: paths of what is made of new recordings; the run stops where no folder of them is given, `which`
    being what they are for."""

    def inputs(wildcards):
        with user_errors():
            if not config["recordings"]:
                raise InputError(
                    f"recordings: expected the folder of the recordings {which}, given none: add --config recordings=FOLDER"
                )
        return paths

    return inputs
