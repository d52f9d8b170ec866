"""Scoring predictions as a data set's task asks."""

from understory.data import predictions
from understory.data.labels import Labels
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import ensemble, metrics
from understory.evaluation.thresholds import crossfit, decide, fit, indicator

# Scores of labels that are decided, and not of probabilities.
DECIDED = ("row_f1",)


def judged(task: Task, found: Predictions) -> Predictions:
    """Out-of-fold predictions as they are scored; a recording's keys are those of its first example."""
    if task.scored == "example":
        return found
    means = ensemble.by_recording(found, method="mean", top_k=1)
    first = found.keys.drop_duplicates("recording_id").set_index("recording_id")
    keys = first.loc[means.keys.recording_id].reset_index()
    return Predictions(keys, means.values, means.classes)


def labels_of(task: Task, keys) -> Labels:
    """What is known of rows with a column `present`."""
    return Labels(keys[["present"]], task.classes, exhaustive=task.exhaustive)


def truth_of(task: Task, keys, truth):
    """What is known of rows of predictions, by a table of their truth: float64 (rows, classes), NaN where it has none."""
    return keys.merge(truth, how="left", validate="one_to_one")[task.classes].to_numpy(dtype=float)


def thresholds(task: Task, found: Predictions, fixed: float | None) -> dict[str, float] | None:
    """The thresholds that out-of-fold predictions are decided best by, by class, or a fixed one; None where none are
    needed."""
    if task.metric not in DECIDED:
        return None
    if fixed is not None:
        return dict.fromkeys(task.classes, fixed)
    fitted = fit(labels_of(task, found.keys), found.values, classes=task.classes, none=task.none)
    return dict(zip(task.classes, map(float, fitted), strict=True))


def decided(task: Task, found: Predictions, thresholds: dict[str, float] | None) -> list[list[str]] | None:
    """The classes that are decided for each row; None where none are."""
    if task.metric not in DECIDED:
        return None
    cuts = [thresholds[label] for label in task.classes]
    return decide(found.values, cuts, task.classes, none=task.none)


def outputs(task: Task, found: Predictions, thresholds: dict[str, float]):
    """What the metric is told of predictions: themselves, or what is decided by thresholds."""
    if task.metric not in DECIDED:
        return found.values
    return indicator(decided(task, found, thresholds), task.classes)


def held_out(task: Task, found: Predictions, fixed: float | None):
    """What the metric is told of out-of-fold predictions: themselves, or what is decided by a fixed threshold or else by
    thresholds that were fitted to the other folds, so that what is scored has chosen nothing."""
    if task.metric not in DECIDED:
        return found.values
    if fixed is not None:
        names = decided(task, found, dict.fromkeys(task.classes, fixed))
    else:
        names = crossfit(
            labels_of(task, found.keys), found.values, found.keys.fold, classes=task.classes, none=task.none
        )
    return indicator(names, task.classes)


def score(task: Task, labels, outputs) -> float:
    return metrics.SCORES[task.metric](labels, outputs)


def floor(task: Task, labels) -> float | None:
    """The score of rows that are all said to have nothing but the class `none`; None where the task has no such class."""
    if task.metric not in DECIDED or task.none not in task.classes:
        return None
    return score(task, labels, indicator([[task.none]] * len(labels), task.classes))


def by_fold(task: Task, found: Predictions, fixed: float | None):
    """Of each fold of out-of-fold predictions its number, the keys of what is scored, and the outputs."""
    if not len(found):
        return
    numbers = sorted(found.keys.fold.unique())
    parts = [judged(task, found.take((found.keys.fold == fold).to_numpy().nonzero()[0])) for fold in numbers]
    values, start = held_out(task, predictions.concatenate(parts), fixed), 0
    for fold, part in zip(numbers, parts, strict=True):
        yield int(fold), part.keys, values[start : start + len(part)]
        start += len(part)


def of_folds(task: Task, found: Predictions, fixed: float | None) -> dict[int, float]:
    """The score of each fold of a model's out-of-fold predictions."""
    folds = by_fold(task, found, fixed)
    return {fold: score(task, labels_of(task, keys), values) for fold, keys, values in folds}


def out_of_fold(
    task: Task, found: Predictions, fixed: float | None, *, seed: int
) -> tuple[float, metrics.Interval]:
    """The score of all folds together, and its 95 % interval when recordings are drawn anew."""
    rows = judged(task, found)
    labels, values = labels_of(task, rows.keys), held_out(task, rows, fixed)
    interval = metrics.bootstrap_interval(task.metric, labels, values, rows.keys.recording_id, seed=seed)
    return score(task, labels, values), interval
