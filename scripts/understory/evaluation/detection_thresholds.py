"""A threshold for a wanted precision, with an interval of the precision that it has.

A threshold that is chosen by the detections it is judged by looks better than it is. So each recording is judged at the
threshold that the other folds choose.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

# The least judged detections of a class, the least of them above a threshold, and the least above it in the other folds.
LEAST, ABOVE, ABOVE_IN_OTHERS = 20, 10, 5
LEVEL = 0.95


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


class Choice(NamedTuple):
    """A threshold, or why there is none.

    Attributes
    ----------
    threshold : float or None
        The lowest of the grid at which all recordings together reach the wanted precision.
    precision : float or None
        The share of correct ones among the held-out detections.
    interval : (float, float) or None
        The 95 % interval of the precision at the threshold.
    events : int
        The judged detections at the lowest threshold of the grid.
    reason : str or None
    by_fold : dict
        For each fold, the threshold that the other folds choose, or None.
    """

    threshold: float | None
    precision: float | None
    interval: tuple[float, float] | None
    events: int
    reason: str | None
    by_fold: dict[int, float | None]


def choose(grid: Grid, wanted: float) -> Choice:
    """Choose the threshold of a class.

    The lower end of the interval is that of the held-out detections, each recording at the threshold that the other folds
    choose; these have fewer detections, so they choose a little worse. The upper end is the higher one of that and of all
    detections at the chosen threshold, which flatter it. Simulations of many classes, with recordings that are alike and
    that differ, have the true precision in this interval in more than 95 % of cases (`tests/unit/test_detection_thresholds.py`).

    Parameters
    ----------
    grid : Grid
    wanted : float
        The precision to reach.
    """
    events = int((grid.right[:1] + grid.wrong[:1]).sum())
    if events < LEAST:
        return _none(events, f"not enough data: {events} detections, at least {LEAST} are needed")
    place = _lowest(grid.right, grid.wrong, wanted, ABOVE)
    if place is None:
        return _none(events, _not_reached(grid, wanted))
    places = {
        int(fold): _lowest(
            grid.right[:, grid.folds != fold], grid.wrong[:, grid.folds != fold], wanted, ABOVE_IN_OTHERS
        )
        for fold in np.unique(grid.folds)
    }
    right, wrong = _held_out(grid, places)
    if (count := int((right + wrong).sum())) < ABOVE:
        return _none(
            events,
            f"not enough data: {count} held-out detections above the thresholds of the other folds, at least {ABOVE} are needed",
        )
    low, high = precision_interval(right, wrong)
    high = max(high, precision_interval(grid.right[place], grid.wrong[place])[1])
    threshold, *own = (
        None if each is None else float(grid.thresholds[each]) for each in (place, *places.values())
    )
    by_fold = dict(zip(places, own, strict=True))
    return Choice(threshold, float(right.sum() / count), (low, high), events, None, by_fold)


def _none(events, reason):
    return Choice(None, None, None, events, reason, {})


def _not_reached(grid, wanted):
    right, wrong = grid.right.sum(axis=1), grid.wrong.sum(axis=1)
    enough = right + wrong >= ABOVE
    best = (right[enough] / (right + wrong)[enough]).max()
    return f"no threshold reaches a precision of {wanted:g} with at least {ABOVE} detections, the highest is {best:.2f}"


def _lowest(right, wrong, wanted, least):
    """The number of the lowest threshold that reaches the precision with so many detections; None where none does."""
    right, wrong = right.sum(axis=1), wrong.sum(axis=1)
    reached = np.flatnonzero((right + wrong >= least) & (right >= wanted * (right + wrong)))
    return int(reached[0]) if len(reached) else None


def _held_out(grid, places):
    """The correct and the wrong detections of each recording at the threshold of its fold."""
    right, wrong = (np.zeros(len(grid.folds), dtype=int) for _ in range(2))
    for fold, place in places.items():
        inside = grid.folds == fold
        if place is not None:
            right[inside], wrong[inside] = grid.right[place, inside], grid.wrong[place, inside]
    return right, wrong


def precision_interval(right: np.ndarray, wrong: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a share of detections that cluster by recording.

    The interval of C. Clopper and E. Pearson (Biometrika 26, 1934) for as many independent detections as have the same
    variance, by E. Korn and B. Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data" (Survey Methodology 24, 1998). Where all detections are alike nothing tells how much those of one
    recording depend on each other: each recording then counts as one.

    Parameters
    ----------
    right, wrong : numpy.ndarray
        int (recordings,): its correct and its wrong detections.
    level : float

    Returns
    -------
    (float, float)
        (0, 1) without a detection.
    """
    total = np.asarray(right, dtype=float) + wrong
    right, total = np.asarray(right, dtype=float)[total > 0], total[total > 0]
    count, recordings = total.sum(), len(total)
    if not recordings:
        return 0.0, 1.0
    share = right.sum() / count
    effective = float(recordings)
    if 0 < share < 1 and recordings > 1:
        variance = recordings / (recordings - 1) * ((right - share * total) ** 2).sum() / count**2
        independent = share * (1 - share) / (count - 1)
        effective = min(count, count * independent / variance) if variance else count
        quantile = (1 + level) / 2
        ratio = stats.t.ppf(quantile, count - 1) / stats.t.ppf(quantile, recordings - 1)
        effective = min(count, effective * ratio**2)
    hits, tail = share * effective, (1 - level) / 2
    low = stats.beta.ppf(tail, hits, effective - hits + 1) if share > 0 else 0.0
    high = stats.beta.ppf(1 - tail, hits + 1, effective - hits) if share < 1 else 1.0
    return float(low), float(high)
