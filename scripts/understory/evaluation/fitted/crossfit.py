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
from understory.evaluation.fitted import greedy, scale
from understory.evaluation.metric import Metric


class Fitted(NamedTuple):
    """How members are combined.

    Attributes
    ----------
    method : {"mean", "geometric", "rank"}
    weights : dict of str to float or None
        By the member's name; None: all the same.
    power : float
        Of the shares of the classes, by which their probabilities are scaled.
    factors : dict of str to float or None
        By class, what the odds are multiplied by; None where the power is 0.
    """

    method: str
    weights: dict[str, float] | None = None
    power: float = 0.0
    factors: dict[str, float] | None = None

    def combine(self, task: Task, parts: list[Predictions], names: list[str]) -> Predictions:
        """The ensemble of predictions of the same rows, of which each is by the member whose name has its place in `names`.

        A member may have several, as many as each other: the models of its folds.
        """
        own = None
        if self.weights:
            own = [self.weights[name] / names.count(name) for name in names]
        found = ensemble.combined(parts, method=self.method, weights=own)
        if self.factors:
            factors = np.array([self.factors[label] for label in task.classes])
            found = Predictions(found.keys, scale.scaled(found.values, factors), found.classes)
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
    thresholds : dict of int to dict, or None
        By fold, the threshold of each class for its rows; None where the metric takes probabilities.
    """

    oof: Predictions
    keys: pd.DataFrame
    outputs: np.ndarray
    by_fold: dict[int, Fitted]
    thresholds: scoring.ByFold | None


def fit(
    task: Task, members: dict[str, Predictions], folds: pd.DataFrame, settings: dict, fixed: float | None
) -> Fitted:
    """Fit an ensemble to out-of-fold predictions: first the weights, then the power with these.

    Parameters
    ----------
    task : Task
    members : dict of str to Predictions
        Those of each member, of the same examples.
    folds : pandas.DataFrame
        `label` and `presence` of the training examples whose labels tell how frequent classes are.
    settings : dict
        `ensemble` in the configuration.
    fixed : float or None
        The threshold of all classes; None for thresholds that are fitted to the same rows.

    Raises
    ------
    InputError
        There are no rows to fit to, or the members are not of the same rows.
    """
    names, parts = list(members), list(members.values())
    greedily = settings["weights"] == "greedy" and len(members) > 1
    fitted, power = Fitted(settings["folds"]), settings["prior_power"]
    if greedily or power == "fitted":
        if not len(parts[0]):
            key = "ensemble.weights to equal" if greedily else "ensemble.prior_power to 0"
            raise InputError(
                "ensemble: expected validated examples in two folds or more to fit to, found one fold alone: "
                f"set {key}"
            )
        score = _score(task, parts[0].keys, fixed)
    if greedily:
        values = dict(zip(names, ensemble.align(parts), strict=True))
        fitted = fitted._replace(weights=greedy.weights(values, score, method=settings["folds"]))
    shares = scale.shares(folds, task.classes)
    if power == "fitted":
        power = scale.power(fitted.combine(task, parts, names).values, shares, score)
    if power:
        factors = dict(zip(task.classes, scale.factors(shares, power).tolist(), strict=True))
        fitted = fitted._replace(power=power, factors=factors)
    return fitted


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
    task: Task,
    members: dict[str, Predictions],
    folds: pd.DataFrame,
    settings: dict,
    fixed: float | None,
    *,
    seed: int,
) -> tuple[OutOfFold, Fitted, dict]:
    """An ensemble out of fold, the one that predicts other recordings, and what `scores.json` tells of both.

    Where members are weighted or classes scaled, that is also the score of the plain ensemble without either, and the
    difference, with its 95 % bootstrap interval over recordings, of which both scores are computed on the same draws.

    Parameters
    ----------
    task, members, settings, fixed
        As for `fit`.
    folds : pandas.DataFrame
        `label`, `presence` and `fold` of the training examples.
    seed : int
    """
    plain = Fitted(settings["folds"])
    oof = plain.combine(task, list(members.values()), list(members))
    scored = scoring.scored_predictions(task, oof)
    cuts = scoring.held_out_thresholds(task, scored, fixed)
    usual = OutOfFold(oof, scored.keys, scoring.held_out(task, scored, cuts), {}, cuts)
    fitted = fit(task, members, folds, settings, fixed)
    changed = fitted != plain or settings["prior_power"] == "fitted"
    found = out_of_fold(task, members, folds, settings, fixed) if changed else usual
    score, interval = scoring.out_of_fold(task, found.keys, found.outputs, seed=seed)
    told = {"oof": score, "oof_interval": interval._asdict()}
    if changed:
        labels, groups = scoring.labels_of(task, scored.keys), scored.keys.recording_id
        own, both = scoring.score(task, labels, usual.outputs), (found.outputs, usual.outputs)
        interval = intervals.paired_interval(Metric(task.metric), labels, *both, groups, seed=seed)
        told["plain"] = {"oof": own, "difference": score - own, "interval": interval._asdict()}
        told |= {"weights": fitted.weights, "prior_power": fitted.power}
    return found, fitted, told


def out_of_fold(
    task: Task, members: dict[str, Predictions], folds: pd.DataFrame, settings: dict, fixed: float | None
) -> OutOfFold:
    """Combine out-of-fold predictions, each fold's by what is fitted to the others, thresholds included.

    Parameters
    ----------
    task, members, folds, settings, fixed
        As for `scores`.
    """
    names, parts = list(members), list(members.values())
    fold_of = parts[0].keys.fold.to_numpy()
    by_fold, by_cuts, examples, rows, places, outputs = {}, {}, [], [], [], []
    for number in np.unique(fold_of):
        own, others = np.flatnonzero(fold_of == number), np.flatnonzero(fold_of != number)
        known = {name: part.take(others) for name, part in members.items()}
        fitted = fit(task, known, folds[folds.fold != number], settings, fixed)
        whole = fitted.combine(task, parts, names)
        scored = scoring.scored_predictions(task, whole)
        inside = (scored.keys.fold == number).to_numpy()
        cuts = scoring.thresholds(task, scored.take(np.flatnonzero(~inside)), fixed)
        by_fold[int(number)], by_cuts[int(number)] = fitted, cuts
        examples.append(own)
        rows.append(whole.take(own))
        places.append(np.flatnonzero(inside))
        outputs.append(scoring.outputs(task, scored.take(places[-1]), cuts))
    oof = predictions.concatenate(rows).take(np.argsort(np.concatenate(examples)))
    order = np.argsort(np.concatenate(places))
    decided = by_cuts if Metric(task.metric).decided else None
    return OutOfFold(oof, scored.keys, ranking.stacked(outputs)[order], by_fold, decided)


def thresholds(
    task: Task, members: dict[str, Predictions], fitted: Fitted, fixed: float | None
) -> dict[str, float] | None:
    """The thresholds of the ensemble that predicts other recordings, as `scoring.thresholds` gives them.

    Those of the folds, by which it is scored, are each of another ensemble.
    """
    whole = fitted.combine(task, list(members.values()), list(members))
    return scoring.thresholds(task, scoring.scored_predictions(task, whole), fixed)
