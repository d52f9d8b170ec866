"""Which windows of recordings have a label, and which are held out: recordings are known by what they hold."""

import math
from pathlib import Path

import numpy as np

from understory.annotations import verdicts
from understory.core import file_digests
from understory.core.errors import InputError
from understory.data.dataset import Dataset
from understory.data.source import Source

# Digits of a SHA-256, by which what cannot be read is told from what can.
WHOLE = 64
# Seconds that the times of verdicts are rounded to.
ROUNDED = 1e-3


def annotated(tables: Dataset, source: Source, contents: file_digests.FileDigests) -> dict[str, list]:
    """By content of a recording, the times (start, end) of its annotations, present, absent or unknown.

    A recording in which all that is heard is annotated is labelled from beginning to end. That a class is unknown in a recording
    as a whole is no label.
    """
    recordings = [recording for recording in tables.recordings if recording.subset == "train"]
    held = contents.identities([source.path(recording) for recording in recordings])
    found: dict[str, list] = {}
    for recording, identity in zip(recordings, held, strict=True):
        own = tables.annotations_of.get(recording.recording_id, ())
        times = [
            (each.t_min, each.t_max) for each in own if each.presence != "unknown" or each.t_max < math.inf
        ]
        times += [(0.0, math.inf)] * (recording.recording_id in tables.background)
        found.setdefault(identity, []).extend(times)
    return found


def judged(paths, held: dict[str, str]) -> dict[str, list]:
    """By content of a recording, the times of what has a verdict in files of verdicts.

    Parameters
    ----------
    paths : iterable of path
    held : dict
        By path of a recording, its content: for rows of older pages, which do not tell it.
    """
    found: dict[str, list] = {}
    by_short = {file_digests.short(identity): identity for identity in held.values()}
    for _, row in (each for path in paths for each in verdicts.rows(Path(path))):
        try:
            said = verdicts.verdict(row)
        except InputError:
            # Training says what is wrong with it.
            continue
        digest = row.get(verdicts.CONTENT)
        identity = by_short.get(digest) if digest else held.get(row["path"])
        if said and identity:
            found.setdefault(identity, []).append((said.start, said.end))
    return found


def held_out(source: Source, paths, contents: file_digests.FileDigests) -> set[str]:
    """The contents of the recordings that are held out: files at some paths, and the test recordings of the data set, whether or
    not the run predicts them.

    Of one's own recordings those without annotations are test recordings, and nothing is held out by that.
    """
    tests = [] if source.dataset == "own" else [r for r in source.whole().recordings if r.subset == "test"]
    found = contents.identities([*paths, *(source.path(recording) for recording in tests)])
    return {identity for identity in found if len(identity) == WHOLE}


def overlapping(starts: np.ndarray, stops: np.ndarray, times) -> np.ndarray:
    """Which windows of a recording overlap one of some times: bool (windows,)."""
    found = np.zeros(len(starts), dtype=bool)
    for begin, end in times:
        found |= np.minimum(stops, end) - np.maximum(starts, begin) > ROUNDED
    return found


def masks(names, recordings, starts, stops, held: dict[str, str], times: dict[str, list], out: set[str]):
    """Which windows may be in a queue, and which have a label.

    Of recordings that hold the same, the first by path counts.

    Parameters
    ----------
    names, recordings, starts, stops
        As `vectors.in_order` gives them.
    held : dict
        By path, what a recording holds.
    times : dict
        By content, the times of labels.
    out : set of str
        The contents that are held out.

    Returns
    -------
    allowed, labelled : numpy.ndarray
        bool (windows,). A window that has a label and is not held out is one of neither.
    """
    allowed, labelled = np.zeros(len(starts), dtype=bool), np.zeros(len(starts), dtype=bool)
    seen: set[str] = set()
    order = np.argsort(recordings, kind="stable")
    ends = np.searchsorted(recordings[order], np.arange(len(names) + 1))
    for number, name in enumerate(names):
        own = order[ends[number] : ends[number + 1]]
        identity = held[name]
        if identity in out or identity in seen:
            continue
        seen.add(identity)
        has = overlapping(starts[own], stops[own], times.get(identity, ()))
        labelled[own], allowed[own] = has, ~has
    return allowed, labelled
