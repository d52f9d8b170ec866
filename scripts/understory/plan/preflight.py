"""Checks before the first job."""

import math
from pathlib import Path, PurePosixPath

from understory.core.file_digests import FileDigests
from understory.core.text import listed
from understory.data.dataset import Dataset
from understory.data.quarantine import Limit, missing
from understory.data.source import Source
from understory.data.tables.checks import check_rounds
from understory.fetch import address
from understory.plan.checks import disk_space


def check(
    config: dict, tables: Dataset | None, source: Source, limit: Limit, folder: Path, contents: FileDigests
):
    """InputError where too much is known not to be there, nothing is unknown that models are to predict, or the disk has no room.

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
    contents : FileDigests
        What the recordings' files hold.
    """
    if tables is not None and not config["models_from"]:
        check_rounds(tables, config["pseudo_labels"])
    made = address.kind(config["data"]) == "synthetic"
    # Synthetic data may be about to be made again.
    if made:
        disk_space.check(folder, disk_space.needed(config, None, source))
    # Of what is still to be fetched, nobody knows how much it is.
    elif tables is not None:
        absent = [
            recording
            for recording in tables.recordings
            if not contents.is_known(source.place(recording.path)) and source.other(recording)
        ]
        limit.check(tables, [*tables.quarantined, *missing(absent, source)])
        if absent:
            tables = tables.of({recording.recording_id for recording in set(tables.recordings) - set(absent)})
        disk_space.check(folder, disk_space.needed(config, tables, source))


def remarks(tables: Dataset | None, source: Source) -> list[str]:
    """What is said of the tables at the start of a run, as far as they are there."""
    if tables is None:
        return []
    return [
        *tables.remarks,
        *(source.band.remarks(tables) if source.band else ()),
        *_alike(tables),
        *_of_folders(tables, source),
    ]


def verdict_remarks(config: dict) -> list[str]:
    """What is said of verdicts that do not become annotations."""
    if not config["verdicts"] or config["models_from"] or config["dataset"] == "own":
        return []
    return [
        f"verdicts: they tell the precision alone, as they become annotations of dataset own, not {config['dataset']}"
    ]


def _alike(tables):
    """A line for labels that differ in nothing but case, blanks and marks."""
    groups: dict[str, list[str]] = {}
    for label in tables.classes:
        groups.setdefault("".join(filter(str.isalnum, label)).casefold(), []).append(label)
    if found := [" and ".join(map(repr, group)) for key, group in groups.items() if key and len(group) > 1]:
        yield f"labels that may mean the same are classes of their own: {listed(found, 5)}"


def _of_folders(tables, source):
    """A line for classes that are named after several folders, such as the years below the species."""
    folders: dict[str, set[str]] = {}
    for annotation in tables.annotations if source.dataset == "own" else ():
        folder = PurePosixPath(annotation.recording_id).parent
        if annotation[2:5] == ("present", 0, math.inf) and folder.name == annotation.label:
            folders.setdefault(annotation.label, set()).add(str(folder))
    found = [
        f"{label} ({listed(sorted(of_label), 3)})"
        for label, of_label in sorted(folders.items())
        if len(of_label) > 1
    ]
    if found:
        yield f"classes are named after the folders that recordings lie in, here several of one name: {listed(found, 5)}"
