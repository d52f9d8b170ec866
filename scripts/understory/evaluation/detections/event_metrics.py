"""Detected events against annotated ones: by one-to-one matching, and by segments of equal length.

The counts of one recording and class are `Counts`; precision, recall and F1 are those of sums of counts. Events are arrays of
shape (events, 2), the start and the end of each, s.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching

from understory.evaluation.intervals import Interval, resampled_interval

# Ratios of intersection to union from which a detected and an annotated event may be matched.
IOUS = (0.3, 0.5)
# s; the length of a segment.
SEGMENT = 1.0


class Counts(NamedTuple):
    """How many events, or segments, are detected and annotated, and how many of them are both."""

    both: int
    detected: int
    annotated: int


class Scores(NamedTuple):
    """Precision, recall and F1; NaN where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The seconds that each event of `one` has in common with each of `other`: float64 (events, others)."""
    one, other = _events(one)[:, None], _events(other)[None, :]
    common = np.minimum(one[..., 1], other[..., 1]) - np.maximum(one[..., 0], other[..., 0])
    return np.maximum(common, 0.0)


def joined(boxes: np.ndarray) -> np.ndarray:
    """Events that overlap or touch, as one: float64 (events, 2), in order."""
    found: list[list[float]] = []
    for start, stop in sorted(boxes.tolist()):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], stop)
        else:
            found.append([start, stop])
    return np.array(found, dtype=float).reshape(-1, 2)


def iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The ratio of the intersection to the union of each pair of events: float64 (events, others); 0 without a union."""
    common = overlaps(one, other)
    lengths = [np.diff(_events(each), axis=1)[:, 0] for each in (one, other)]
    union = lengths[0][:, None] + lengths[1][None, :] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def matched(detected: np.ndarray, annotated: np.ndarray, *, least: float) -> np.ndarray:
    """Match as many detected events as possible with one annotated event each.

    A maximum bipartite matching (J. Hopcroft and R. Karp, "An n^5/2 algorithm for maximum matchings in bipartite graphs", SIAM
    Journal on Computing 2, 1973): a greedy one depends on the order of the events and may find fewer pairs.

    Parameters
    ----------
    detected, annotated : numpy.ndarray
        Events of one recording and class.
    least : float
        The ratio of intersection to union from which a pair may be matched, above 0.

    Returns
    -------
    numpy.ndarray
        int (detected,): the number of the annotated event, or -1.
    """
    pairs = sparse.csr_array(iou(detected, annotated) >= least)
    return maximum_bipartite_matching(pairs, perm_type="column").astype(int)


def event_counts(detected: np.ndarray, annotated: np.ndarray, *, least: float) -> Counts:
    """The counts of one recording and class, by `matched`."""
    both = int((matched(detected, annotated, least=least) >= 0).sum())
    return Counts(both, len(_events(detected)), len(_events(annotated)))


def segment_counts(
    detected: np.ndarray, annotated: np.ndarray, *, duration: float, segment: float = SEGMENT, known=None
) -> Counts:
    """The counts of one recording and class by segments (A. Mesaros et al., "Metrics for polyphonic sound event detection",
    Applied Sciences 6, 2016): a segment is detected, or annotated, where an event has a part in it.

    Parameters
    ----------
    detected, annotated : numpy.ndarray
    duration : float
        Length of the recording, s; the last segment may be shorter than the others.
    segment : float
        Length of a segment, s.
    known : numpy.ndarray, optional
        Stretches of which the labels are known, as events: segments without a part in one do not count.
    """
    count = max(int(np.ceil(duration / segment)), 1)
    starts = np.arange(count) * segment
    segments = np.stack([starts, np.minimum(starts + segment, max(duration, 0.0))], axis=1)
    active = [(overlaps(segments, each) > 0).any(axis=1) for each in (detected, annotated)]
    if known is not None:
        judged = (overlaps(segments, known) > 0).any(axis=1)
        active = [each & judged for each in active]
    return Counts(int((active[0] & active[1]).sum()), *(int(each.sum()) for each in active))


def scores(counts) -> Scores:
    """Precision, recall and F1 of the sum of counts, an array of shape (…, 3) or a `Counts`."""
    both, detected, annotated = np.asarray(counts, dtype=float).reshape(-1, 3).sum(axis=0)
    return Scores(_ratio(both, detected), _ratio(both, annotated), _ratio(2 * both, detected + annotated))


def f1_interval(counts: np.ndarray, *, seed: int, name: str, resamples: int = 1000) -> Interval:
    """The 95 % interval of the F1 of the sum of counts, by resampling recordings.

    Parameters
    ----------
    counts : numpy.ndarray
        int (recordings, 3): the counts of each recording, as those of `Counts`.
    seed : int
    name : str
        Of the score, for its random stream.
    resamples : int
    """
    counts = np.asarray(counts, dtype=float).reshape(-1, 3)
    return resampled_interval(
        lambda times: scores(times @ counts).f1, len(counts), seed=seed, name=name, resamples=resamples
    )


def _ratio(part, whole):
    return float(part / whole) if whole else float("nan")


def _events(events):
    return np.asarray(events, dtype=np.float64).reshape(-1, 2)
