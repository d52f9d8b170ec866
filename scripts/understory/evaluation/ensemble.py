"""Combine predictions of windows into one per recording, and predictions of folds and models into one."""

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata

from understory.core.errors import InputError
from understory.data import ranking
from understory.data.predictions import Predictions

# The lowest probability in a mean of logarithms.
FLOOR = 1e-7


def by_recording(windows: Predictions, *, method: str, top_k: int) -> Predictions:
    """Combine the rows of a recording's windows into one row.

    Parameters
    ----------
    windows : Predictions
        With the key `recording_id`.
    method : {"max", "mean", "top_k_mean", "votes"}
        `top_k_mean` is the mean of each class's `top_k` highest values, `votes` the share of windows whose highest class
        it is.

    Returns
    -------
    Predictions
        With the key `recording_id`, in ascending order.
    """
    codes, names = pd.factorize(windows.keys.recording_id, sort=True)
    values, count = windows.values, np.bincount(codes, minlength=len(names))
    if method == "votes":
        votes = _summed(np.ones(len(codes)), codes, ranking.highest(values), (len(names), values.shape[1]))
        votes.data /= count[ranking.rows_of(votes)]
        combined = votes if sparse.issparse(values) else votes.toarray()
    elif sparse.issparse(values):
        most = {"max": 1, "mean": count.max(initial=1), "top_k_mean": top_k}[method]
        combined = _mean_of_highest(values, codes, np.minimum(most, count))
    else:
        grouped = pd.DataFrame(values).groupby(codes)
        if method == "top_k_mean":
            combined = grouped.agg(lambda each: np.sort(each.to_numpy())[-top_k:].mean()).to_numpy()
        else:
            combined = grouped.agg(method).to_numpy()
    return Predictions(pd.DataFrame({"recording_id": names}), combined, windows.classes)


def _mean_of_highest(values, codes, number):
    """The mean of the highest `number` (groups,) values of each class in each group of rows; missing values are 0."""
    rows = codes[ranking.rows_of(values)]
    entries = np.lexsort((ranking.descending(values.data), values.indices, rows))
    rows, columns = rows[entries], values.indices[entries].astype(np.int64)
    chosen = ranking.places(rows * values.shape[1] + columns) < number[rows]
    shape = len(number), values.shape[1]
    means = _summed(values.data[entries[chosen]].astype(np.float64), rows[chosen], columns[chosen], shape)
    means.data /= number[ranking.rows_of(means)]
    return means


def _summed(parts, rows, columns, shape):
    """A sparse array (CSR) in which values of the same cell are added up."""
    return sparse.csr_array((parts, (rows, columns)), shape=shape)


def priors(folds: pd.DataFrame, classes) -> pd.Series:
    """The share of each class among the present examples of `folds`, by `label`, without those that validate no fold."""
    present = folds.label[(folds.presence == "present") & (folds.fold >= 0)]
    return present.value_counts(normalize=True).reindex(list(classes), fill_value=0.0)


def with_priors(known: Predictions, names, priors) -> Predictions:
    """Add a row with the classes' priors for each recording of `names` without predictions.

    `priors` maps each class to its share; where it is None, such a row has no probabilities (NaN; sparse, none). They are scaled down so far that no class of such a row is above the lowest
    prediction of that class: sorted by probability, recordings that could not be read come last. `recording_id` is the only
    key of such a row: where rows are windows, its `start` and `stop` are NaN. In sparse predictions it has at most as many
    classes as the other rows. Rows are ordered by keys.
    """
    keys, values = known.keys, known.values
    others = sorted(set(names) - set(keys.recording_id))
    if priors is None:
        rows = np.full((1, len(known.classes)), 0.0 if sparse.issparse(values) else np.nan)
    else:
        rows = np.array([[priors[label] for label in known.classes]])
        rows = _below(rows, values)
    if sparse.issparse(values):
        rows = ranking.top_k(rows, int(np.diff(values.indptr).max(initial=1)))
    added = {column: others if column == "recording_id" else [np.nan] * len(others) for column in keys}
    keys = pd.DataFrame({column: [*keys[column], *added[column]] for column in keys})
    order = keys.sort_values(list(keys), kind="stable").index
    values = ranking.stacked([values, rows[np.zeros(len(others), dtype=int)]])
    return Predictions(keys, values, known.classes).take(order)


def _below(priors, values):
    """Priors (1, classes) times the factor by which they are at most the lowest value of their class, or `FLOOR`."""
    if not values.shape[0]:
        return priors
    if sparse.issparse(values):
        return priors * FLOOR
    lowest, known = values.min(axis=0), priors[0] > 0
    factor = np.clip((lowest[known] / priors[0, known]).min(initial=1.0), FLOOR, 1.0)
    # A product may be above the value by a rounding error.
    return np.minimum(priors * factor, np.maximum(lowest, priors * FLOOR))


def without(predictions: Predictions, classes) -> Predictions:
    """Predictions in which the classes named, for which there was no example to learn from, have probability 0."""
    named = np.isin(predictions.classes, list(classes))
    if not named.any():
        return predictions
    values = predictions.values.copy()
    if sparse.issparse(values):
        values.data[named[values.indices]] = 0
        values.eliminate_zeros()
    else:
        values[:, named] = 0
    return Predictions(predictions.keys, values, predictions.classes)


def combine(members, *, method: str, weights=None):
    """The ensemble of predictions of equal shape (rows, classes).

    Parameters
    ----------
    members : sequence of numpy.ndarray or scipy.sparse.csr_array
        Probabilities.
    method : {"mean", "geometric", "rank"}
        `geometric`: exp of the mean logarithm, where probabilities below 1e-7, and those a sparse member lacks, count as
        1e-7;
        `rank`: the mean of each class's rank among the rows, from 1/rows to 1, ties sharing theirs.
    weights : sequence of float, optional
        Of each member in the mean, at least 0, with a sum of 1; None: all the same.

    Returns
    -------
    numpy.ndarray or scipy.sparse.csr_array
        float64; sparse where a member is, and then 0 where no member with a weight has a value.

    Raises
    ------
    InputError
        The method is `rank` and a member is sparse.
    """
    return joined(parts_of(members, method=method), method=method, weights=weights)


def parts_of(members, *, method: str) -> list:
    """What `joined` takes the mean of, a part for each member: probabilities, their logarithms or ranks, float64."""
    if any(map(sparse.issparse, members)):
        return [_sparse_part(sparse.csr_array(member, dtype=np.float64), method) for member in members]
    arrays = [np.asarray(member, dtype=np.float64) for member in members]
    if method == "geometric":
        return [np.log(np.maximum(array, FLOOR)) for array in arrays]
    if method == "rank":
        return [rankdata(array, axis=0) / max(array.shape[0], 1) for array in arrays]
    return arrays


def _sparse_part(member, method):
    if method == "rank":
        raise InputError(
            "ensemble.folds: expected mean or geometric, given rank: only the highest predictions of each row are kept "
            "(predictions.top_k), and the others have no rank"
        )
    if method == "geometric":
        # Relative to FLOOR, so that a missing value adds nothing.
        parts = np.log(np.maximum(member.data, FLOOR) / FLOOR), member.indices, member.indptr
        return sparse.csr_array(parts, shape=member.shape)
    return member


def joined(parts, *, method: str, weights=None):
    """The ensemble, as `combine` gives it, of parts that `parts_of` gave."""
    if weights is None:
        mean = sum(parts[1:], parts[0]) / len(parts) if sparse.issparse(parts[0]) else np.mean(parts, axis=0)
    else:
        weighted = [part * weight for part, weight in zip(parts, weights, strict=True) if weight]
        mean = sum(weighted[1:], weighted[0])
    if method == "geometric" and sparse.issparse(mean):
        return sparse.csr_array((FLOOR * np.exp(mean.data), mean.indices, mean.indptr), shape=mean.shape)
    return np.exp(mean) if method == "geometric" else mean


def combined(members, *, method: str, weights=None) -> Predictions:
    """The ensemble of predictions of the same rows, with weights as `combine` takes them."""
    first = members[0]
    return Predictions(first.keys, combine(align(members), method=method, weights=weights), first.classes)


def align(members) -> list:
    """The values of predictions; InputError unless all have the same keys in the same order."""
    first = members[0].keys
    for member in members[1:]:
        if not member.keys.equals(first):
            raise InputError(
                "the predictions of models or folds are not of the same rows: "
                "delete predictions/ in the results to compute them again"
            )
    return [member.values for member in members]
