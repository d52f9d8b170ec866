"""Checks before the first job."""

from pathlib import Path

from understory.data.dataset import Dataset
from understory.data.quarantine import Limit, missing
from understory.data.source import Source
from understory.fetch import address
from understory.plan import disk_space


def check(config: dict, tables: Dataset | None, source: Source, limit: Limit, folder: Path):
    """InputError where too much is known not to be there, or the disk has no room.

    Parameters
    ----------
    config : dict
        The whole configuration.
    tables : Dataset or None
        The data set's; None where it is still to be made or fetched.
    source : Source
        Where the recordings are.
    limit : Limit
        How much may be quarantined.
    folder : Path
        Where a run's results go.
    """
    made = address.kind(config["data"]) == "synthetic"
    # Synthetic data may be about to be made again.
    if made:
        disk_space.check(folder, disk_space.needed(config, None, source))
    # Of what is still to be fetched, nobody knows how much it is.
    elif tables is not None:
        absent = source.missing(tables)
        limit.check(tables, [*tables.quarantined, *missing(absent, source)])
        if absent:
            tables = tables.of({recording.recording_id for recording in set(tables.recordings) - set(absent)})
        disk_space.check(folder, disk_space.needed(config, tables, source))


def remarks(tables: Dataset | None, source: Source) -> list[str]:
    """What is said of the tables at the start of a run, as far as they are there."""
    if tables is None:
        return []
    return [*tables.remarks, *(source.band.remarks(tables) if source.band else ())]


def verdict_remarks(config: dict) -> list[str]:
    """What is said of verdicts that do not become annotations."""
    if not config["verdicts"] or config["models_from"] or config["dataset"] == "own":
        return []
    return [
        f"verdicts: they tell the precision alone, as they become annotations of dataset own, not {config['dataset']}"
    ]
