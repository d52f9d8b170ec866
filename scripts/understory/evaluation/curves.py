"""Precision-recall curves and receiver operating characteristics of the known labels."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from understory.data.ranking import rows_of


class PrecisionRecall(NamedTuple):
    """A precision-recall curve.

    Attributes
    ----------
    precision, recall : numpy.ndarray or None
        float64 (points,), from recall 1 to recall 0; None where no label is present, or none absent.
    average : float
        Average precision, the mean of the precisions weighted by the steps in recall; NaN where there is no curve.
    present, absent : int
        The number of labels.
    """

    precision: np.ndarray | None
    recall: np.ndarray | None
    average: float
    present: int
    absent: int


class Roc(NamedTuple):
    """A receiver operating characteristic.

    Attributes
    ----------
    false, true : numpy.ndarray or None
        float64 (points,), false positive and true positive rate, from 0 to 1; None where no label is present, or none
        absent.
    area : float
        The area under it; NaN where there is no curve.
    present, absent : int
        The number of labels.
    """

    false: np.ndarray | None
    true: np.ndarray | None
    area: float
    present: int
    absent: int


def precision_recall(known, predictions) -> PrecisionRecall:
    """The curve of all labels of all rows together (the micro-average of several classes).

    Parameters
    ----------
    known : numpy.ndarray or understory.data.labels.Labels
        Of any shape: 1 present, 0 absent; -1 and NaN are unknown and left out.
    predictions : numpy.ndarray or scipy.sparse.csr_array
        Of the same shape, higher for likelier. Missing values of a sparse array are 0, and are not expanded where `known`
        are `Labels`.
    """
    present, scores, weights = _cells(known, predictions)
    counts = int(weights[present].sum()), int(weights[~present].sum())
    if not all(counts):
        return PrecisionRecall(None, None, float("nan"), *counts)
    precision, recall, _ = precision_recall_curve(present, scores, sample_weight=weights)
    average = float(average_precision_score(present, scores, sample_weight=weights))
    return PrecisionRecall(precision, recall, average, *counts)


def roc(known, predictions) -> Roc:
    """The curve of one class.

    Parameters
    ----------
    known, predictions : numpy.ndarray
        (rows,), as for `precision_recall`.
    """
    present, scores, weights = _cells(known, predictions)
    counts = int(weights[present].sum()), int(weights[~present].sum())
    if not all(counts):
        return Roc(None, None, float("nan"), *counts)
    false, true, _ = roc_curve(present, scores)
    return Roc(false, true, float(roc_auc_score(present, scores)), *counts)


def _cells(known, predictions):
    """Of the known cells: whether they are present, their predictions, and their weights."""
    if isinstance(known, np.ndarray) or not sparse.issparse(predictions):
        if not isinstance(known, np.ndarray):
            known = known.take(np.arange(len(known)))
        if sparse.issparse(predictions):
            predictions = predictions.toarray()
        judged = known >= 0
        present = known[judged] > 0.5
        return present, predictions[judged], np.ones(len(present))
    at = known.at(rows_of(predictions), predictions.indices)
    judged = at >= 0
    present, scores = at[judged] > 0.5, predictions.data[judged]
    # All missing values are equal, so one present and one absent cell stand for them, with their counts as weights.
    rest = np.array(known.count()) - [present.sum(), (~present).sum()]
    kinds = np.array([True, False])[rest > 0]
    return (
        np.append(present, kinds),
        np.append(scores, np.zeros(len(kinds))),
        np.append(np.ones(len(scores)), rest[rest > 0]),
    )
