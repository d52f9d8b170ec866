"""The data set of a run, as far as it exists when the Snakefile is parsed.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.data.dataset import Dataset
from understory.data.source import Part, Source, reader
from understory.fetch import address
from understory.plan import job_resources, table_cache


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
    """

    def __init__(self, config: dict, source: Source, ready, contents: FileDigests, memory: Path):
        self.config, self.source, self.ready = config, source, ready
        self.contents, self.memory = contents, memory
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

    def counts(self) -> job_resources.Counts:
        """How much there is of the data set, or is going to be as far as the configuration says."""
        facts = self.facts()
        return job_resources.planned(self.config) if facts is None else job_resources.Counts(*facts.counts)

    def source_of(self, wildcards) -> Source:
        """The data set for a job about one shard, as a param."""
        shard, rows = wildcards.shard, None
        # What is wrong with the tables, a digest of them says.
        with suppress(InputError):
            if facts := self.facts():
                rows = facts.rows_of(shard)
        return replace(self.source, part=Part(shard, self.config["shards"][shard.split("-")[0]], rows))

    def start(self):
        """Look at files each time that is asked from now on: jobs begin, and may be about to read what was changed."""
        self.started = True
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
        try:
            return give(ready.stat().st_mtime_ns)
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
