"""Scores of predictions against labels, and what chance would score."""

import numpy as np
from scipy.stats import rankdata

from understory.streams import Stage, stream

# Comparisons that are held in memory at once.
CELLS = 1 << 24


def precision_at_labels(present: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """For each row and class, the share of present labels among the classes ranked at least as high.

    Parameters
    ----------
    present : numpy.ndarray
        bool (rows, classes).
    predictions : numpy.ndarray
        (rows, classes), higher for likelier; ties are ranked alike, at the lowest of their ranks.

    Returns
    -------
    numpy.ndarray
        float64 (rows, classes).
    """
    rows, classes = predictions.shape
    out = np.empty((rows, classes))
    step = max(1, CELLS // classes**2)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        at_least = predictions[part, :, None] <= predictions[part, None, :]
        out[part] = (at_least & present[part, None, :]).sum(axis=2) / at_least.sum(axis=2)
    return out


def lwlrap(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Label-weighted label-ranking average precision.

    The mean, over all present labels of all rows, of the share of present labels among those ranked at least
    as high: scikit-learn's `label_ranking_average_precision_score` with every row weighted by its number of
    present labels (D. Ellis, DCASE 2019 task 2), without its loop over rows.

    Parameters
    ----------
    labels : numpy.ndarray
        (rows, classes): 1 present; 0 (absent) and -1 (unknown) count as not present.
    predictions : numpy.ndarray
        (rows, classes), higher for likelier.

    Returns
    -------
    float
        In (0, 1]; NaN where no row has a present label.
    """
    present = labels > 0.5
    if not present.any():
        return float("nan")
    return float(precision_at_labels(present, predictions)[present].mean())


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """The share of rows whose highest prediction is a present label; NaN of no rows."""
    if not len(labels):
        return float("nan")
    return float(np.mean(labels[np.arange(len(labels)), predictions.argmax(axis=1)] > 0.5))


SCORES = {"lwlrap": lwlrap, "accuracy": accuracy}


def class_scores(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Each class's part in the lwlrap: (classes,) means over the rows where it is present, NaN where none is."""
    present = labels > 0.5
    counts = present.sum(axis=0)
    total = (precision_at_labels(present, predictions) * present).sum(axis=0)
    return np.where(counts, total / np.maximum(counts, 1), np.nan)


def class_recalls(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Each class's recall: (classes,) shares of the rows where it is present and predicted highest, NaN where none is.

    Where each row has one label, the accuracy is their mean, weighted by the classes' numbers of rows.
    """
    present = labels > 0.5
    counts = present.sum(axis=0)
    highest = predictions.argmax(axis=1)[:, None] == np.arange(labels.shape[1])
    return np.where(counts, (present & highest).sum(axis=0) / np.maximum(counts, 1), np.nan)


CLASS_SCORES = {"lwlrap": class_scores, "accuracy": class_recalls}


def _dealt_lwlrap(labels, predictions):
    """A function of a permutation of the rows: the lwlrap of the predictions so dealt.

    Ranks stay as they are when rows move, so only the present labels' cells are looked up.
    """
    present = labels > 0.5
    ranks = rankdata(-predictions, method="max", axis=1)
    row, column = np.nonzero(present)
    counts = present.sum(axis=1)
    # Each present label beside every present label of its row, itself among them.
    beside = counts[row]
    starts = np.cumsum(beside) - beside
    each = np.repeat(np.arange(len(row)), beside)
    other = (np.cumsum(counts) - counts)[row[each]] + np.arange(len(each)) - starts[each]

    def score(order):
        at = order[row]
        values = predictions[at, column]
        hits = values[each] <= predictions[at[each], column[other]]
        return float((np.add.reduceat(hits, starts, dtype=int) / ranks[at, column]).mean())

    return score if len(row) else lambda order: float("nan")


def _dealt_accuracy(labels, predictions):
    """A function of a permutation of the rows: the accuracy of the predictions so dealt."""
    present, highest = labels > 0.5, predictions.argmax(axis=1)
    rows = np.arange(len(labels))
    return lambda order: float(present[rows, highest[order]].mean()) if len(rows) else float("nan")


DEALT = {"lwlrap": _dealt_lwlrap, "accuracy": _dealt_accuracy}


def chance_interval(
    metric: str,
    labels: np.ndarray,
    predictions: np.ndarray,
    *,
    seed: int,
    permutations: int = 1000,
    level: float = 0.99,
):
    """The central interval of the scores that the predictions get when their rows are dealt out at random."""
    rng = stream(seed, Stage.INTERVAL, metric)
    score = DEALT[metric](labels, predictions)
    scores = [score(rng.permutation(len(predictions))) for _ in range(permutations)]
    return tuple(float(q) for q in np.quantile(scores, [(1 - level) / 2, (1 + level) / 2]))
