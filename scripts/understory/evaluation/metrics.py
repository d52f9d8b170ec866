"""Scores of predictions against labels, what chance would score, and how sure a score is.

Labels are a matrix (rows, classes) of 1 (present), 0 (absent) and -1 (unknown), or `understory.data.labels.Labels`.
Predictions are a matrix of that shape, higher for likelier, and may be sparse, as `understory.data.predictions` keeps those
of many classes. For `row_f1` they are decisions: bool, true where a row is said to hold the class.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from understory.core.errors import InputError
from understory.core.rng import Stage, stream
from understory.data.predictions import highest

# Comparisons that are held in memory at once.
CELLS = 1 << 24
# Rows that all resamples of an interval have together, as long as there are no fewer of them than LEAST.
WORK, LEAST = 1 << 28, 100


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


def lwlrap(labels, predictions) -> float:
    """Label-weighted label-ranking average precision.

    The mean, over all present labels of all rows, of the share of present labels among those ranked at least
    as high: scikit-learn's `label_ranking_average_precision_score` with every row weighted by its number of
    present labels (D. Ellis, DCASE 2019 task 2), without its loop over rows.

    Parameters
    ----------
    labels
        What is absent or unknown counts as not present.
    predictions

    Returns
    -------
    float
        In (0, 1]; NaN where no row has a present label.
    """
    present = _matrix(present_labels(labels))
    if not present.any():
        return float("nan")
    return float(precision_at_labels(present, _matrix(predictions))[present].mean())


def accuracy(labels, predictions) -> float:
    """The share of rows whose highest prediction is a present label; NaN of no rows."""
    return _weighted_accuracy(labels, predictions)(np.ones(predictions.shape[0]))


def row_f1(labels, decisions) -> float:
    """The mean over rows of the F1 between the labels that are decided and those that are present.

    Of a row with D decided labels, P present ones and B that are both, it is 2 B / (D + P), and 1 where there are none
    of either: BirdCLEF 2021's "row-wise micro averaged F1", and scikit-learn's `f1_score` with `average="samples"` and
    `zero_division=1`. NaN of no rows.

    Parameters
    ----------
    labels : numpy.ndarray or Labels
    decisions : numpy.ndarray or scipy.sparse.csr_array
        bool (rows, classes).
    """
    return _weighted_row_f1(labels, decisions)(np.ones(decisions.shape[0]))


def macro_f1(labels, predictions) -> float:
    """The unweighted mean of the classes' F1, each row being said to hold the class that is predicted highest.

    It is taken over the classes that are present in some row. Scikit-learn's `f1_score` with `average="macro"` takes
    those that are only predicted as well, with an F1 of 0, unless it is given the present ones as `labels`. NaN where
    none is present.
    """
    return _weighted_macro_f1(labels, predictions)(np.ones(predictions.shape[0]))


def roc_auc(labels, predictions) -> float:
    """The area under the receiver operating characteristic of the second of two classes, as scikit-learn's
    `roc_auc_score` of its column; rows where it is unknown are left out. NaN where all or none have it.

    Raises
    ------
    InputError
        There are not two classes.
    """
    return _weighted_roc_auc(labels, predictions)(np.ones(predictions.shape[0]))


SCORES = {
    "lwlrap": lwlrap,
    "accuracy": accuracy,
    "row_f1": row_f1,
    "macro_f1": macro_f1,
    "roc_auc": roc_auc,
}


def present_labels(labels):
    """Where labels are present: bool (rows, classes), sparse of `Labels`."""
    return labels > 0.5 if isinstance(labels, np.ndarray) else labels.present


def _matrix(values):
    return values.toarray() if sparse.issparse(values) else values


def _hits(labels, predictions):
    """The row and class of each present label, and which of them are predicted highest, beside each row's highest."""
    top = highest(predictions)
    row, column = present_labels(labels).nonzero()
    return row, column, top[row] == column, top


def _overlap(labels, decisions):
    """How many labels of each row are both, and how many are decided and present together."""
    if decisions.dtype != bool:
        raise ValueError(f"expected decisions as bool, found {decisions.dtype}")
    present, decided = (sparse.csr_array(matrix) for matrix in (present_labels(labels), decisions))
    both = present.multiply(decided).sum(axis=1)
    return both, np.diff(present.indptr) + np.diff(decided.indptr)


def _f1(both, either):
    """2 both / either, where `either` counts what is in one set and what is in the other; 1 of two empty sets."""
    return np.divide(2 * both, either, out=np.ones(len(either)), where=either > 0)


def class_scores(labels, predictions) -> np.ndarray:
    """Each class's part in the lwlrap: (classes,) means over the rows where it is present, NaN where none is."""
    present = _matrix(present_labels(labels))
    counts = present.sum(axis=0)
    total = (precision_at_labels(present, _matrix(predictions)) * present).sum(axis=0)
    return np.where(counts, total / np.maximum(counts, 1), np.nan)


def class_recalls(labels, predictions) -> np.ndarray:
    """Each class's recall: (classes,) shares of the rows where it is present and predicted highest, NaN where none is.

    Where each row has one label, the accuracy is their mean, weighted by the classes' numbers of rows.
    """
    _, column, hit, _ = _hits(labels, predictions)
    counts = np.bincount(column, minlength=predictions.shape[1])
    found = np.bincount(column[hit], minlength=predictions.shape[1])
    return np.where(counts, found / np.maximum(counts, 1), np.nan)


def class_f1s(labels, decisions) -> np.ndarray:
    """Each class's F1 over the rows where it is decided or present: (classes,), NaN where it is never present."""
    present, decided = (sparse.csr_array(matrix) for matrix in (present_labels(labels), decisions))
    counts = present.sum(axis=0)
    return np.where(counts, _f1(present.multiply(decided).sum(axis=0), counts + decided.sum(axis=0)), np.nan)


def class_highest_f1s(labels, predictions) -> np.ndarray:
    """Each class's part in the macro F1: (classes,), NaN where it is never present. The score is their mean."""
    rows, top = np.arange(predictions.shape[0]), highest(predictions)
    decided = sparse.csr_array((np.ones(len(rows), dtype=bool), (rows, top)), shape=predictions.shape)
    return class_f1s(labels, decided)


def class_aucs(labels, predictions) -> np.ndarray:
    """Each class's own area under the receiver operating characteristic: (classes,), NaN where there is none."""
    known, predicted = _known(labels), _matrix(predictions)
    return np.array(
        [_weighted_auc(known[:, n], predicted[:, n])(np.ones(len(known))) for n in range(known.shape[1])]
    )


CLASS_SCORES = {
    "lwlrap": class_scores,
    "accuracy": class_recalls,
    "row_f1": class_f1s,
    "macro_f1": class_highest_f1s,
    "roc_auc": class_aucs,
}


def _known(labels):
    return labels if isinstance(labels, np.ndarray) else labels.take(np.arange(len(labels)))


# Each gives a function of the rows' weights: how often each counts.


def _share(parts, whole):
    """The weighted sum of parts, by that of the whole."""

    def score(weights):
        total = weights @ whole
        return float(weights @ parts / total) if total > 0 else float("nan")

    return score


def _weighted_lwlrap(labels, predictions):
    present = _matrix(present_labels(labels))
    precision = precision_at_labels(present, _matrix(predictions))
    return _share((precision * present).sum(axis=1), present.sum(axis=1))


def _weighted_accuracy(labels, predictions):
    row, _, hit, top = _hits(labels, predictions)
    return _share(np.bincount(row[hit], minlength=len(top)), np.ones(len(top)))


def _weighted_row_f1(labels, decisions):
    return _share(_f1(*_overlap(labels, decisions)), np.ones(decisions.shape[0]))


def _weighted_macro_f1(labels, predictions):
    row, column, hit, top = _hits(labels, predictions)

    def score(weights):
        count = np.bincount(column, weights=weights[row], minlength=predictions.shape[1])
        either = count + np.bincount(top, weights=weights, minlength=predictions.shape[1])
        both = np.bincount(column[hit], weights=weights[row[hit]], minlength=predictions.shape[1])
        return float(_f1(both, either)[count > 0].mean()) if count.any() else float("nan")

    return score


def _weighted_roc_auc(labels, predictions):
    if predictions.shape[1] != 2:
        raise InputError(f"roc_auc: expected two classes, found {predictions.shape[1]}")
    return _weighted_auc(_known(labels)[:, 1], _matrix(predictions)[:, 1])


def _weighted_auc(known, predicted):
    def score(weights):
        judged = (known >= 0) & (weights > 0)
        present = known[judged] > 0.5
        if present.all() or not present.any() or not np.isfinite(predicted[judged]).all():
            return float("nan")
        return float(roc_auc_score(present, predicted[judged], sample_weight=weights[judged]))

    return score


WEIGHTED = {
    "lwlrap": _weighted_lwlrap,
    "accuracy": _weighted_accuracy,
    "row_f1": _weighted_row_f1,
    "macro_f1": _weighted_macro_f1,
    "roc_auc": _weighted_roc_auc,
}


class Interval(NamedTuple):
    """A percentile interval; `resamples` made it, and in `undefined` more the score was not defined."""

    low: float
    high: float
    resamples: int
    undefined: int


def bootstrap_interval(
    metric: str, labels, predictions, groups, *, seed: int, resamples: int = 1000, level: float = 0.95
) -> Interval:
    """The percentile interval of a score when recordings are drawn anew, with replacement (B. Efron, "Bootstrap
    methods: another look at the jackknife", Annals of Statistics 7, 1979).

    Parameters
    ----------
    metric : str
        One of `SCORES`.
    labels, predictions
        As that score wants them.
    groups : sequence
        What is drawn, such as the recording, of each row: rows of one group come and go together.
    seed : int
    resamples : int
        How many are drawn at most; of a large table as many as have 2**28 rows together, and 100 at least.
    level : float

    Returns
    -------
    Interval
        NaN where the score was never defined. Resamples where it is not, such as those with all or no rows present for
        `roc_auc`, are left out and counted.
    """
    score = WEIGHTED[metric](labels, predictions)
    group, names = pd.factorize(np.asarray(groups), sort=True)
    resamples = min(resamples, max(LEAST, WORK // max(len(group), 1)))
    rng = stream(seed, Stage.INTERVAL, f"bootstrap/{metric}")
    found = []
    for _ in range(resamples if len(names) else 0):
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        found.append(score(times[group].astype(float)))
    defined = [value for value in found if np.isfinite(value)]
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]) if defined else (np.nan, np.nan)
    return Interval(float(low), float(high), len(defined), len(found) - len(defined))


def _dealt_lwlrap(labels, predictions):
    """A function of a permutation of the rows: the lwlrap of the predictions so dealt.

    Ranks stay as they are when rows move, so only the present labels' cells are looked up.
    """
    present, predictions = _matrix(present_labels(labels)), _matrix(predictions)
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
    row, column, _, top = _hits(labels, predictions)
    return lambda order: float((top[order[row]] == column).sum() / len(top)) if len(top) else float("nan")


def _dealt_row_f1(labels, decisions):
    """A function of a permutation of the rows: the score of the decisions so dealt."""
    decided = sparse.csr_array(decisions)
    return lambda order: row_f1(labels, decided[order])


def _dealt_macro_f1(labels, predictions):
    """A function of a permutation of the rows: the score of the predictions so dealt."""
    row, column, _, top = _hits(labels, predictions)
    count = np.bincount(column, minlength=predictions.shape[1])
    either = count + np.bincount(top, minlength=predictions.shape[1])

    def score(order):
        both = np.bincount(column[top[order[row]] == column], minlength=predictions.shape[1])
        return float(_f1(both, either)[count > 0].mean())

    return score if count.any() else lambda order: float("nan")


def _dealt_roc_auc(labels, predictions):
    """A function of a permutation of the rows: the score of the predictions so dealt."""
    return lambda order: roc_auc(labels, predictions[order])


DEALT = {
    "lwlrap": _dealt_lwlrap,
    "accuracy": _dealt_accuracy,
    "row_f1": _dealt_row_f1,
    "macro_f1": _dealt_macro_f1,
    "roc_auc": _dealt_roc_auc,
}


def chance_interval(
    metric: str,
    labels,
    predictions,
    *,
    seed: int,
    permutations: int = 1000,
    level: float = 0.99,
):
    """The central interval of the scores that the predictions get when their rows are dealt out at random."""
    rng = stream(seed, Stage.INTERVAL, metric)
    score = DEALT[metric](labels, predictions)
    scores = [score(rng.permutation(predictions.shape[0])) for _ in range(permutations)]
    return tuple(float(q) for q in np.quantile(scores, [(1 - level) / 2, (1 + level) / 2]))
