"""The area under the receiver operating characteristic of the second of two classes."""

import numpy as np

from understory.core.errors import InputError
from understory.evaluation.label_matrices import dense, known_labels

CHANCE = 0.5
FIGURES = ("separation", "roc")
# Thresholds of the curve while training, from 0 to 1 in equal steps.
THRESHOLDS = 10_001


def score(labels, predictions) -> float:
    """Scikit-learn's `roc_auc_score` of the second column; rows where the class is unknown are left out.

    NaN where it is present in all or none of the rows.

    Raises
    ------
    InputError
        There are not two classes.
    """
    return weighted(labels, predictions)(np.ones(predictions.shape[0]))


def class_scores(labels, predictions) -> np.ndarray:
    """The area of each class against the rest: (classes,), NaN where it is not defined."""
    known, predicted = known_labels(labels), dense(predictions)
    return np.array(
        [_weighted_area(known[:, n], predicted[:, n])(np.ones(len(known))) for n in range(known.shape[1])]
    )


def weighted(labels, predictions):
    return _weighted_area(*_of_the_second(labels, predictions))


def shuffled(labels, predictions):
    """By the ranks of all rows, which stay the same when rows move (J. Hanley and B. McNeil, Radiology 143, 1982)."""
    known, predicted = _of_the_second(labels, predictions)
    present = known > 0.5
    pairs = int(present.sum()) * int((~present).sum())
    if not pairs or (known < 0).any() or not np.isfinite(predicted).all():
        return lambda order: score(labels, predictions[order])
    # Training needs this module, not SciPy's statistics.
    from scipy.stats import rankdata

    ranks, least = rankdata(predicted), present.sum() * (present.sum() + 1) / 2
    return lambda order: float((ranks[order[present]].sum() - least) / pairs)


def _of_the_second(labels, predictions):
    """The labels and predictions of the second class."""
    if predictions.shape[1] != 2:
        raise InputError(f"roc_auc: expected two classes, found {predictions.shape[1]}")
    return known_labels(labels)[:, 1], dense(predictions)[:, 1]


def _weighted_area(known, predicted):
    # Training needs this module, not scikit-learn.
    from sklearn.metrics import roc_auc_score

    def score(weights):
        counted = (known >= 0) & (weights > 0)
        present = known[counted] > 0.5
        if present.all() or not present.any() or not np.isfinite(predicted[counted]).all():
            return float("nan")
        return float(roc_auc_score(present, predicted[counted], sample_weight=weights[counted]))

    return score


def batch_sums(ops, labels, predictions):
    """The present and other rows by predicted probability, rounded up to steps of 1 / (THRESHOLDS - 1), 0 to the first.

    So the area is exact but for ties of predictions in the same step, as that of `keras.metrics.AUC`.
    """
    if predictions.shape[-1] != 2:
        raise InputError(f"roc_auc: expected two classes, found {predictions.shape[-1]}")
    present = ops.cast(labels[:, 1] > 0.5, "float32")
    steps = ops.ceil(ops.clip(predictions[:, 1], 0.0, 1.0) * (THRESHOLDS - 1.0)) - 1.0
    steps = ops.cast(ops.relu(steps), "int32")
    return {
        "present": ops.segment_sum(present, steps, num_segments=THRESHOLDS),
        "others": ops.segment_sum(1.0 - present, steps, num_segments=THRESHOLDS),
    }


def score_of_sums(ops, sums):
    true_rate, false_rate = (
        ops.divide_no_nan(ops.flip(ops.cumsum(ops.flip(counts))), ops.sum(counts))
        for counts in (sums["present"], sums["others"])
    )
    heights = (true_rate[:-1] + true_rate[1:]) / 2.0
    return ops.sum((false_rate[:-1] - false_rate[1:]) * heights)
