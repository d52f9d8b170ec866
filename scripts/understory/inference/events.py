"""From the scores of overlapping windows to events.

A window's score counts for its cell: from half-way between its centre and that of the window before it to half-way to the
next. So windows of 3 s at every second have cells of 1 s. The first cell begins with the recording, and the last ends with it: the
cells of a recording cover it without an overlap.
"""

from typing import NamedTuple

import numpy as np

# Seconds by which two times may differ that are the same but for rounding.
SAME = 1e-6


class Scored(NamedTuple):
    """The window scores of a recording: float64 (windows,), twice, and float32 (windows, classes)."""

    path: str
    starts: np.ndarray
    stops: np.ndarray
    scores: np.ndarray


class Event(NamedTuple):
    """An event of one class.

    Attributes
    ----------
    start, end : float
        Seconds from the beginning of the recording.
    column : int
        The number of the class.
    score : float
        The highest smoothed score within the event.
    """

    start: float
    end: float
    column: int
    score: float


def edges(starts, stops) -> np.ndarray:
    """The edges of the cells of a recording's windows.

    Parameters
    ----------
    starts, stops : array_like
        float64 (windows,): where the windows begin, rising, and end, s. A window that is longer than the recording stops with it.

    Returns
    -------
    numpy.ndarray
        float64 (windows + 1,): cell i is from edge i to edge i + 1.
    """
    starts, stops = np.asarray(starts, dtype=float), np.asarray(stops, dtype=float)
    centres = (starts + stops) / 2
    return np.concatenate([starts[:1], (centres[:-1] + centres[1:]) / 2, stops[-1:]])


def smoothed(scores, windows: int) -> np.ndarray:
    """The moving average of scores: of each window and the (windows - 1) / 2 before and after it, as far as there are any.

    Parameters
    ----------
    scores : numpy.ndarray
        (windows of the recording, classes).
    windows : int
        An odd number; 1 leaves the scores as they are.

    Returns
    -------
    numpy.ndarray
        float64 of the same shape.
    """
    scores = np.asarray(scores, dtype=np.float64)
    total, count = scores.copy(), np.ones((len(scores), 1))
    # Added in a fixed order: sums that run on over a day would gather rounding errors.
    for away in range(1, min(windows // 2, len(scores) - 1) + 1):
        total[away:] += scores[:-away]
        total[:-away] += scores[away:]
        count[away:] += 1
        count[:-away] += 1
    return total / count


def find(starts, stops, scores, thresholds, settings: dict) -> list[Event]:
    """The events of one recording.

    1. Scores are smoothed by `smoothed`.
    2. A stretch of neighbouring cells with smoothed scores of at least low * threshold is an event if one of them is at least
       the threshold (hysteresis).
    3. Events of a class that are at most `merge_gap` apart become one.
    4. Events shorter than `min_duration` are left out.

    Parameters
    ----------
    starts, stops : array_like
        float64 (windows,): as `edges` takes them.
    scores : numpy.ndarray
        (windows, classes): not smoothed.
    thresholds : array_like
        (classes,); of a class with an infinite one, nothing is found.
    settings : dict
        `smoothing` (windows, odd), `low` (0 to 1), `merge_gap` and `min_duration` (s).

    Returns
    -------
    list of Event
        In the order of start, end and column.
    """
    if not len(scores):
        return []
    limits, values = edges(starts, stops), smoothed(scores, settings["smoothing"])
    thresholds = np.asarray(thresholds, dtype=float)
    found = []
    for column in np.flatnonzero((values >= thresholds).any(axis=0)):
        of_class, threshold = values[:, column], float(thresholds[column])
        events = [
            Event(float(limits[first]), float(limits[last]), int(column), float(of_class[first:last].max()))
            for first, last in _stretches(of_class >= settings["low"] * threshold)
            if (of_class[first:last] >= threshold).any()
        ]
        found += _merged(events, settings["merge_gap"])
    return sorted(event for event in found if event.end - event.start >= settings["min_duration"] - SAME)


def _stretches(active):
    """The first cell of each stretch of active ones, and the one after its last."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    return changes.reshape(-1, 2)


def _merged(events, gap):
    """Events of one class, in order, of which those that are at most `gap` apart are one."""
    merged: list[Event] = []
    for event in events:
        if merged and event.start - merged[-1].end <= gap + SAME and gap > 0:
            before = merged.pop()
            event = before._replace(end=event.end, score=max(before.score, event.score))
        merged.append(event)
    return merged
