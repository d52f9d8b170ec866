"""Labels and predictions in the forms that metrics count them.

Labels are a matrix (rows, classes) of 1 (present), 0 (absent) and -1 (unknown), or `understory.data.labels.Labels`.
Predictions are a matrix of that shape, higher for likelier, dense or sparse; for a metric of decisions they are bool, True
where a row is decided to have the class.
"""

import numpy as np
from scipy import sparse

from understory.data.labels import Labels
from understory.data.ranking import highest


def present_labels(labels):
    """Where labels are present: bool (rows, classes), sparse of `Labels`."""
    return labels > 0.5 if isinstance(labels, np.ndarray) else labels.present


def known_labels(labels) -> np.ndarray:
    """All labels as a dense matrix of 1 (present), 0 (absent) and -1 (unknown)."""
    return labels if isinstance(labels, np.ndarray) else labels.take(np.arange(len(labels)))


def take(labels, rows) -> np.ndarray:
    """The labels of some rows, dense; a row may be repeated."""
    return labels[rows] if isinstance(labels, np.ndarray) else labels.take(rows)


def dense(values) -> np.ndarray:
    """Labels, or a matrix, dense or sparse, as a dense matrix."""
    if isinstance(values, Labels):
        return known_labels(values)
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


def hits(labels, predictions):
    """Compare present labels with each row's highest prediction.

    Returns
    -------
    row, column : numpy.ndarray
        int (present labels,).
    hit : numpy.ndarray
        bool (present labels,): whether the class is the row's highest prediction.
    top : numpy.ndarray
        int (rows,): the class with the highest prediction.
    """
    top = highest(predictions)
    row, column = present_labels(labels).nonzero()
    return row, column, top[row] == column, top


def f1(both, either):
    """F1 = 2·TP / (2·TP + FP + FN), 1 where the denominator is 0.

    Parameters
    ----------
    both : numpy.ndarray
        TP.
    either : numpy.ndarray
        2·TP + FP + FN: how many are decided plus how many are present.
    """
    return np.divide(2 * both, either, out=np.ones(len(either)), where=either > 0)


def class_f1s(labels, decisions) -> np.ndarray:
    """Each class's F1 over all rows: float64 (classes,), NaN where the class is never present."""
    present, decided = (sparse.csr_array(matrix) for matrix in (present_labels(labels), decisions))
    counts = present.sum(axis=0)
    return np.where(counts, f1(present.multiply(decided).sum(axis=0), counts + decided.sum(axis=0)), np.nan)


def weighted_ratio(parts, whole):
    """A function of row weights: the weighted sum of `parts` over the weighted sum of `whole`, NaN where that is 0."""

    def score(weights):
        total = weights @ whole
        return float(weights @ parts / total) if total > 0 else float("nan")

    return score
