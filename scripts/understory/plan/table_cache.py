"""Facts about a data set's tables that a plan needs, cached from plan to plan where the tables are large.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import hashlib
import json
import os
import shutil
import stat
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from understory.core import files, hashing
from understory.core.errors import InputError
from understory.core.file_digests import SETTLED, FileDigests
from understory.data.dataset import SUBSETS, Dataset
from understory.data.fold_checks import check_folds
from understory.data.quarantine import check_present
from understory.data.source import reader
from understory.plan import code_digests, table_digests

# Bytes of tables above which the facts are cached.
LARGE = 2 * 10**6
FACTS = "facts.json"
# Seconds after which an unfinished folder of another plan is deleted.
ABANDONED = 24 * 3600


class TableFacts:
    """Facts about a data set's tables that a plan needs.

    Where they are cached, a shard's digest is remembered beside the sizes, dates and inodes of its files: as long as these
    stay the same, neither the tables nor the index of contents are read.

    Parameters
    ----------
    source : datasets.Source
        The data set.
    config : dict
        The whole configuration, of which `split.n_splits` and `split.group` count.
    contents : FileDigests
        What the recordings' files hold.
    read : callable
        Gives the tables.
    folder : Path or None
        The cache for these tables, this reader and these settings; None where there is none.
    divide : callable
        Gives the number of shards of each subset, of how many recordings each has.
    """

    def __init__(self, source, config: dict, contents: FileDigests, read, folder: Path | None, divide):
        self.source, self.config, self.contents, self.folder = source, config, contents, folder
        self._read, self._divide = read, divide
        self._shards: dict[str, str] = {}
        self._renewed = False

    @cached_property
    def _facts(self):
        if self.folder is not None and (kept := _loaded(self.folder / FACTS)) is not None:
            if kept["shards"] == self._divide(dict(zip(SUBSETS, kept["counts"], strict=False))):
                return kept
            # They were kept in other shards.
            shutil.rmtree(self.folder, ignore_errors=True)
        tables = self._read()
        recordings = {subset: sum(r.subset == subset for r in tables.recordings) for subset in SUBSETS}
        facts = {
            "annotations": table_digests.annotations(tables),
            "counts": [
                *recordings.values(),
                len(tables.annotations),
                *(self._bytes(tables, subset) for subset in SUBSETS),
            ],
            "rows": table_digests.rows(tables),
            "shards": self._divide(recordings),
            "tested": recordings["test"] > 0,
            "wrong": self._wrong(tables),
        }
        if self.folder is not None:
            self._keep(tables, facts)
        return facts

    def _bytes(self, tables, subset):
        """Bytes of the sound files of a subset, as far as they are there."""
        if reader(self.source.dataset).MEDIUM != "audio":
            return 0
        total = 0
        for recording in tables.recordings:
            if recording.subset == subset:
                with suppress(OSError, ValueError):
                    total += os.stat(f"{self.source.folder}/{recording.path}").st_size
        return total

    def _wrong(self, tables):
        """What does not go with the configuration, in words, or None."""
        try:
            if self.source.trained:
                check_present(tables, tables, tables.quarantined)
                check_folds(tables, self.config["split"]["n_splits"], self.config["split"]["group"])
        except InputError as error:
            return str(error)
        return None

    @property
    def annotations(self) -> str:
        """As `table_digests.annotations` says."""
        return self._facts["annotations"]

    @property
    def counts(self) -> list[int]:
        """What `job_resources.Counts` holds."""
        return self._facts["counts"]

    @property
    def rows(self) -> str:
        """As `table_digests.rows` says."""
        return self._facts["rows"]

    @property
    def tested(self) -> bool:
        """Whether there are test recordings."""
        return self._facts["tested"]

    def rows_of(self, shard: str) -> Path | None:
        """The file where a shard's rows are kept, as `Dataset.part_as_text` gives them; None where they are not."""
        return None if self.folder is None else self.folder / f"{shard}.rows"

    def load(self):
        """Read the tables, unless what is asked of them is kept. InputError where they cannot be used."""
        _ = self._facts

    def check(self):
        """InputError where the tables do not go with the configuration."""
        if self._facts["wrong"]:
            raise InputError(self._facts["wrong"])

    def shard(self, shard: str) -> str:
        """As `table_digests.shard` says, looked up once until `renew`."""
        if shard in self._shards:
            return self._shards[shard]
        digest = self._shard(shard, self._facts["shards"][shard.split("-")[0]])
        if not self._renewed:
            self._shards[shard] = digest
        return digest

    def renew(self):
        """Look at the files again from now on, each time that a shard is asked for."""
        self._shards.clear()
        self._renewed = True

    def _shard(self, shard, count):
        if self.folder is None:
            return table_digests.shard(self._read(), self.source, shard, count, self.contents)
        known = self.folder / f"{shard}.json"
        try:
            paths = (self.folder / f"{shard}.txt").read_text(encoding="utf-8").splitlines()
            before, kept = stamp(self.source.folder, paths), _loaded(known)
            if before is not None and kept is not None and kept["stamp"] == before:
                return kept["digest"]
            tables = Dataset.part_of_text(self.rows_of(shard).read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            # It is not whole, or another plan, of other tables, took its place.
            tables, before = self._read(), None
        digest = table_digests.shard(tables, self.source, shard, count, self.contents)
        if before is not None and stamp(self.source.folder, paths) == before:
            _write(known, json.dumps({"stamp": before, "digest": digest}).encode())
        return digest

    def _keep(self, tables, facts):
        new = files.own(self.folder)
        new.mkdir(parents=True, exist_ok=True)
        for subset in SUBSETS:
            count = facts["shards"][subset]
            for shard in (f"{subset}-{number}" for number in range(count)):
                part = tables.part(shard, count)
                (new / f"{shard}.rows").write_text(part.part_as_text(), encoding="utf-8")
                paths = [path for recording in part.recordings for path in self.source.files(recording)]
                (new / f"{shard}.txt").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        (new / FACTS).write_text(json.dumps(facts))
        with suppress(OSError):  # another plan was as fast
            new.rename(self.folder)
        for other in self.folder.parent.iterdir():
            # What another plan is still at work on has a name with its machine and process.
            if other != self.folder and ("." not in other.name or _old(other)):
                shutil.rmtree(other, ignore_errors=True)


def place(source, config: dict, folder: Path) -> Path | None:
    """Where below `folder` the facts of a data set are kept; None where its tables are small, or not all that it is read from.

    The name of the place tells what the tables hold, how they are read, and the settings that count.
    """
    module = reader(source.dataset)
    paths = [Path(source.folder, name) for name in getattr(module, "TABLES", ())]
    paths = [path for path in paths if path.is_file()]
    if source.subset == "available" or sum(path.stat().st_size for path in paths) < LARGE:
        return None
    held = FileDigests(folder / "contents.jsonl").identities(paths)
    if any(len(identity) != 64 for identity in held):
        return None
    library = Path(__file__).resolve().parents[2]
    code = code_digests.code_of(Path(module.__file__).resolve(), library, (__name__,), messages=True)
    settings = [config["shards"], config["split"]["n_splits"], config["split"]["group"]]
    read = [source.dataset, source.subset, source.tested, source.trained, source.band]
    key = hashing.digest([held, code, settings, read])
    return folder / config["name"] / key


def stamp(folder: str, paths) -> str | None:
    """A digest of the sizes, dates and inodes of files; None where one cannot be told by these, or may still be written."""
    found, newest = [folder], 0
    for path in paths:
        try:
            status = os.stat(f"{folder}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            found.append(None)
            continue
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        dates = status.st_mtime_ns, status.st_ctime_ns
        newest = max(newest, *dates)
        found += [status.st_size, *dates, status.st_ino]
    if time.time() - newest / 1e9 <= SETTLED:
        return None
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _old(path):
    """Whether nobody can be at work on a folder any more, as nothing was put there for long; False where it is gone."""
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > ABANDONED
    return False


def _loaded(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(path, data):
    new = files.own(path)
    new.write_bytes(data)
    os.replace(new, path)
