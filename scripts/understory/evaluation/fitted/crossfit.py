"""What of an ensemble is fitted to labels, and the score that it has on rows that had no part in the fit."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from understory.core.errors import InputError
from understory.data import predictions, ranking
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import ensemble, intervals, scoring
from understory.evaluation.fitted import greedy
from understory.evaluation.metric import Metric


class Fitted(NamedTuple):
    """How members are combined.

    Attributes
    ----------
    method : {"mean", "geometric", "rank"}
    weights : dict of str to float or None
        By the member's name; None: all the same.
    """

    method: str
    weights: dict[str, float] | None = None

    def combine(self, task: Task, parts: list[Predictions], names: list[str]) -> Predictions:
        """The ensemble of predictions of the same rows, of which each is by the member whose name has its place in `names`.

        A member may have several, as many as each other: the models of its folds.
        """
        own = None
        if self.weights:
            own = [self.weights[name] / names.count(name) for name in names]
        found = ensemble.combined(parts, method=self.method, weights=own)
        return ensemble.without(found, task.untrained)


class OutOfFold(NamedTuple):
    """An ensemble out of fold, each row of it by what was fitted to the other folds.

    Attributes
    ----------
    oof : Predictions
        Of examples.
    keys : pandas.DataFrame
        Of the scored rows.
    outputs : numpy.ndarray or scipy.sparse.csr_array
        What the metric takes of these.
    by_fold : dict of int to Fitted
        What was fitted to all other folds.
    """

    oof: Predictions
    keys: pd.DataFrame
    outputs: np.ndarray
    by_fold: dict[int, Fitted]


def fit(task: Task, members: dict[str, Predictions], settings: dict, fixed: float | None) -> Fitted:
    """Fit an ensemble to out-of-fold predictions.

    Parameters
    ----------
    task : Task
    members : dict of str to Predictions
        Those of each member, of the same examples.
    settings : dict
        `ensemble` in the configuration.
    fixed : float or None
        The threshold of all classes; None for thresholds that are fitted to the same rows.

    Raises
    ------
    InputError
        There are no rows to fit to, or the members are not of the same rows.
    """
    plain = Fitted(settings["folds"])
    if settings["weights"] == "equal" or len(members) == 1:
        return plain
    keys = next(iter(members.values())).keys
    if not len(keys):
        raise InputError(
            "ensemble.weights: expected validated examples in two folds or more to fit weights with, found one "
            "fold alone: set ensemble.weights to equal"
        )
    values = dict(zip(members, ensemble.align(list(members.values())), strict=True))
    weights = greedy.weights(values, _score(task, keys, fixed), method=settings["folds"])
    return plain._replace(weights=weights)


def _score(task, keys, fixed):
    """A function of predictions of examples with these keys: their score, with thresholds of their own where there are any."""
    blank = Predictions(keys, sparse.csr_array((len(keys), len(task.classes))), task.classes)
    labels = scoring.labels_of(task, scoring.scored_predictions(task, blank).keys)
    # Once, as it is called thousands of times.
    metric = Metric(task.metric)

    def score(values):
        scored = scoring.scored_predictions(task, Predictions(keys, values, task.classes))
        if not metric.decided:
            return metric.score(labels, scored.values)
        return metric.score(labels, scoring.outputs(task, scored, scoring.thresholds(task, scored, fixed)))

    return score


def scores(
    task: Task, members: dict[str, Predictions], settings: dict, fixed: float | None, *, seed: int
) -> tuple[OutOfFold, Fitted, dict]:
    """An ensemble out of fold, the one that predicts other recordings, and what `scores.json` tells of both.

    Where something is fitted, that is also the score of the plain ensemble, in which members have the same weights, and the
    difference, with its 95 % bootstrap interval over recordings, of which both scores are computed on the same draws.

    Parameters
    ----------
    task, members, settings, fixed
        As for `fit`.
    seed : int
    """
    plain = Fitted(settings["folds"])
    oof = plain.combine(task, list(members.values()), list(members))
    scored = scoring.scored_predictions(task, oof)
    usual = OutOfFold(oof, scored.keys, scoring.held_out(task, scored, fixed), {})
    fitted = fit(task, members, settings, fixed)
    found = usual if fitted == plain else out_of_fold(task, members, settings, fixed)
    score, interval = scoring.out_of_fold(task, found.keys, found.outputs, seed=seed)
    told = {"oof": score, "oof_interval": interval._asdict()}
    if fitted != plain:
        labels, groups = scoring.labels_of(task, scored.keys), scored.keys.recording_id
        own, both = scoring.score(task, labels, usual.outputs), (found.outputs, usual.outputs)
        interval = intervals.paired_interval(Metric(task.metric), labels, *both, groups, seed=seed)
        told["plain"] = {"oof": own, "difference": score - own, "interval": interval._asdict()}
        told["weights"] = fitted.weights
    return found, fitted, told


def out_of_fold(
    task: Task, members: dict[str, Predictions], settings: dict, fixed: float | None
) -> OutOfFold:
    """Combine out-of-fold predictions, each fold's by what is fitted to the others, thresholds included.

    Parameters
    ----------
    task, members, settings, fixed
        As for `fit`.
    """
    names, parts = list(members), list(members.values())
    fold_of = parts[0].keys.fold.to_numpy()
    by_fold, examples, rows, places, outputs = {}, [], [], [], []
    for number in np.unique(fold_of):
        own, others = np.flatnonzero(fold_of == number), np.flatnonzero(fold_of != number)
        fitted = fit(task, {name: part.take(others) for name, part in members.items()}, settings, fixed)
        whole = fitted.combine(task, parts, names)
        scored = scoring.scored_predictions(task, whole)
        inside = (scored.keys.fold == number).to_numpy()
        cuts = scoring.thresholds(task, scored.take(np.flatnonzero(~inside)), fixed)
        by_fold[int(number)] = fitted
        examples.append(own)
        rows.append(whole.take(own))
        places.append(np.flatnonzero(inside))
        outputs.append(scoring.outputs(task, scored.take(places[-1]), cuts))
    oof = predictions.concatenate(rows).take(np.argsort(np.concatenate(examples)))
    order = np.argsort(np.concatenate(places))
    return OutOfFold(oof, scored.keys, ranking.stacked(outputs)[order], by_fold)
