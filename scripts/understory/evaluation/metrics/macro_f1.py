"""The unweighted mean of the classes' F1, each row decided to have the class with its highest prediction."""

import numpy as np
from scipy import sparse

from understory.data.ranking import highest
from understory.evaluation.label_matrices import class_f1s, f1, hits

FIGURES = ("class_scores", "precision_recall")
CLASS_TABLE = "counts"
CLASS_SCORE = (
    "F1",
    "F1 = 2·TP / (2·TP + FP + FN), where the highest prediction of each row counts as predicted.",
)


def score(labels, predictions) -> float:
    """The mean F1 of the classes that are present in some row; NaN where none is.

    Scikit-learn's `f1_score` with `average="macro"` also counts classes that are only predicted, with an F1 of 0, unless
    it is given the present ones as `labels`.
    """
    return weighted(labels, predictions)(np.ones(predictions.shape[0]))


def class_scores(labels, predictions) -> np.ndarray:
    """Each class's F1: (classes,), NaN where it is never present. The score is their mean."""
    rows, top = np.arange(predictions.shape[0]), highest(predictions)
    decided = sparse.csr_array((np.ones(len(rows), dtype=bool), (rows, top)), shape=predictions.shape)
    return class_f1s(labels, decided)


def weighted(labels, predictions):
    row, column, hit, top = hits(labels, predictions)

    def score(weights):
        count = np.bincount(column, weights=weights[row], minlength=predictions.shape[1])
        either = count + np.bincount(top, weights=weights, minlength=predictions.shape[1])
        both = np.bincount(column[hit], weights=weights[row[hit]], minlength=predictions.shape[1])
        return float(f1(both, either)[count > 0].mean()) if count.any() else float("nan")

    return score


def shuffled(labels, predictions):
    row, column, _, top = hits(labels, predictions)
    count = np.bincount(column, minlength=predictions.shape[1])
    either = count + np.bincount(top, minlength=predictions.shape[1])

    def score(order):
        both = np.bincount(column[top[order[row]] == column], minlength=predictions.shape[1])
        return float(f1(both, either)[count > 0].mean())

    return score if count.any() else lambda order: float("nan")


def batch_sums(ops, labels, predictions):
    present = ops.cast(labels > 0.5, "float32")
    predicted = ops.one_hot(ops.argmax(predictions, axis=1), predictions.shape[-1], dtype="float32")
    return {
        "hits": ops.sum(present * predicted, axis=0),
        "present": ops.sum(present, axis=0),
        "predicted": ops.sum(predicted, axis=0),
    }


def score_of_sums(ops, sums):
    f1s = ops.divide_no_nan(2.0 * sums["hits"], sums["present"] + sums["predicted"])
    counted = ops.cast(sums["present"] > 0, "float32")
    return ops.divide_no_nan(ops.sum(f1s * counted), ops.sum(counted))
