"""Label-weighted label-ranking average precision (D. Ellis, DCASE 2019 task 2)."""

import numpy as np
from scipy.stats import rankdata

from understory.evaluation.label_matrices import dense, present_labels, weighted_ratio

FIGURES = ("class_scores", "precision_recall")
CLASS_SCORE = (
    "per-class lwlrap",
    "over the class's labels, the mean share of present labels among the labels ranked at least as high.",
)
# Comparisons that are held in memory at once.
CELLS = 1 << 24


def score(labels, predictions) -> float:
    """The mean, over all present labels of all rows, of the share of present labels among those ranked at least as high.

    It equals scikit-learn's `label_ranking_average_precision_score` with every row weighted by its number of present
    labels. A label that is absent or unknown counts as not present. In (0, 1]; NaN where no label is present.
    """
    present = dense(present_labels(labels))
    if not present.any():
        return float("nan")
    return float(precision_at_labels(present, dense(predictions))[present].mean())


def precision_at_labels(present: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """For each row and class, the share of present labels among the classes ranked at least as high.

    Parameters
    ----------
    present : numpy.ndarray
        bool (rows, classes).
    predictions : numpy.ndarray
        (rows, classes), higher for likelier; ties share the lowest of their ranks.

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


def class_scores(labels, predictions) -> np.ndarray:
    """Each class's mean over the rows where it is present: (classes,), NaN where it never is."""
    present = dense(present_labels(labels))
    counts = present.sum(axis=0)
    total = (precision_at_labels(present, dense(predictions)) * present).sum(axis=0)
    return np.where(counts, total / np.maximum(counts, 1), np.nan)


def weighted(labels, predictions):
    present = dense(present_labels(labels))
    precision = precision_at_labels(present, dense(predictions))
    return weighted_ratio((precision * present).sum(axis=1), present.sum(axis=1))


def shuffled(labels, predictions):
    """Ranks within a row stay the same when rows move, so only the cells of present labels are looked up."""
    present, predictions = dense(present_labels(labels)), dense(predictions)
    ranks = rankdata(-predictions, method="max", axis=1)
    row, column = np.nonzero(present)
    counts = present.sum(axis=1)
    # Pairs of present labels of the same row, each label with itself included.
    beside = counts[row]
    starts = np.cumsum(beside) - beside
    each = np.repeat(np.arange(len(row)), beside)
    other = (np.cumsum(counts) - counts)[row[each]] + np.arange(len(each)) - starts[each]

    def score(order):
        at = order[row]
        values = predictions[at, column]
        at_least = values[each] <= predictions[at[each], column[other]]
        return float((np.add.reduceat(at_least, starts, dtype=int) / ranks[at, column]).mean())

    return score if len(row) else lambda order: float("nan")


def shuffle_cost(labels) -> float:
    """The cells that one shuffle looks up: each pair of present labels of a row."""
    return (present_labels(labels).sum(axis=1).astype(float) ** 2).sum()


def batch_sums(ops, labels, predictions):
    present = ops.cast(labels > 0.5, "float32")
    at_least = ops.cast(ops.expand_dims(predictions, 2) <= ops.expand_dims(predictions, 1), "float32")
    at_labels = ops.sum(at_least * ops.expand_dims(present, 1), axis=2)
    return {
        "precision": ops.sum(present * at_labels / ops.sum(at_least, axis=2)),
        "labels": ops.sum(present),
    }


def score_of_sums(ops, sums):
    return ops.divide_no_nan(sums["precision"], sums["labels"])
