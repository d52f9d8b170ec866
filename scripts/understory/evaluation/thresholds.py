"""Decide the labels of a row by one threshold per class, fitted for the row-wise F1.

A row has the classes, other than `none`, whose probability is above their threshold. It has `none`, the class of rows
without any other, where its probability is above its threshold or no other class is decided. No probability is above a
threshold of 1.
"""

import numpy as np
from scipy import sparse

from understory.core.errors import InputError
from understory.data.ranking import highest
from understory.evaluation.label_matrices import dense, present_labels

# The least number of present labels for which a class has its own threshold.
FEW = 10
# How many thresholds are tried where classes share one.
TRIED = 64
# The most rounds through all classes.
ROUNDS = 20
# A smaller gain in the sum of the rows' F1 is a rounding error.
ROUNDING = 1e-9


def fit(labels, predictions, *, classes, none: str | None = "nocall") -> np.ndarray:
    """Find the thresholds with the highest mean F1 of the rows (`understory.evaluation.metrics.row_f1`), a local maximum.

    Coordinate ascent: each threshold in turn is set to its exact optimum with all others fixed, by the cumulative sum of
    the rows' gains from the highest probability down. It starts with `none` for all rows, so the result is never worse than
    that, and ends when a round gains nothing, or after `ROUNDS`. Classes with fewer than `FEW` present labels share one
    threshold, as so few cannot tell a good threshold from a lucky one. Of equally good thresholds the highest is taken.

    Parameters
    ----------
    labels : numpy.ndarray or understory.data.labels.Labels
        (rows, classes): 1 present, anything else not.
    predictions : numpy.ndarray or scipy.sparse.csr_array
        Probabilities (rows, classes).
    classes : sequence of str
    none : str or None
        The class of rows that have no other; where it is None or not in `classes`, such rows have no label.

    Returns
    -------
    numpy.ndarray
        float64 (classes,), in [0, 1].
    """
    task = _ThresholdFit(dense(present_labels(labels)), dense(predictions), classes, none)
    for _ in range(ROUNDS):
        before = task.score()
        for number in task.frequent:
            task.improve(number)
        task.improve_rare()
        task.improve_none()
        if task.score() <= before + ROUNDING:
            break
    return task.thresholds


def decide(predictions, thresholds, classes, *, none: str | None = "nocall") -> list[list[str]]:
    """Decide the labels of each row, in the order of the classes.

    Parameters
    ----------
    predictions : numpy.ndarray or scipy.sparse.csr_array
        Probabilities (rows, classes).
    thresholds : sequence of float or None
        As `fit` returns them; None for the class with the highest probability alone.
    classes : sequence of str
    none : str or None
        As for `fit`.
    """
    if thresholds is None:
        return [[classes[number]] for number in highest(predictions)]
    passed = dense(predictions) > np.asarray(thresholds, dtype=float)
    if none in classes:
        column = list(classes).index(none)
        passed[:, column] |= ~np.delete(passed, column, axis=1).any(axis=1)
    return [[classes[number] for number in np.flatnonzero(row)] for row in passed]


def crossfit(labels, predictions, folds, *, classes, none: str | None = "nocall") -> dict[int, np.ndarray]:
    """By fold, the thresholds that are fitted to the rows of all other folds, as `fit` returns them.

    No row has a part in the thresholds of its fold, so the score of what these decide is not optimistic.

    Parameters
    ----------
    labels, predictions, classes, none
        As for `fit`; predictions are out-of-fold.
    folds : sequence of int
        The fold of each row.

    Raises
    ------
    InputError
        There is only one fold.
    """
    present, predictions, folds = dense(present_labels(labels)), dense(predictions), np.asarray(folds)
    if len(numbers := np.unique(folds)) == 1:
        raise InputError(
            f"thresholds: expected validated rows in two folds or more to fit them with, found fold {numbers[0]} alone"
        )
    return {
        int(fold): fit(present[folds != fold], predictions[folds != fold], classes=classes, none=none)
        for fold in numbers
    }


def indicator(decisions, classes) -> sparse.csr_array:
    """Lists of class names as decisions that a metric takes: bool (rows, classes)."""
    column = {name: number for number, name in enumerate(classes)}
    columns = [column[name] for names in decisions for name in names]
    rows = np.repeat(np.arange(len(decisions)), [len(names) for names in decisions])
    return sparse.csr_array(
        (np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(decisions), len(classes))
    )


class _ThresholdFit:
    """The state of a fit: each row's number of decided labels without `none`, how many are right, and `none`."""

    def __init__(self, present, predictions, classes, none):
        self.present, self.predictions = present, predictions
        self.thresholds = np.ones(present.shape[1])
        self.none = list(classes).index(none) if none in classes else None
        numbers = np.arange(present.shape[1])
        enough = present.sum(axis=0) >= FEW
        self.frequent = numbers[enough & (numbers != self.none)]
        self.rare = numbers[~enough & (numbers != self.none)]
        self.truly = present.sum(axis=1)
        self.decided, self.right = np.zeros(len(present), int), np.zeros(len(present), int)
        nothing = np.zeros(len(present), dtype=bool)
        self.is_none = nothing if self.none is None else present[:, self.none]
        self.passed_none = nothing

    def f1(self, decided, right, passed_none=None):
        """The F1 of each row by its number of decided labels without `none`, and how many of them are right."""
        if self.none is not None:
            with_none = (self.passed_none if passed_none is None else passed_none) | (decided == 0)
            decided, right = decided + with_none, right + (with_none & self.is_none)
        either = decided + self.truly
        return np.divide(2 * right, either, out=np.ones(either.shape), where=either > 0)

    def score(self):
        return self.f1(self.decided, self.right).sum()

    def improve(self, number):
        """Set the threshold of one class to its optimum with the others fixed."""
        values, truth = self.predictions[:, number], self.present[:, number]
        self._add(number, values, truth, -1)
        added = self.f1(self.decided + 1, self.right + truth) - self.f1(self.decided, self.right)
        self.thresholds[number] = _best_cut(values, added)
        self._add(number, values, truth, 1)

    def _add(self, number, values, truth, sign):
        passed = values > self.thresholds[number]
        self.decided = self.decided + sign * passed
        self.right = self.right + sign * (passed & truth)

    def improve_none(self):
        """Set the threshold of `none` to its optimum with the others fixed."""
        if self.none is None:
            return
        values = self.predictions[:, self.none]
        each = [self.f1(self.decided, self.right, np.full(len(values), passed)) for passed in (True, False)]
        self.thresholds[self.none] = _best_cut(values, each[0] - each[1])
        self.passed_none = values > self.thresholds[self.none]

    def improve_rare(self):
        """Set the threshold that the rare classes share to the best of `TRIED` with the others fixed."""
        values, truth = self.predictions[:, self.rare], self.present[:, self.rare]
        old = values > self.thresholds[self.rare]
        decided, right = self.decided - old.sum(axis=1), self.right - (old & truth).sum(axis=1)
        best, chosen = -np.inf, 1.0
        for threshold in _spread(values):
            passed = values > threshold
            score = self.f1(decided + passed.sum(axis=1), right + (passed & truth).sum(axis=1)).sum()
            if score > best + ROUNDING:
                best, chosen = score, threshold
        self.thresholds[self.rare] = chosen
        new = values > chosen
        self.decided, self.right = decided + new.sum(axis=1), right + (new & truth).sum(axis=1)


def _best_cut(values, gains):
    """The threshold, halfway between two values, above which the sum of the rows' gains is highest."""
    order = np.argsort(-values, kind="stable")
    values, total = values[order].astype(float), np.cumsum(gains[order])
    # A threshold does not split equal values, and a probability of zero is never decided.
    below = np.append(np.maximum(values[1:], 0), 0)
    total[values <= below] = -np.inf
    last = int(total.argmax()) if len(total) else 0
    if not len(total) or total[last] <= ROUNDING:
        return 1.0
    return _between(values[last], below[last])


def _between(high, low):
    """A threshold that is below `high` and not below `low`."""
    return float(min(max(low, (high + low) / 2), np.nextafter(high, 0)))


def _spread(values):
    """Yield thresholds from 1 down; the number of values above them grows geometrically up to all."""
    yield 1.0
    ordered = np.sort(values[values > 0].astype(float))
    if not len(ordered):
        return
    counts = np.geomspace(1, len(ordered), TRIED).round().astype(int)
    for value in np.unique(ordered[-counts])[::-1]:
        lower = np.searchsorted(ordered, value)
        yield _between(value, ordered[lower - 1] if lower else 0.0)
