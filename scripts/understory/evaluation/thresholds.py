"""From probabilities to the labels that a row is said to have: a threshold a class, for the row-wise F1.

A row has the classes, other than `none`, whose probability is above their threshold; it has `none`, the class of
nothing at all, where that is above its own threshold or no other class is above its. A threshold of 1 is never passed.
"""

import numpy as np
from scipy import sparse

from understory.core.errors import InputError
from understory.data.predictions import highest
from understory.evaluation.label_matrices import dense, present_labels

# Present labels that a class has to have for a threshold of its own.
FEW = 10
# Thresholds that are tried where classes share one.
TRIED = 64
# Rounds through all classes, at most.
ROUNDS = 20
# A gain in the sum of the rows' F1 that is none.
ROUNDING = 1e-9


def fit(labels, predictions, *, classes, none: str | None = "nocall") -> np.ndarray:
    """The thresholds that give the highest mean F1 of the rows (`understory.evaluation.metrics.row_f1`), as far as is found.

    Coordinate ascent: one threshold after the other is set to the best for all others as they are, which is exact, as
    the gains of the rows are summed up from the highest probability down. It begins with `none` everywhere, which it
    so never falls below, and ends where nothing gains, or after `ROUNDS`. Classes with fewer than `FEW` present labels
    share one threshold: they have too few to tell a good one from a lucky one. Of equally good ones, the highest.

    Parameters
    ----------
    labels : numpy.ndarray or understory.data.labels.Labels
        (rows, classes): 1 present, anything else not.
    predictions : numpy.ndarray or scipy.sparse.csr_array
        Probabilities (rows, classes).
    classes : sequence of str
    none : str or None
        The class of rows that have no other; None, or a class that is not there, where such rows have no label.

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
    """The labels of each row, in the order of the classes.

    Parameters
    ----------
    predictions : numpy.ndarray or scipy.sparse.csr_array
        Probabilities (rows, classes).
    thresholds : sequence of float or None
        As `fit` gives them; None: the class that is highest, and no other.
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


def crossfit(labels, predictions, folds, *, classes, none: str | None = "nocall") -> list[list[str]]:
    """The labels of each row, by thresholds that are fitted to the rows of all other folds.

    So the score of these decisions has chosen nothing: a row has no part in what is decided of it.

    Parameters
    ----------
    labels, predictions, classes, none
        As for `fit`; predictions are out of fold.
    folds : sequence of int
        The fold of each row.

    Raises
    ------
    InputError
        There is one fold only.
    """
    present, predictions, folds = dense(present_labels(labels)), dense(predictions), np.asarray(folds)
    if len(found := np.unique(folds)) == 1:
        raise InputError(
            f"thresholds: expected validated rows in two folds or more to fit them with, found fold {found[0]} alone"
        )
    decided: list[list[str]] = [[] for _ in folds]
    for fold in found:
        inside = np.flatnonzero(folds == fold)
        others = folds != fold
        thresholds = fit(present[others], predictions[others], classes=classes, none=none)
        for row, names in zip(
            inside, decide(predictions[inside], thresholds, classes, none=none), strict=True
        ):
            decided[row] = names
    return decided


def indicator(decisions, classes) -> sparse.csr_array:
    """Decisions as `understory.evaluation.metrics.row_f1` wants them: bool (rows, classes)."""
    column = {name: number for number, name in enumerate(classes)}
    columns = [column[name] for names in decisions for name in names]
    rows = np.repeat(np.arange(len(decisions)), [len(names) for names in decisions])
    return sparse.csr_array(
        (np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(decisions), len(classes))
    )


class _ThresholdFit:
    """What is decided of each row so far: how many labels but `none`, how many of them rightly, and whether `none`."""

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
        """The F1 of each row that has so many labels but `none`, and so many of them rightly."""
        if self.none is not None:
            with_none = (self.passed_none if passed_none is None else passed_none) | (decided == 0)
            decided, right = decided + with_none, right + (with_none & self.is_none)
        either = decided + self.truly
        return np.divide(2 * right, either, out=np.ones(either.shape), where=either > 0)

    def score(self):
        return self.f1(self.decided, self.right).sum()

    def improve(self, number):
        """Set the threshold of one class to the best for the others as they are."""
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
        """Set the threshold of `none` to the best for the others as they are."""
        if self.none is None:
            return
        values = self.predictions[:, self.none]
        each = [self.f1(self.decided, self.right, np.full(len(values), passed)) for passed in (True, False)]
        self.thresholds[self.none] = _best_cut(values, each[0] - each[1])
        self.passed_none = values > self.thresholds[self.none]

    def improve_rare(self):
        """Set the threshold that the rare classes share to the best of `TRIED` for the others as they are."""
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
    """The threshold above which the gains of the rows sum up to the most, halfway between two values."""
    order = np.argsort(-values, kind="stable")
    values, total = values[order].astype(float), np.cumsum(gains[order])
    # A cut lies behind the last of equal values; what is zero is never decided.
    below = np.append(np.maximum(values[1:], 0), 0)
    total[values <= below] = -np.inf
    last = int(total.argmax()) if len(total) else 0
    if not len(total) or total[last] <= ROUNDING:
        return 1.0
    return _between(values[last], below[last])


def _between(high, low):
    """A threshold that `high` is above and `low` is not."""
    return float(min(max(low, (high + low) / 2), np.nextafter(high, 0)))


def _spread(values):
    """Thresholds from 1 down that about 0, 1, 2, … of the values are above, in equal ratios, up to all of them."""
    yield 1.0
    ordered = np.sort(values[values > 0].astype(float))
    if not len(ordered):
        return
    counts = np.geomspace(1, len(ordered), TRIED).round().astype(int)
    for value in np.unique(ordered[-counts])[::-1]:
        lower = np.searchsorted(ordered, value)
        yield _between(value, ordered[lower - 1] if lower else 0.0)
