"""The mean over rows of the F1 between decided and present labels."""

import numpy as np
from scipy import sparse

from understory.evaluation.label_matrices import class_f1s, f1, present_labels, weighted_ratio

DECIDED = True
FIGURES = ("class_scores", "precision_recall")
CLASS_TABLE = "counts"
CLASS_SCORE = (
    "F1",
    "F1 = 2·TP / (2·TP + FP + FN). The row_f1 is computed for each row and is not the mean of these.",
)
class_scores = class_f1s


def score(labels, decisions) -> float:
    """The mean over rows of F1 = 2·TP / (2·TP + FP + FN), which is 1 for a row without decided and present labels.

    It is BirdCLEF 2021's "row-wise micro averaged F1", and scikit-learn's `f1_score` with `average="samples"` and
    `zero_division=1`. NaN where there are no rows.

    Parameters
    ----------
    labels : numpy.ndarray or Labels
    decisions : numpy.ndarray or scipy.sparse.csr_array
        bool (rows, classes).
    """
    return weighted(labels, decisions)(np.ones(decisions.shape[0]))


def weighted(labels, decisions):
    if decisions.dtype != bool:
        raise ValueError(f"expected decisions as bool, found {decisions.dtype}")
    present, decided = (sparse.csr_array(matrix) for matrix in (present_labels(labels), decisions))
    both = present.multiply(decided).sum(axis=1)
    either = np.diff(present.indptr) + np.diff(decided.indptr)
    return weighted_ratio(f1(both, either), np.ones(decisions.shape[0]))


def shuffled(labels, decisions):
    decided = sparse.csr_array(decisions)
    return lambda order: score(labels, decided[order])


def batch_sums(ops, labels, predictions):
    """While training, labels predicted above 0.5 are decided: thresholds are fitted afterwards."""
    present = ops.cast(labels > 0.5, "float32")
    decided = ops.cast(predictions > 0.5, "float32")
    either = ops.sum(present, axis=1) + ops.sum(decided, axis=1)
    rows_f1 = ops.divide_no_nan(2.0 * ops.sum(present * decided, axis=1), either)
    return {"f1": ops.sum(ops.where(either > 0, rows_f1, 1.0)), "rows": ops.sum(ops.ones_like(either))}


def score_of_sums(ops, sums):
    return ops.divide_no_nan(sums["f1"], sums["rows"])
