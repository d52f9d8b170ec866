"""How good held-out detections are: event metrics, calibration, and false alarms on background."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from understory.evaluation import calibration
from understory.evaluation.detections import event_metrics
from understory.evaluation.detections.held_out import UNKNOWN, Find, HeldOut, Judged, by_class, verdicts
from understory.evaluation.intervals import poisson_interval

NONE = np.empty((0, 2))


class Counted(NamedTuple):
    """What is detected in held-out recordings.

    Attributes
    ----------
    events : numpy.ndarray
        int (classes, recordings, ratios, 3): `event_metrics.Counts` for each of `event_metrics.IOUS`.
    segments : numpy.ndarray
        int (classes, recordings, 3).
    alarms : numpy.ndarray
        int (classes, recordings): detections that overlap no annotation of any class, where annotations are exhaustive.
    hours : numpy.ndarray
        float64 (recordings,): how long each recording is background, which has no annotation of any class.
    """

    events: np.ndarray
    segments: np.ndarray
    alarms: np.ndarray
    hours: np.ndarray


def count(recordings: Sequence[HeldOut], find: Find, thresholds: dict[int, np.ndarray]) -> Counted:
    """Count the detections at thresholds that know nothing of the recording.

    Detections and segments of which nothing is known count for nothing.

    Parameters
    ----------
    recordings : sequence of HeldOut
    find : callable
        As `held_out.Find`.
    thresholds : dict
        For each fold, float64 (classes,): those that the other folds choose.
    """
    classes = len(next(iter(thresholds.values()), ()))
    shape = classes, len(recordings)
    counted = Counted(
        np.zeros((*shape, len(event_metrics.IOUS), 3), dtype=int),
        np.zeros((*shape, 3), dtype=int),
        np.zeros(shape, dtype=int),
        np.zeros(len(recordings)),
    )
    for number, recording in enumerate(recordings):
        found = by_class(
            find(recording.starts, recording.stops, recording.scores, thresholds[recording.fold])
        )
        annotated = event_metrics.joined(
            np.concatenate(
                [NONE, *(boxes for each in recording.known for boxes in (each.present, each.unknown))]
            )
        )
        if recording.exhaustive:
            length = recording.duration - float(np.diff(annotated, axis=1).sum())
            counted.hours[number] = max(0.0, length) / 3600
        for column, known in enumerate(recording.known):
            boxes = found.get(column, (NONE, None))[0]
            if not (len(boxes) or len(known.present)):
                continue
            said = verdicts(boxes, known, exhaustive=recording.exhaustive, margin=recording.window)
            boxes = boxes[said != UNKNOWN]
            for place, least in enumerate(event_metrics.IOUS):
                counted.events[column, number, place] = event_metrics.event_counts(
                    boxes, known.present, least=least
                )
            counted.segments[column, number] = event_metrics.segment_counts(
                boxes,
                known.present,
                duration=recording.duration,
                known=None if recording.exhaustive else np.concatenate([known.present, known.absent]),
            )
            if recording.exhaustive:
                alone = ~(event_metrics.overlaps(boxes, annotated) > 0).any(axis=1)
                counted.alarms[column, number] = alone.sum()
    return counted


def summary(
    counted: Counted,
    judged: Sequence[Judged],
    names: Sequence[str],
    labels,
    *,
    chosen,
    seed: int,
    exhaustive: bool = True,
) -> dict:
    """What is written of counted and judged detections, of plain values; None stands for what is not defined.

    Parameters
    ----------
    counted : Counted
    judged : sequence of Judged
        One for each class.
    names : sequence of str
        The recordings.
    labels : sequence of str
        The classes.
    chosen : sequence of bool or None
        Whether each class has a threshold of its own; None where all have the same.
    seed : int
    exhaustive : bool
        Whether all that is heard is annotated. Otherwise nobody knows which detections are wrong, and there is a recall alone.
    """
    per_recording = counted.events.sum(axis=0)
    hours = float(counted.hours.sum())
    return {
        "recordings": len(names),
        "events": {
            f"{least:g}": _scores(per_recording[:, place], seed, f"events/{least:g}", exhaustive)
            for place, least in enumerate(event_metrics.IOUS)
        },
        "segments": {
            "seconds": event_metrics.SEGMENT,
            **_scores(counted.segments.sum(axis=0), seed, "segments", exhaustive),
        },
        "background": _background(counted.alarms, chosen, hours) if hours else None,
        "reliability": _reliability(judged, names, seed),
        "classes": {
            label: {
                "events": {
                    f"{least:g}": _scores(
                        counted.events[column, :, place], seed, f"{label}/{least:g}", exhaustive
                    )
                    for place, least in enumerate(event_metrics.IOUS)
                },
                "background": _alarms(counted.alarms[column].sum(), hours) if hours else None,
            }
            for column, label in enumerate(labels)
        },
    }


def _background(alarms, chosen, hours):
    """The false alarms of all classes, and of those with a threshold of their own; None where all have the same."""
    own = None if chosen is None else _alarms(alarms[np.asarray(chosen, dtype=bool)].sum(), hours)
    return {"every_class": _alarms(alarms.sum(), hours), "own_threshold": own}


def _scores(counts, seed, name, exhaustive):
    """The scores of counts (recordings, 3), with the interval of the F1; without `exhaustive`, the recall alone."""
    both, detected, annotated = (int(each) for each in counts.sum(axis=0))
    scores = event_metrics.scores(counts)._asdict()
    interval = _interval(event_metrics.f1_interval(counts, seed=seed, name=name))
    if not exhaustive:
        scores, interval = {**scores, "precision": np.nan, "f1": np.nan}, None
    return {
        "both": both,
        "detected": detected,
        "annotated": annotated,
        **{key: _plain(value) for key, value in scores.items()},
        "f1_interval": interval,
    }


def _alarms(alarms, hours):
    alarms = int(alarms)
    return {
        "hours": hours,
        "alarms": alarms,
        "per_hour": alarms / hours,
        "interval": [each / hours for each in poisson_interval(alarms)],
    }


def _reliability(judged, names, seed):
    """The reliability of cross-fitted probabilities of all classes together."""
    probabilities = [
        calibration.crossfitted(each.scores, each.correct, each.grid.folds[each.recordings])
        for each in judged
    ]
    none = [np.empty(0)]
    shares = np.concatenate(probabilities or none)
    correct = np.concatenate([each.correct for each in judged] or none).astype(bool)
    of = np.concatenate([each.recordings for each in judged] or none).astype(int)
    found = calibration.reliability(shares, correct, np.array(names, dtype=object)[of].astype(str), seed=seed)
    return {
        "probability": found.probability.tolist(),
        "correct": found.correct.tolist(),
        "low": found.low.tolist(),
        "high": found.high.tolist(),
        "detections": found.detections.tolist(),
        "error": _plain(found.error),
        "interval": _interval(found.interval),
    }


def _plain(value):
    return float(value) if np.isfinite(value) else None


def _interval(interval):
    return [float(interval.low), float(interval.high)] if np.isfinite(interval.low) else None
