"""The data set of a run, as far as it is there when the Snakefile is parsed.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

from pathlib import Path

from understory import addresses, datasets, files, quarantine
from understory.tables import InputError, Tables


class Given:
    """The tables of a data set that is a person's own, or that is made or fetched by the run itself.

    Parameters
    ----------
    config : dict
        The whole configuration.
    source : datasets.Source
        Where the data set lies.
    ready : str or list
        The file that says that it was made or fetched; [] where it is a person's own.
    """

    def __init__(self, config: dict, source: datasets.Source, ready):
        self.config, self.source, self.ready = config, source, ready
        self._read: dict[int | None, Tables] = {}

    def checked(self) -> Tables | None:
        """The tables, when they go with the configuration; None before they are there. InputError otherwise."""
        tables = self.tables()
        if tables is not None and self.source.trained:
            tables.check_folds(self.config["split"]["n_splits"])
            quarantine.check_present(tables, tables, tables.quarantined)
        return tables

    def tables(self) -> Tables | None:
        """The tables, read anew when they were made or fetched anew; None before they are there.

        Raises
        ------
        InputError
            They cannot be used, or are not those that are wanted.
        """
        if not self.ready:
            return self._tables(None)
        ready = Path(self.ready)
        if found := files.other(ready):
            if found == files.NONE:
                return None
            raise InputError(f"{ready}: expected a file that a run wrote, found {found}")
        if addresses.kind(self.config["data"]) != "synthetic":
            addresses.check(ready, self.config["data_sha256"])
        try:
            return self._tables(ready.stat().st_mtime_ns)
        except InputError as error:
            raise InputError(
                f"{error}\nWhere the data are not whole any more, delete {self.ready} to have them again"
            ) from None

    def _tables(self, stamp):
        if stamp not in self._read:
            self._read[stamp] = self.source.read()
        return self._read[stamp]

    def tested(self) -> bool:
        """Whether there are test recordings to predict, as far as is known by now."""
        tables = self.checked()
        if not self.config["shards"]["test"]:
            return False
        if tables is None:
            return hasattr(datasets.reader(self.source.dataset), "submission_template")
        return any(recording.subset == "test" for recording in tables.recordings)
