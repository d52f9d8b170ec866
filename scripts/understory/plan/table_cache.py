"""Facts about a data set's tables that a plan needs, cached from plan to plan where the tables are large.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from understory.core import file_digests, files, hashing
from understory.core.errors import InputError
from understory.core.file_digests import SETTLED, FileDigests
from understory.data.dataset import SUBSETS, Dataset
from understory.data.quarantine import check_present
from understory.data.source import reader
from understory.data.tables.checks import check_folds
from understory.plan import code_digests, job_resources, table_digests

# Bytes of tables above which the facts are cached.
LARGE = 2 * 10**6
FACTS = "facts.json"
# Seconds after which an unfinished folder of another plan is deleted.
ABANDONED = 24 * 3600


class TableFacts:
    """Facts about a data set's tables that a plan needs. InputError where the tables cannot be used.

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
    remember : bool
        Whether a shard's files are looked at once only.

    Attributes
    ----------
    annotations, rows : str
        As `table_digests` says.
    counts : list of int
        What `job_resources.Counts` holds.
    shards : dict
        By subset, the number of shards.
    tested : bool
        Whether there are test recordings.
    wrong : str or None
        What does not go with the configuration.
    """

    def __init__(
        self, source, config: dict, contents: FileDigests, read, folder: Path | None, divide, *, remember
    ):
        self.source, self.config, self.contents, self.folder = source, config, contents, folder
        self._read, self.remember = read, remember
        self._digests: dict[str, str] = {}
        facts = folder and _loaded(folder / FACTS)
        if facts and facts[3] != divide(dict(zip(SUBSETS, facts[2], strict=False))):
            # They were kept in other shards.
            shutil.rmtree(folder, ignore_errors=True)
            facts = None
        facts = facts or self._facts(read(), divide)
        self.annotations, self.rows, self.counts, self.shards, self.tested, self.wrong = facts

    def _facts(self, tables, divide):
        recordings = {subset: sum(r.subset == subset for r in tables.recordings) for subset in SUBSETS}
        sizes = [self._bytes(tables, subset) for subset in SUBSETS]
        counts = [*recordings.values(), self._examples(tables, recordings["train"], sizes[0]), *sizes]
        digests = table_digests.annotations(tables), table_digests.rows(tables)
        facts = [*digests, counts, divide(recordings), recordings["test"] > 0, self._wrong(tables)]
        if self.folder is not None:
            self._keep(tables, facts)
        return facts

    def _examples(self, tables, recordings, size):
        """How many annotated windows, or images, there are."""
        if reader(self.source.dataset).MEDIUM != "audio":
            return len(tables.annotations)
        # Files are not opened for a plan: a second of sound is taken for 48 kB.
        return job_resources.examples(self.config, tables, size / 48_000 / max(recordings, 1))

    def _bytes(self, tables, subset):
        """Bytes of the sound files of a subset, as far as they are there."""
        if reader(self.source.dataset).MEDIUM != "audio":
            return 0
        total = 0
        for recording in tables.recordings:
            if recording.subset == subset:
                with suppress(OSError, ValueError):
                    total += os.stat(self.source.place(recording.path)).st_size
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

    def rows_of(self, shard: str) -> Path | None:
        """The file where a shard's rows are kept, as `Dataset.part_as_text` gives them; None where they are not."""
        return None if self.folder is None else self.folder / f"{shard}.rows"

    def shard(self, shard: str) -> str:
        """As `table_digests.shard` says."""
        if not (self.remember and shard in self._digests):
            self._digests[shard] = self._shard(shard, self.shards[shard.split("-")[0]])
        return self._digests[shard]

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
            files.replace(known, json.dumps({"stamp": before, "digest": digest}))
        return digest

    def _keep(self, tables, facts):
        new = files.own(self.folder)
        new.mkdir(parents=True, exist_ok=True)
        for subset in SUBSETS:
            count = facts[3][subset]
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
    crop = [config["crop"][key] for key in ("absent", "background", "long_events", "window")]
    settings = [config["shards"], config["split"]["n_splits"], config["split"]["group"], crop]
    read = [source.dataset, source.subset, source.tested, source.trained, source.band, source.reads]
    key = hashing.digest([held, code, settings, read])
    return folder / config["name"] / key


def stamp(folder: str, paths) -> str | None:
    """A digest of the sizes, dates and inodes of files; None where one cannot be told by these, or may still be written."""
    stamps = [file_digests.stamp(f"{folder}/{path}") for path in paths]
    if any(isinstance(each, str) and each != file_digests.MISSING for each in stamps):
        return None
    newest = max((date for each in stamps if isinstance(each, list) for date in each[1:3]), default=0)
    return hashing.digest([folder, stamps]) if time.time() - newest / 1e9 > SETTLED else None


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
