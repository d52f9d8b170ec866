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
from understory.plan import code_digests, data_counts, table_digests
from understory.plan.data_counts import Counts, Part

# Bytes of tables above which the facts are cached.
LARGE = 2 * 10**6
FACTS, TEMPLATE = "facts.json", "template.json"
# Seconds after which an unfinished folder of another plan is deleted.
ABANDONED = 24 * 3600


class TableFacts:
    """Facts about a data set's tables that a plan needs. InputError where the tables cannot be used.

    Where they are cached, a shard's digest is remembered beside the sizes, dates and inodes of its files: as long as these
    stay the same, neither the tables nor the index of contents are read. Files that never change are not looked at.

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
        Gives the number of shards of each subset, of `Counts` of the data set.
    remember : bool
        Whether a shard's files are looked at once only.

    Attributes
    ----------
    annotations, rows : str
        As `table_digests` says.
    counts : data_counts.Counts
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
        if facts:
            facts[2] = Counts(*facts[2][:-1], {shard: Part(*part) for shard, part in facts[2][-1].items()})
        if facts and facts[3] != divide(facts[2]):
            # They were kept in other shards.
            shutil.rmtree(folder, ignore_errors=True)
            facts = None
        facts = facts or self._facts(read(), divide)
        self.annotations, self.rows, self.counts, self.shards, self.tested, self.wrong = facts

    def _facts(self, tables, divide):
        counts, sizes = Counts(0, 0, 0), self._sizes(tables)
        for subset in SUBSETS:
            held = [sizes[each.recording_id] for each in tables.recordings if each.subset == subset]
            counts = counts._replace(**{subset: len(held), f"{subset}_bytes": sum(held)})
        shards, sound = divide(counts), reader(self.source.dataset).MEDIUM == "audio"
        parts = {
            shard: data_counts.part(self.config, tables, shard, count, sizes, sound=sound)
            for shard, count in _names(shards)
        }
        examples = sum(part.examples for shard, part in parts.items() if shard.startswith("train"))
        counts = counts._replace(examples=examples, parts=parts)
        digests = table_digests.annotations(tables), table_digests.rows(tables)
        facts = [*digests, counts, shards, counts.test > 0, self._wrong(tables)]
        if self.folder is not None:
            self._keep(tables, facts)
        return facts

    def _sizes(self, tables):
        """By recording, the bytes of its file, as far as it is there and no folder."""
        if getattr(reader(self.source.dataset), "FOLDERS", False):
            return dict.fromkeys((recording.recording_id for recording in tables.recordings), 0)
        return {
            recording.recording_id: self.contents.size(self.source.place(recording.path))
            for recording in tables.recordings
        }

    def _wrong(self, tables):
        """What does not go with the configuration, in words, or None."""
        try:
            if self.source.trained:
                check_present(tables, tables, tables.quarantined)
                check_folds(tables, self.config["split"]["n_splits"], self.config["split"]["group"])
        except InputError as error:
            return str(error)
        return None

    def template(self) -> str:
        """A digest of what a submission has to look like. InputError where the reader cannot tell."""
        kept = self.folder and self.folder / TEMPLATE
        found = kept and _loaded(kept)
        if found is None:
            found = hashing.digest(reader(self.source.dataset).submission_template(Path(self.source.folder)))
            if kept is not None:
                files.replace(kept, json.dumps(found))
        return found

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
            kept = _loaded(known)
            if self.contents.append_only and kept is not None and self._all_missing(kept["missing"]):
                return kept["digest"]
            paths = (self.folder / f"{shard}.txt").read_text(encoding="utf-8").splitlines()
            looked = [path for path in paths if not self.contents.is_known(self.source.place(path))]
            before = stamp(self.source.folder, looked)
            if before is not None and kept is not None and kept["stamp"] == before:
                return kept["digest"]
            tables = Dataset.part_of_text(self.rows_of(shard).read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, KeyError):
            # It is not whole, or another plan, of other tables, took its place.
            tables, before = self._read(), None
        digest = table_digests.shard(tables, self.source, shard, count, self.contents)
        if before is not None and stamp(self.source.folder, looked) == before:
            missing = [path for path in looked if not os.path.exists(self.source.place(path))]
            # A stamp of some of the files is never that of all, so it says nothing to who wants to see each of them.
            files.replace(known, json.dumps({"stamp": before, "digest": digest, "missing": missing}))
        return digest

    def _all_missing(self, paths):
        """Whether none of the files is there that were missing before."""
        return not any(os.path.exists(self.source.place(path)) for path in paths)

    def _keep(self, tables, facts):
        new = files.own(self.folder)
        new.mkdir(parents=True, exist_ok=True)
        for shard, count in _names(facts[3]):
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


def _names(shards):
    """The name of each shard, with the number of shards of its subset."""
    return [(f"{subset}-{number}", shards[subset]) for subset in SUBSETS for number in range(shards[subset])]


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
    crop = [config["crop"][key] for key in ("absent", "background", "hop", "long_events", "window")]
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
