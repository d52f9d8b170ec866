"""Score predictions as the task of a data set asks."""

import numpy as np

from understory.data import predictions
from understory.data.labels import Labels
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import ensemble
from understory.evaluation.intervals import Interval, bootstrap_interval
from understory.evaluation.metric import Metric
from understory.evaluation.thresholds import crossfit, decide, fit, indicator

# By fold, the threshold of each class for the fold's rows.
ByFold = dict[int, dict[str, float]]


def scored_predictions(task: Task, oof: Predictions) -> Predictions:
    """Out-of-fold predictions as they are scored: of examples, or of recordings by the mean of their examples.

    A recording has the keys of its first example.
    """
    if task.scored == "example":
        return oof
    means = ensemble.by_recording(oof, method="mean", top_k=1)
    first = oof.keys.drop_duplicates("recording_id").set_index("recording_id")
    keys = first.loc[means.keys.recording_id].reset_index()
    return Predictions(keys, means.values, means.classes)


def labels_of(task: Task, keys) -> Labels:
    """The labels of rows with a column `present`."""
    return Labels(keys[["present"]], task.classes, exhaustive=task.exhaustive)


def with_truth(task: Task, tested: Predictions, truth):
    """The truth of predictions by a table, float64 (rows, classes), and these predictions: of rows that the table has."""
    found = tested.keys.merge(truth, how="left", validate="one_to_one")[task.classes].to_numpy(dtype=float)
    rows = np.flatnonzero(~np.isnan(found).all(axis=1))
    return found[rows], tested.take(rows)


def thresholds(task: Task, scored: Predictions, fixed: float | None) -> dict[str, float] | None:
    """The threshold of each class: the fixed one, or those that score out-of-fold predictions best.

    None where the metric takes probabilities.
    """
    if not Metric(task.metric).decided:
        return None
    if fixed is not None:
        return dict.fromkeys(task.classes, fixed)
    fitted = fit(labels_of(task, scored.keys), scored.values, classes=task.classes, none=task.none)
    return dict(zip(task.classes, map(float, fitted), strict=True))


def decided(task: Task, scored: Predictions, thresholds: dict[str, float] | None) -> list[list[str]] | None:
    """The classes decided for each row; None where the metric takes probabilities."""
    if not Metric(task.metric).decided:
        return None
    by_class = [thresholds[label] for label in task.classes]
    return decide(scored.values, by_class, task.classes, none=task.none)


def outputs(task: Task, scored: Predictions, thresholds: dict[str, float] | None):
    """What the metric takes: the predictions, or the decisions by thresholds."""
    names = decided(task, scored, thresholds)
    return scored.values if names is None else indicator(names, task.classes)


def held_out_thresholds(task: Task, scored: Predictions, fixed: float | None) -> ByFold | None:
    """By fold, the threshold of each class for its rows: the fixed one, or those fitted to the other folds.

    A row that is scored so has no part in its thresholds. None where the metric takes probabilities.
    """
    if not Metric(task.metric).decided:
        return None
    if fixed is not None:
        return {int(fold): dict.fromkeys(task.classes, fixed) for fold in np.unique(scored.keys.fold)}
    labels, folds = labels_of(task, scored.keys), scored.keys.fold
    found = crossfit(labels, scored.values, folds, classes=task.classes, none=task.none)
    return {fold: dict(zip(task.classes, map(float, cuts), strict=True)) for fold, cuts in found.items()}


def held_out(task: Task, scored: Predictions, by_fold: ByFold | None):
    """What the metric takes of out-of-fold predictions: themselves, or decisions by the thresholds of each row's fold."""
    if by_fold is None:
        return scored.values
    names: list[list[str]] = [[] for _ in range(len(scored))]
    for fold, cuts in by_fold.items():
        rows = np.flatnonzero(scored.keys.fold == fold)
        for row, own in zip(rows, decided(task, scored.take(rows), cuts), strict=True):
            names[row] = own
    return indicator(names, task.classes)


def score(task: Task, labels, outputs) -> float:
    """The score of what the metric takes."""
    return Metric(task.metric).score(labels, outputs)


def baseline(task: Task, labels) -> float | None:
    """The score where every row is decided to have the class `none` alone; None where the task has no such class."""
    if not Metric(task.metric).decided or task.none not in task.classes:
        return None
    return score(task, labels, indicator([[task.none]] * len(labels), task.classes))


def scored_by_fold(task: Task, oof: Predictions) -> dict[int, Predictions]:
    """The scored predictions of each fold by its number.

    Where they are decided by thresholds, a recording with examples in several folds is in that of the first one, as its
    thresholds are.
    """
    if Metric(task.metric).decided:
        scored = scored_predictions(task, oof)
        folds = scored.keys.fold.to_numpy()
        return {int(fold): scored.take(np.flatnonzero(folds == fold)) for fold in np.unique(folds)}
    return {
        int(fold): scored_predictions(task, oof.take((oof.keys.fold == fold).to_numpy().nonzero()[0]))
        for fold in sorted(oof.keys.fold.unique())
    }


def scores_by_fold(task: Task, oof: Predictions, fixed: float | None) -> dict[int, float]:
    """The score of each fold of a model's out-of-fold predictions."""
    parts = scored_by_fold(task, oof)
    if not parts:
        return {}
    cuts = held_out_thresholds(task, predictions.concatenate(list(parts.values())), fixed)
    return {
        fold: score(task, labels_of(task, part.keys), held_out(task, part, cuts))
        for fold, part in parts.items()
    }


def out_of_fold(task: Task, keys, outputs, *, seed: int) -> tuple[float, Interval]:
    """The score of all folds together, and its 95 % bootstrap interval over the recordings.

    Parameters
    ----------
    task : Task
    keys : pandas.DataFrame
        Of the scored rows.
    outputs : numpy.ndarray or scipy.sparse.csr_array
        What the metric takes of them, as `held_out` gives it.
    seed : int
    """
    labels, metric = labels_of(task, keys), Metric(task.metric)
    interval = bootstrap_interval(metric, labels, outputs, keys.recording_id, seed=seed)
    return score(task, labels, outputs), interval
