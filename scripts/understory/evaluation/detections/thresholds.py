"""A threshold for a wanted precision, with an interval of the precision that it has.

A threshold that is chosen by the detections it is judged by looks better than it is. So each recording is judged at the
threshold that the other folds choose.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from understory.data.calibration import ClassCalibration
from understory.data.task import Task
from understory.evaluation import calibration
from understory.evaluation.detections import held_out, scores
from understory.evaluation.detections.held_out import Find, Grid, HeldOut
from understory.evaluation.intervals import precision_interval

# The least judged detections of a class, the least of them above a threshold, and the least above it in the other folds.
LEAST, ABOVE, ABOVE_IN_OTHERS = 20, 10, 5
# Why a class has no threshold where annotations are not exhaustive: of what is detected beside them, nothing is known.
NOT_EXHAUSTIVE = "not enough data: not all that is heard is annotated, so that wrong detections are not known; review a sample"


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
        The judged detections at the threshold of the grid that has most.
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
    events = int((grid.right + grid.wrong).sum(axis=1).max(initial=0))
    if events < LEAST:
        return none(events, f"not enough data: {events} detections, at least {LEAST} are needed")
    place = _lowest(grid.right, grid.wrong, wanted, ABOVE)
    if place is None:
        return none(events, _not_reached(grid, wanted))
    places = {
        int(fold): _lowest(
            grid.right[:, grid.folds != fold], grid.wrong[:, grid.folds != fold], wanted, ABOVE_IN_OTHERS
        )
        for fold in np.unique(grid.folds)
    }
    right, wrong = _held_out(grid, places)
    if (count := int((right + wrong).sum())) < ABOVE:
        return none(
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


def none(events: int, reason: str) -> Choice:
    """No threshold, and why."""
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


def calibrate(
    recordings: Sequence[HeldOut],
    probes: Sequence,
    find: Find,
    *,
    task: Task,
    wanted: float,
    fixed: float | None,
    fallback: float,
    seed: int,
) -> tuple[list[ClassCalibration], dict]:
    """The calibration of each class, and what is reported.

    Parameters
    ----------
    recordings : sequence of HeldOut
        In any order.
    probes : sequence
        Sounds without an event, each with `path`, `starts`, `stops` and smoothed `scores` by all models.
    find : callable
        As `held_out.Find`.
    task : Task
    wanted : float
        The precision that thresholds are chosen for.
    fixed : float or None
        The threshold with which new recordings are searched for every class; None: those that are chosen.
    fallback : float
        The threshold of a class without one.
    seed : int
    """
    # Results do not depend on how recordings are dealt to shards.
    recordings = sorted(recordings, key=lambda recording: recording.name)
    judged = held_out.judged(recordings, find, len(task.classes))
    choices = [choose(each.grid, wanted) for each in judged]
    if task.exhaustive:
        maps = [calibration.fit(each.scores, each.correct) for each in judged]
    else:
        choices = [none(choice.events, NOT_EXHAUSTIVE) for choice in choices]
        maps = [calibration.Map("none")] * len(judged)
    calibrations = [_calibrated(*each) for each in zip(task.classes, maps, choices, strict=True)]
    told = judged if task.exhaustive else []
    limits = _Limits(task, fixed, fallback)
    found = _reported(recordings, probes, find, told, choices, task=task, limits=limits, seed=seed)
    return calibrations, {"precision": wanted, **found}


class _Limits:
    """The thresholds that detections are found with, from those that are chosen."""

    def __init__(self, task, fixed, fallback):
        self.fixed, self.fallback = fixed, fallback
        self._silent = [label in (task.none, *task.untrained) for label in task.classes]

    def __call__(self, chosen) -> np.ndarray:
        """float64 (classes,): infinite for a class that is never detected."""
        if self.fixed is not None:
            return np.where(self._silent, np.inf, self.fixed)
        return np.where(self._silent, np.inf, [self.fallback if each is None else each for each in chosen])


def _reported(recordings, probes, find, judged, choices, *, task, limits, seed):
    """What is reported, at the thresholds that know nothing of a recording; of probes at those of new recordings."""
    folds = {recording.fold for recording in recordings} or {0}
    by_fold = {fold: limits([choice.by_fold.get(fold) for choice in choices]) for fold in folds}
    found = scores.summary(
        scores.count(recordings, find, by_fold),
        judged,
        [recording.name for recording in recordings],
        task.classes,
        chosen=None if limits.fixed is not None else [choice.threshold is not None for choice in choices],
        seed=seed,
        exhaustive=task.exhaustive,
    )
    return {
        "exhaustive": task.exhaustive,
        "threshold": limits.fixed,
        "fallback": limits.fallback,
        "hours": sum(recording.duration for recording in recordings) / 3600,
        **found,
        "probes": _probed(probes, find, limits([choice.threshold for choice in choices]), task.classes),
    }


def _calibrated(label, fitted, choice):
    known = {key: value for key, value in choice._asdict().items() if key != "by_fold"}
    return ClassCalibration(label, *fitted, **known)


def _probed(probes, find, thresholds, labels):
    """By probe, which classes are detected in it, and their share."""
    found = {}
    for probe in sorted(probes, key=lambda each: each.path):
        events = find(probe.starts, probe.stops, probe.scores, thresholds)
        heard = sorted({labels[event.column] for event in events})
        found[probe.path] = {"share": len(heard) / max(len(labels), 1), "classes": heard}
    return found
