"""The data set of a run, as far as it exists when the Snakefile is parsed.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import json
import math
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from understory.core import files
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.data.dataset import SUBSETS, Dataset
from understory.data.source import Part, Source, reader
from understory.fetch import address
from understory.plan import data_counts, table_cache
from understory.plan.data_counts import UNKNOWN

# Shards of recordings of which nobody knows how many there are, as they are still to be fetched.
OF_UNKNOWN = 16
# What stands for a number of shards that is left to the run.
AUTO = "auto"
# A number of shards is kept while there are at most so many times as many recordings as it was chosen for, or as few.
KEPT = 4
# Bytes of files in a shard at most, which are decoded in minutes, up to so many shards.
SHARD, BY_SIZE = 2 * 10**9, 128


class Division(NamedTuple):
    """A number of shards, and how many recordings it was chosen for; None where nobody knew, or the user chose it."""

    shards: int
    recordings: int | None


def divided(recordings: int | None, before: Division | None = None, size: int = 0) -> Division:
    """The number of shards of some recordings, or of an unknown number: that of `before` as long as it fits.

    A new recording concerns its shard, with 1 / shards of the recordings, and each shard has jobs of its own: the square
    root keeps both few. Long recordings have more shards, by the `size` of their files in bytes.
    """
    if before is not None:
        known = before.recordings
        if known is None:
            return Division(before.shards, recordings)
        if recordings is None or (known <= KEPT * recordings and recordings <= KEPT * known):
            return before
    if recordings is None:
        return Division(OF_UNKNOWN, None)
    by_size = min(math.ceil(size / SHARD), BY_SIZE, recordings)
    return Division(max(1, math.ceil(math.sqrt(recordings) / 4), by_size), recordings)


class DatasetState:
    """The tables of a data set: the user's own, or made or fetched by the run itself.

    Parameters
    ----------
    config : dict
        The whole configuration.
    source : datasets.Source
        Where the data set lies.
    ready : str or list
        The file that a run writes once it has made or fetched the data; [] where they are the user's own.
    contents : FileDigests
        What the recordings' files hold.
    memory : Path
        The folder of the cache for large tables.
    chosen : Path, optional
        The file that tells of the numbers of shards that earlier runs chose, where the configuration leaves them to the run.
    """

    def __init__(
        self,
        config: dict,
        source: Source,
        ready,
        contents: FileDigests,
        memory: Path,
        chosen: Path | None = None,
    ):
        self.config, self.source, self.ready = config, source, ready
        self.contents, self.memory, self.chosen = contents, memory, chosen
        self._divisions: dict[str, Division] = {}
        self._told = False
        self._read: dict[int | None, Dataset] = {}
        self._facts: dict[int | None, table_cache.TableFacts] = {}
        self.started = False

    def tables(self) -> Dataset | None:
        """The tables, read anew when they were made or fetched anew; None before they are there.

        Raises
        ------
        InputError
            They cannot be used, or are not those that are wanted.
        """
        return self._when_there(self._tables)

    def facts(self) -> table_cache.TableFacts | None:
        """What a plan asks of the tables, in the same way."""
        return self._when_there(self._facts_of)

    def digest_param(self, digest):
        """A param of a rule: a digest of the tables, `digest(facts, wildcards)`.

        Snakemake evaluates it again just before the job starts, hence after the data were made.
        """

        def param(wildcards):
            try:
                facts = self.facts()
                return "not downloaded yet" if facts is None else digest(facts, wildcards)
            except InputError as error:
                # Data that came in this very run: the job, which reads them, reports it without a traceback.
                return str(error)

        return param

    def counts(self) -> data_counts.Counts:
        """How much there is of the data set, or is going to be as far as the configuration says."""
        facts = self.facts()
        return data_counts.planned(self.config) if facts is None else facts.counts

    def shards(self) -> dict[str, int]:
        """By subset, the number of shards. It stays the same in a process: data may come while jobs are under way."""
        if not self._divisions:
            self._divide(self.counts() if AUTO in self.config["shards"].values() else UNKNOWN)
        return {subset: division.shards for subset, division in self._divisions.items()}

    def _recordings(self):
        """By subset, how many recordings there are or are going to be; nothing where nobody knows."""
        return _recordings(self.counts())

    def _divide(self, counts):
        recordings = _recordings(counts)
        sizes = dict(zip(SUBSETS, counts[3:], strict=False))
        given, before = self.config["shards"], {} if self._divisions else self._chosen_before()
        for subset in () if self._divisions else SUBSETS:
            self._divisions[subset] = (
                divided(recordings.get(subset), before.get(subset), sizes[subset])
                if given[subset] == AUTO
                else Division(given[subset], None)
            )
        return self.shards()

    def _chosen_before(self):
        """By subset, the divisions that earlier runs chose, as far as they are there."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            told = json.loads(self.chosen.read_text(encoding="utf-8"))
            found = {subset: Division(**told[subset]) for subset in SUBSETS if subset in told}
            if all(division.shards >= 1 and (division.recordings or 0) >= 0 for division in found.values()):
                return found
        return {}

    def _chosen(self):
        """By subset, the divisions that are left to the run."""
        wanted = SUBSETS if self.source.trained else ("test",)
        return {subset: self._divisions[subset] for subset in wanted if self.config["shards"][subset] == AUTO}

    def remember(self, job):
        """Write down the numbers of shards that were left to the run, for later ones and for jobs on other machines.

        To be called with each job that starts. Nothing is written before the first one of a shard: what was chosen for
        data still to be fetched is chosen anew where nothing was made with it.
        """
        here = f"{self.chosen.parent}/"
        if self._told or not hasattr(job.wildcards, "shard") or not str(job.output[0]).startswith(here):
            return
        self._told = True
        chosen, there = {}, {}
        # What is wrong with tables that came in this run, the job says.
        with suppress(InputError):
            there = self._recordings()
        for subset, division in self._chosen().items():
            now = there.get(subset, division.recordings)
            # Data that were made or fetched since may ask for another number, which this run has not.
            stays = division.recordings is None or divided(now, division) == division
            chosen[subset] = (division if stays else division._replace(recordings=now))._asdict()
        if chosen:
            before = {subset: division._asdict() for subset, division in self._chosen_before().items()}
            chosen = {**before, **chosen}
            # Where nothing can be written, the jobs say so.
            with suppress(OSError), files.replacing(self.chosen) as new:
                new.write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")

    def remarks(self) -> list[str]:
        """The numbers of shards of recordings that are left to the run, and what they were chosen for."""
        self.shards()
        there, said = self._recordings(), []
        for subset, (shards, known) in self._chosen().items():
            now = there.get(subset)
            if now == 0:
                continue
            if known is None:
                said.append(f"shards.{subset}: auto is {shards}, as the recordings are still to be fetched")
            elif now == known:
                said.append(f"shards.{subset}: auto is {shards} for {known} recordings")
            else:
                said.append(
                    f"shards.{subset}: auto is {shards}, chosen for {known} recordings, of which there are {now} now"
                )
        return said

    def source_of(self, wildcards) -> Source:
        """The data set for a job about one shard, as a param."""
        shard, rows = wildcards.shard, None
        # What is wrong with the tables, a digest of them says.
        with suppress(InputError):
            if facts := self.facts():
                rows = facts.rows_of(shard)
        return replace(self.source, part=Part(shard, self.shards()[shard.split("-")[0]], rows))

    def start(self):
        """Look at files each time that is asked from now on: jobs begin, and may be about to read what was changed.

        What the run itself makes or fetches, a job on another machine wrote.
        """
        self.started, self.contents.fresh = True, bool(self.ready)
        for facts in self._facts.values():
            facts.remember = False

    def _when_there(self, give):
        if not self.ready:
            return give(None)
        ready = Path(self.ready)
        if found := files.other(ready):
            if found == files.NONE:
                return None
            raise InputError(f"{ready}: expected a file that a run wrote, found {found}")
        if address.kind(self.config["data"]) != "synthetic":
            address.check(ready, self.config["data_sha256"])
        # Opened, as another machine may have written it just now.
        with open(ready, "rb") as file:
            written = os.fstat(file.fileno()).st_mtime_ns
        try:
            return give(written)
        except InputError as error:
            raise InputError(
                f"{error}\nWhere the data are not whole any more, delete {self.ready} to have them again"
            ) from None

    def _tables(self, stamp):
        if stamp not in self._read:
            self._read[stamp] = self.source.read()
        return self._read[stamp]

    def _facts_of(self, stamp):
        if stamp not in self._facts:
            place = table_cache.place(self.source, self.config, self.memory)
            self._facts[stamp] = table_cache.TableFacts(
                self.source,
                self.config,
                self.contents,
                lambda: self._tables(stamp),
                place,
                self._divide,
                remember=not self.started,
            )
        return self._facts[stamp]

    def tested(self) -> bool:
        """Whether there are test recordings to predict, as known so far.

        InputError where the tables do not go with the configuration.
        """
        facts = self.facts()
        if facts is not None and facts.wrong:
            raise InputError(facts.wrong)
        if not self.config["shards"]["test"]:
            return False
        if facts is None:
            return hasattr(reader(self.source.dataset), "submission_template")
        return facts.tested


def _recordings(counts):
    return {} if counts == UNKNOWN else dict(zip(SUBSETS, counts, strict=False))
