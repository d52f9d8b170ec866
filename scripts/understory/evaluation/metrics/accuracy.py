"""The share of rows whose highest prediction is a present label."""

import numpy as np

from understory.evaluation.label_matrices import hits, weighted_ratio

FIGURES = ("class_scores", "precision_recall")
CLASS_SCORE = (
    "recall",
    "the share of the class's {rows} whose highest prediction is the class.",
)


def score(labels, predictions) -> float:
    """The accuracy; NaN where there are no rows."""
    return weighted(labels, predictions)(np.ones(predictions.shape[0]))


def class_scores(labels, predictions) -> np.ndarray:
    """Each class's recall: (classes,), NaN where the class is never present.

    Where each row has one label, the accuracy is their mean, weighted by the classes' numbers of rows.
    """
    _, column, hit, _ = hits(labels, predictions)
    present = np.bincount(column, minlength=predictions.shape[1])
    recalled = np.bincount(column[hit], minlength=predictions.shape[1])
    return np.where(present, recalled / np.maximum(present, 1), np.nan)


def weighted(labels, predictions):
    row, _, hit, top = hits(labels, predictions)
    return weighted_ratio(np.bincount(row[hit], minlength=len(top)), np.ones(len(top)))


def shuffled(labels, predictions):
    row, column, _, top = hits(labels, predictions)
    return lambda order: float((top[order[row]] == column).sum() / len(top)) if len(top) else float("nan")


def batch_sums(ops, labels, predictions):
    """Of targets that mixup has made soft, the highest counts."""
    hit = ops.cast(ops.argmax(labels, axis=1) == ops.argmax(predictions, axis=1), "float32")
    return {"hits": ops.sum(hit), "rows": ops.sum(ops.ones_like(hit))}


def score_of_sums(ops, sums):
    return ops.divide_no_nan(sums["hits"], sums["rows"])
