"""Detections in training recordings by the models that did not train on them, and whether annotations say they are correct."""

from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

import numpy as np

from understory.data.task import Task
from understory.evaluation.detections.event_metrics import joined, overlaps

CORRECT, WRONG, UNKNOWN = 1, 0, -1
# The most thresholds that are tried for a class, and the lowest.
TRIED, LOWEST = 32, 0.02


class Known(NamedTuple):
    """What is annotated of one class in one recording: events of each presence, float64 (events, 2), s."""

    present: np.ndarray
    absent: np.ndarray
    unknown: np.ndarray


class HeldOut(NamedTuple):
    """A recording with its scores by models that did not train on it.

    Attributes
    ----------
    name : str
    fold : int
        Of the models.
    starts, stops : numpy.ndarray
        float64 (windows,), s.
    scores : numpy.ndarray
        float64 (windows, classes): smoothed.
    known : list of Known
        One for each class.
    exhaustive : bool
        Whether all else is absent; otherwise it is unknown.
    """

    name: str
    fold: int
    starts: np.ndarray
    stops: np.ndarray
    scores: np.ndarray
    known: list[Known]
    exhaustive: bool

    @property
    def window(self) -> float:
        """Length of a window, s."""
        return float(self.stops[0] - self.starts[0])

    @property
    def duration(self) -> float:
        """Length of the recording, s."""
        return float(self.stops[-1])


# From starts, stops, scores and a threshold for each class to events with `start`, `end`, `column` and `score`.
Find = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Sequence]


class Grid(NamedTuple):
    """The judged detections of a class at several thresholds.

    Attributes
    ----------
    thresholds : numpy.ndarray
        float64 (thresholds,), rising.
    right, wrong : numpy.ndarray
        int (thresholds, recordings): how many detections of each recording are correct, and how many wrong.
    folds : numpy.ndarray
        int (recordings,): the fold of each recording.
    """

    thresholds: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    folds: np.ndarray


class Judged(NamedTuple):
    """The judged detections of a class.

    Attributes
    ----------
    grid : Grid
        Their numbers at each threshold that is tried.
    scores, correct, recordings : numpy.ndarray
        float64, bool and int (detections,): each detection at the highest of these thresholds that it reaches; the number of its
        recording.
    """

    grid: Grid
    scores: np.ndarray
    correct: np.ndarray
    recordings: np.ndarray


def known(annotations, classes, duration: float) -> list[Known]:
    """The annotations of a recording by class; an end beyond `duration` (s) is that of the recording."""
    boxes: dict = {}
    for each in annotations:
        boxes.setdefault((each.label, each.presence), []).append((each.t_min, min(each.t_max, duration)))
    return [
        Known(*(np.array(boxes.get((label, kind), []), dtype=float).reshape(-1, 2) for kind in Known._fields))
        for label in classes
    ]


def of(
    scored: Sequence,
    annotations: dict,
    folds: dict[str, int],
    task: Task,
    misplaced: Set[str] = frozenset(),
    picked: Set[str] = frozenset(),
) -> list[HeldOut]:
    """Recordings with their scores and annotations.

    Those are left out that are `picked`: the detections that verdicts judge are those that models found.

    Parameters
    ----------
    scored : sequence
        Recordings with their ids as `path`, `starts`, `stops` and smoothed `scores`.
    annotations : dict
        Those of each recording that has any.
    folds : dict
        The fold of each recording.
    task : Task
    misplaced : set of str
        Recordings of which an annotation is quarantined: what is not annotated in them is unknown.
    picked : set of str
        Recordings of which only verdicts on detections tell.
    """
    return [
        HeldOut(
            each.path,
            folds[each.path],
            each.starts,
            each.stops,
            each.scores,
            known(annotations.get(each.path, ()), task.classes, float(each.stops[-1])),
            task.exhaustive and each.path not in misplaced,
        )
        for each in scored
        if each.path not in picked
    ]


def verdicts(events: np.ndarray, known: Known, *, exhaustive: bool, margin: float) -> np.ndarray:
    """Whether each detected event of a class is `CORRECT`, `WRONG` or `UNKNOWN`: int (events,).

    One that overlaps a present annotation of the class is correct if at least half of it lies in present annotations or within
    `margin` seconds of them: an event that is a whole recording finds nothing. Any other is wrong where it overlaps an absent
    one, and, where annotations are exhaustive, wherever it does not overlap an unknown one. Where an event overlaps
    present and absent ones, the shortest decides, as a rejected event does in a recording that is labelled as a whole.
    """
    present = np.isfinite(_shortest(events, known.present)) & _within(events, known.present, margin)
    absent, unknown = (np.isfinite(_shortest(events, boxes)) for boxes in (known.absent, known.unknown))
    rejected = _shortest(events, known.absent) < _shortest(events, known.present)
    rest = WRONG if exhaustive else UNKNOWN
    return np.select(
        [absent & rejected, present, absent, unknown], [WRONG, CORRECT, WRONG, UNKNOWN], default=rest
    )


def _shortest(events, boxes):
    """The length of the shortest box that overlaps each event, s; infinite where none does."""
    lengths = np.where(overlaps(events, boxes) > 0, np.diff(boxes, axis=1).T, np.inf)
    return lengths.min(axis=1, initial=np.inf)


def _within(events, boxes, margin):
    """Whether at least half of each event lies in boxes or within `margin` of them."""
    inside = overlaps(events, joined(boxes + np.array([-margin, margin]))).sum(axis=1)
    return inside >= np.diff(events, axis=1)[:, 0] / 2


def by_class(events) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By class, the start and end of its events, (events, 2), and their scores."""
    rows: dict[int, list] = {}
    for each in events:
        rows.setdefault(each.column, []).append((each.start, each.end, each.score))
    tables = {column: np.array(table) for column, table in rows.items()}
    return {column: (table[:, :2], table[:, 2]) for column, table in tables.items()}


def judged(recordings: Sequence[HeldOut], find: Find, classes: int) -> list[Judged]:
    """The judged detections of each class at many thresholds.

    Detections are found anew at each threshold, as they are in new recordings: a higher one makes events shorter, and one event
    of several.

    Parameters
    ----------
    recordings : sequence of HeldOut
    find : callable
        As `Find`.
    classes : int
        Their number.
    """
    thresholds = _tried(recordings, classes)
    counts = np.zeros((2, classes, thresholds.shape[1], len(recordings)), dtype=int)
    found: list[list] = [[] for _ in range(classes)]
    higher = np.hstack([thresholds[:, 1:], np.full((classes, 1), np.inf)])
    for number, recording in enumerate(recordings):
        for place in range(thresholds.shape[1]):
            row, above = thresholds[:, place], higher[:, place]
            events = find(recording.starts, recording.stops, recording.scores, row)
            for column, (boxes, scores) in by_class(events).items():
                said = verdicts(
                    boxes,
                    recording.known[column],
                    exhaustive=recording.exhaustive,
                    margin=recording.window,
                )
                counts[:, column, place, number] = (said == CORRECT).sum(), (said == WRONG).sum()
                own = (said != UNKNOWN) & (scores < above[column])
                found[column] += [
                    (score, verdict == CORRECT, number)
                    for score, verdict in zip(scores[own], said[own], strict=True)
                ]
    folds = np.array([recording.fold for recording in recordings], dtype=int)
    judged = []
    for column, rows in enumerate(found):
        used = np.isfinite(thresholds[column])
        grid = Grid(thresholds[column, used], *counts[:, column, used], folds)
        table = np.array(sorted(rows), dtype=float).reshape(-1, 3)
        judged.append(Judged(grid, table[:, 0], table[:, 1] > 0, table[:, 2].astype(int)))
    return judged


def _tried(recordings, classes):
    """Rising thresholds of each class, (classes, thresholds), infinite where there are fewer.

    Each is the height of a peak, and the number of peaks at least as high grows geometrically up to all.
    """
    none = [np.empty(0)]
    rows = [
        _spread(np.concatenate([_peaks(recording, column) for recording in recordings] or none))
        for column in range(classes)
    ]
    most = max(map(len, rows), default=0)
    return np.array([np.pad(row, (0, most - len(row)), constant_values=np.inf) for row in rows]).reshape(
        classes, most
    )


def _peaks(recording, column):
    """The heights of the peaks of a class's scores, in windows of which something is known."""
    scores, known = recording.scores[:, column], recording.known[column]
    sides = np.pad(scores, 1, constant_values=-np.inf)
    high = (scores >= sides[:-2]) & (scores >= sides[2:]) & (scores >= LOWEST)
    if not recording.exhaustive:
        windows = np.stack([recording.starts, recording.stops], axis=1)[high]
        said = np.concatenate([known.present, known.absent])
        high[high] = (overlaps(windows, said) > 0).any(axis=1)
    return scores[high]


def _spread(peaks):
    ordered = np.sort(peaks)
    if not len(ordered):
        return ordered
    counts = np.geomspace(1, len(ordered), TRIED).round().astype(int)
    return np.unique(ordered[len(ordered) - counts])
