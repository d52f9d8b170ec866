"""Precision and recall over the labels that are known."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve


class PrecisionRecall(NamedTuple):
    """A precision-recall curve.

    Attributes
    ----------
    precision, recall : numpy.ndarray or None
        float64 (points,), from recall 1 to recall 0; None where one of the two kinds of label is missing.
    average : float
        Average precision, the mean precision weighted by the steps in recall; NaN where there is no curve.
    present, absent : int
        The labels it was taken over.
    """

    precision: np.ndarray | None
    recall: np.ndarray | None
    average: float
    present: int
    absent: int


def precision_recall(known: np.ndarray, predictions: np.ndarray) -> PrecisionRecall:
    """The curve over all labels of all rows together (the micro-average, where there are several classes).

    Parameters
    ----------
    known : numpy.ndarray
        Of any shape: 1 present, 0 absent; -1, unknown, is left out.
    predictions : numpy.ndarray
        Of the same shape, higher for likelier.
    """
    judged = known >= 0
    present, scores = known[judged] > 0.5, predictions[judged]
    counts = int(present.sum()), int((~present).sum())
    if not all(counts):
        return PrecisionRecall(None, None, float("nan"), *counts)
    precision, recall, _ = precision_recall_curve(present, scores)
    return PrecisionRecall(precision, recall, float(average_precision_score(present, scores)), *counts)
