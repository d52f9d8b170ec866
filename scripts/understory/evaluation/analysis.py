"""Curves, class scores and confusions of the rows that a score is computed from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from understory.data import ranking
from understory.data.labels import Labels
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import curves, scoring
from understory.evaluation.metric import Metric
from understory.evaluation.scoring import ByFold

# How many of the most frequent confusions are listed.
PAIRS = 20
# Of more than CLASSES, only the EXTREMES best- and worst-scored are drawn.
CLASSES, EXTREMES = 40, 12


@dataclass(frozen=True)
class ScoredRows:
    """The rows that are scored.

    Attributes
    ----------
    keys : pandas.DataFrame
    labels : numpy.ndarray or Labels
        As the metric takes them.
    known : numpy.ndarray or Labels
        All that is known: labels that an expert rejected are absent, even where labels without an annotation are unknown.
    values : numpy.ndarray or scipy.sparse.csr_array
        Probabilities (rows, classes).
    outputs : numpy.ndarray or scipy.sparse.csr_array
        What the metric takes: the probabilities, or decisions.
    """

    keys: pd.DataFrame
    labels: np.ndarray | Labels
    known: np.ndarray | Labels
    values: np.ndarray | sparse.csr_array
    outputs: np.ndarray | sparse.csr_array

    def __len__(self):
        return len(self.keys)

    def known_of(self, column: int) -> np.ndarray:
        """The known labels of a class: (rows,)."""
        if isinstance(self.known, np.ndarray):
            return self.known[:, column]
        return self.known.at(np.arange(len(self)), np.full(len(self), column))

    def values_of(self, column: int) -> np.ndarray:
        """The predictions of a class: (rows,)."""
        return column_of(self.values, column)


def column_of(values, column: int) -> np.ndarray:
    """A column of a matrix, dense or sparse."""
    return values[:, [column]].toarray()[:, 0] if sparse.issparse(values) else values[:, column]


def out_of_fold(task: Task, oof: Predictions, index: pd.DataFrame, cuts: ByFold | None) -> ScoredRows:
    """The scored rows of out-of-fold predictions.

    Parameters
    ----------
    task : Task
    oof : Predictions
        Of examples.
    index : pandas.DataFrame
        The examples, indexed by `example_id`.
    cuts : dict or None
        By fold, the threshold of each class; None where the metric takes probabilities.
    """
    scored = scoring.scored_predictions(task, oof)
    known = Labels(index.loc[scored.keys.example_id], task.classes, exhaustive=task.exhaustive)
    labels = scoring.labels_of(task, scored.keys)
    return ScoredRows(scored.keys, labels, known, scored.values, scoring.held_out(task, scored, cuts))


def against_truth(task: Task, tested: Predictions, truth: pd.DataFrame, thresholds) -> ScoredRows:
    """The scored rows of predictions of test recordings whose truth is known."""
    labels, told = scoring.with_truth(task, tested, truth)
    outputs = scoring.outputs(task, told, thresholds)
    return ScoredRows(told.keys, labels, labels, told.values, outputs)


def class_scores(task: Task, rows: ScoredRows) -> np.ndarray:
    """The score of each class: float64 (classes,), NaN where there is none."""
    return Metric(task.metric).class_scores(rows.labels, rows.outputs)


def class_scores_by_fold(
    task: Task, oof: Predictions, numbers, cuts: ByFold | None
) -> tuple[np.ndarray, list[int]]:
    """The score of each class in each fold of `numbers`, (folds, classes), and the number of scored rows of each fold."""
    scores = np.full((len(numbers), len(task.classes)), np.nan)
    sizes = [0] * len(numbers)
    for fold, part in scoring.scored_by_fold(task, oof).items():
        place, outputs = numbers.index(fold), scoring.held_out(task, part, cuts)
        scores[place] = Metric(task.metric).class_scores(scoring.labels_of(task, part.keys), outputs)
        sizes[place] = len(part)
    return scores, sizes


def over_folds(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of each class's scores over the folds that have one."""
    # pandas ignores NaN, and returns NaN where there is nothing else.
    return pd.DataFrame(scores).mean().to_numpy(), pd.DataFrame(scores).std().to_numpy()


def precision_recall(rows: ScoredRows) -> curves.PrecisionRecall:
    return curves.precision_recall(rows.known, rows.values)


def precision_recall_of(rows: ScoredRows, column: int) -> curves.PrecisionRecall:
    """Of one class."""
    return curves.precision_recall(rows.known_of(column), rows.values_of(column))


def by_class(rows: ScoredRows, classes) -> dict[str, np.ndarray]:
    """The predictions of the second of two classes, by the true class."""
    known, values = rows.known_of(1), rows.values_of(1)
    return {label: values[known == present] for present, label in enumerate(classes)}


def roc(rows: ScoredRows) -> curves.Roc:
    """Of the second of two classes."""
    return curves.roc(rows.known_of(1), rows.values_of(1))


@dataclass(frozen=True)
class Confusion:
    """Present classes against decided or highest-predicted ones.

    Attributes
    ----------
    counts : scipy.sparse.csr_array
        (classes, classes): on the diagonal the true positives of a class; elsewhere rows where the first class is present
        and missed, and the second is decided and absent.
    present, decided : numpy.ndarray
        int (classes,): rows where the class is present, and where it is decided.
    """

    counts: sparse.csr_array
    present: np.ndarray
    decided: np.ndarray

    @property
    def right(self) -> np.ndarray:
        return self.counts.diagonal().astype(int)

    def pairs(self) -> list[tuple[int, int, int]]:
        """The most frequent confusions as (present, decided, count), the most frequent first, ties by class."""
        cells = self.counts.tocoo()
        wrong = np.flatnonzero((cells.row != cells.col) & (cells.data > 0))
        row, column, count = cells.row[wrong], cells.col[wrong], cells.data[wrong]
        order = np.lexsort((column, row, -count))[:PAIRS]
        return [(int(row[n]), int(column[n]), int(count[n])) for n in order]

    def shares(self) -> np.ndarray:
        """The counts as shares of the rows where the first class is present: dense, so for few classes."""
        return self.counts.toarray() / np.maximum(self.present, 1)[:, None]


def confusion(task: Task, rows: ScoredRows) -> Confusion:
    """Compare present with decided labels; where nothing is decided, a row's label with its highest prediction."""
    if Metric(task.metric).decided:
        present, decided = rows.labels.present, sparse.csr_array(rows.outputs)
    else:
        codes = pd.Categorical(rows.keys.label, categories=task.classes).codes
        present, decided = (
            _one_hot(each, rows.values.shape) for each in (codes, ranking.highest(rows.values))
        )
    present, decided = present.astype(int), decided.astype(int)
    right = present.multiply(decided)
    counts = sparse.csr_array((present - right).T @ (decided - right)) + sparse.diags_array(
        right.sum(axis=0), dtype=int
    )
    return Confusion(sparse.csr_array(counts), present.sum(axis=0), decided.sum(axis=0))


def _one_hot(columns, shape):
    return sparse.csr_array(
        (np.ones(len(columns), dtype=bool), (np.arange(len(columns)), columns)), shape=shape
    )


def extremes(means: np.ndarray) -> np.ndarray:
    """The classes to draw: all, or of many the best- and worst-scored, the best first."""
    if len(means) <= CLASSES:
        return np.arange(len(means))
    order = np.argsort(-np.nan_to_num(means, nan=-np.inf), kind="stable")
    scored = order[: np.isfinite(means).sum()]
    # Classes without a score are drawn only where too few have one.
    chosen = scored if len(scored) >= 2 * EXTREMES else order[: 2 * EXTREMES]
    return np.concatenate([chosen[:EXTREMES], chosen[-EXTREMES:]])
