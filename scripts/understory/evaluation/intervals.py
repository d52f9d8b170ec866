"""How sure a score, a share or a count is, and which scores chance gives."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from understory.core.rng import Stage, stream
from understory.evaluation.metric import Metric

# The most rows of all resamples together, as long as there are at least FEWEST resamples.
ROWS, FEWEST = 1 << 28, 100


class Interval(NamedTuple):
    """A percentile interval of the scores of `resamples`; in `undefined` further ones the score was not defined."""

    low: float
    high: float
    resamples: int
    undefined: int


def bootstrap_interval(
    metric: Metric, labels, predictions, groups, *, seed: int, resamples: int = 1000, level: float = 0.95
) -> Interval:
    """The percentile interval of a score over resamples of the recordings, drawn with replacement (B. Efron, "Bootstrap
    methods: another look at the jackknife", Annals of Statistics 7, 1979).

    Parameters
    ----------
    metric : Metric
    labels, predictions
        As the metric's `score` takes them.
    groups : sequence
        The unit that is drawn, such as the recording, of each row: rows of one group stay together.
    seed : int
    resamples : int
        How many to draw at most; of a large table as many as have 2**28 rows together, but at least 100.
    level : float

    Returns
    -------
    Interval
        NaN where the score was never defined. Resamples where it is not defined, such as those with all or no rows
        present for a ROC AUC, are left out and counted.
    """
    return _over_groups(metric, metric.weighted(labels, predictions), groups, seed, resamples, level)


def paired_interval(
    metric: Metric,
    labels,
    predictions,
    others,
    groups,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """The percentile interval of how much higher the score of predictions is than that of others of the same rows.

    Both are scored on the same resamples, so that what is hard in a resample is hard for both.

    Parameters
    ----------
    metric, labels, predictions, groups, seed, resamples, level
        As for `bootstrap_interval`.
    others
        As `predictions`.
    """
    one, other = (metric.weighted(labels, each) for each in (predictions, others))
    return _over_groups(metric, lambda times: one(times) - other(times), groups, seed, resamples, level)


def _over_groups(metric, score, groups, seed, resamples, level):
    """The interval of a function of how often each row is drawn, where rows of one group are drawn together."""
    group, names = pd.factorize(np.asarray(groups), sort=True)
    return resampled_interval(
        lambda times: score(times[group]),
        len(names),
        seed=seed,
        name=f"bootstrap/{metric.name}",
        resamples=min(resamples, max(FEWEST, ROWS // max(len(group), 1))),
        level=level,
    )


def resampled_interval(
    score, count: int, *, seed: int, name: str, resamples: int = 1000, level: float = 0.95
) -> Interval:
    """The percentile interval of a score over resamples of `count` recordings, drawn with replacement.

    Parameters
    ----------
    score : callable
        Called with how often each recording is drawn, float64 (count,); NaN where it is not defined.
    count : int
    seed : int
    name : str
        Of the random stream.
    resamples : int
    level : float
    """
    rng = stream(seed, Stage.INTERVAL, name)
    scores = [
        score(np.bincount(rng.integers(count, size=count), minlength=count).astype(float))
        for _ in range(resamples if count else 0)
    ]
    defined = [value for value in scores if np.isfinite(value)]
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]) if defined else (np.nan, np.nan)
    return Interval(float(low), float(high), len(defined), len(scores) - len(defined))


def chance_interval(
    metric: Metric,
    labels,
    predictions,
    *,
    groups=None,
    seed: int,
    permutations: int = 1000,
    level: float = 0.99,
) -> tuple[float, float]:
    """The central interval of the score after shuffling the predictions.

    Rows of one recording are alike, in their labels and in what any model says of them: they stay together, in their order, and the
    recordings change places. Shuffled one by one they would vary less than a model without information does.

    Parameters
    ----------
    metric : Metric
    labels, predictions
        As the metric takes them.
    groups : array_like, optional
        The recording of each row; None: each is one of its own.
    seed : int
    permutations : int
    level : float

    Returns
    -------
    (float, float)
        NaN where nothing is scored.
    """
    rng = stream(seed, Stage.INTERVAL, metric.name)
    score = metric.shuffled(labels, predictions)
    number = np.arange(predictions.shape[0])
    if groups is not None:
        number = pd.factorize(np.asarray(groups))[0]
    order = np.argsort(number, kind="stable")
    blocks = np.split(order, np.cumsum(np.bincount(number))[:-1])

    def shuffled():
        rows = np.empty_like(order)
        rows[order] = np.concatenate([blocks[place] for place in rng.permutation(len(blocks))])
        return rows

    scores = [score(shuffled()) for _ in range(permutations)]
    return tuple(float(q) for q in np.quantile(scores, [(1 - level) / 2, (1 + level) / 2]))


def precision_interval(right: np.ndarray, wrong: np.ndarray, level: float = 0.95) -> tuple[float, float]:
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


def poisson_interval(events: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of the expected number of events, of which so many were counted (F. Garwood, "Fiducial limits for the
    Poisson distribution", Biometrika 28, 1936)."""
    tail = (1 - level) / 2
    low = stats.chi2.ppf(tail, 2 * events) / 2 if events else 0.0
    return float(low), float(stats.chi2.ppf(1 - tail, 2 * events + 2) / 2)
