"""From predictions of windows to one prediction a recording, over folds and models."""

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata

from understory.core.errors import InputError
from understory.data import predictions
from understory.data.predictions import Predictions

# Of a probability, where logarithms are averaged.
FLOOR = 1e-7


def by_recording(windows: Predictions, *, method: str, top_k: int) -> Predictions:
    """One row a recording from one row a window.

    Parameters
    ----------
    windows : Predictions
        `recording_id` is among their keys.
    method : {"max", "mean", "top_k_mean", "votes"}
        What of a recording's windows counts: `top_k_mean` averages each class's `top_k` highest, `votes` is the share
        of the windows whose highest class it is.

    Returns
    -------
    Predictions
        With the key `recording_id`, in ascending order.
    """
    codes, names = pd.factorize(windows.keys.recording_id, sort=True)
    values, count = windows.values, np.bincount(codes, minlength=len(names))
    if method == "votes":
        votes = _summed(
            np.ones(len(codes)), codes, predictions.highest(values), (len(names), values.shape[1])
        )
        votes.data /= count[predictions.rows_of(votes)]
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
    """Of each group of rows and class, the mean of the highest `number` (groups,), where what is not kept is 0."""
    rows = codes[predictions.rows_of(values)]
    entries = np.lexsort((predictions.descending(values.data), values.indices, rows))
    rows, columns = rows[entries], values.indices[entries].astype(np.int64)
    chosen = predictions.places(rows * values.shape[1] + columns) < number[rows]
    shape = len(number), values.shape[1]
    found = _summed(values.data[entries[chosen]].astype(np.float64), rows[chosen], columns[chosen], shape)
    found.data /= number[predictions.rows_of(found)]
    return found


def _summed(parts, rows, columns, shape):
    """A sparse array of sums, as what falls on the same cell is added up."""
    return sparse.csr_array((parts, (rows, columns)), shape=shape)


def priors(folds: pd.DataFrame, classes) -> pd.Series:
    """The share of the present examples that are cut for each class, from `label`, `presence` and `fold` of `folds`;
    what is never validated against is left out."""
    present = folds.label[(folds.presence == "present") & (folds.fold >= 0)]
    return present.value_counts(normalize=True).reindex(list(classes), fill_value=0.0)


def with_priors(found: Predictions, names, priors) -> Predictions:
    """The predictions with a row of the classes' priors for each other recording named.

    `priors` maps each class to its share. Such a row has no other key than its `recording_id`: where rows are windows, its `start` and `stop` are NaN. To sparse
    predictions it brings no more classes than they have in a row. Rows are ordered by their keys.
    """
    keys, values = found.keys, found.values
    others = sorted(set(names) - set(keys.recording_id))
    rows = np.array([[priors[label] for label in found.classes]])
    if sparse.issparse(values):
        rows = predictions.top_k(rows, int(np.diff(values.indptr).max(initial=1)))
    added = {column: others if column == "recording_id" else [np.nan] * len(others) for column in keys}
    keys = pd.DataFrame({column: [*keys[column], *added[column]] for column in keys})
    order = keys.sort_values(list(keys), kind="stable").index
    values = predictions.stacked([values, rows[np.zeros(len(others), dtype=int)]])
    return Predictions(keys, values, found.classes).take(order)


def combine(members, *, method: str):
    """The ensemble of predictions of equal shape (rows, classes).

    Parameters
    ----------
    members : sequence of numpy.ndarray or scipy.sparse.csr_array
        Probabilities.
    method : {"mean", "geometric", "rank"}
        `geometric`: exp of the mean logarithm, of probabilities of at least 1e-7, also of what a sparse member lacks;
        `rank`: the mean of each class's rank among the rows, from 1/rows to 1, ties sharing theirs.

    Returns
    -------
    numpy.ndarray or scipy.sparse.csr_array
        float64; sparse where a member is, and then 0 where none of them has anything.

    Raises
    ------
    InputError
        Ranks are asked for of sparse predictions.
    """
    if any(map(sparse.issparse, members)):
        return _combine_sparse([sparse.csr_array(member, dtype=np.float64) for member in members], method)
    stack = np.stack([np.asarray(member, dtype=np.float64) for member in members])
    if method == "geometric":
        return np.exp(np.log(np.maximum(stack, FLOOR)).mean(axis=0))
    if method == "rank":
        return (rankdata(stack, axis=1) / max(stack.shape[1], 1)).mean(axis=0)
    return stack.mean(axis=0)


def _combine_sparse(members, method):
    if method == "rank":
        raise InputError(
            "ensemble.folds: expected mean or geometric, as only the highest predictions of each row are kept and the "
            "others have no rank, given rank"
        )
    if method == "mean":
        return sum(members[1:], members[0]) / len(members)
    for member in members:
        # Over the floor, so that what a member lacks adds nothing.
        member.data = np.log(np.maximum(member.data, FLOOR) / FLOOR)
    combined = sum(members[1:], members[0]) / len(members)
    combined.data = FLOOR * np.exp(combined.data)
    return combined


def combined(members, *, method: str) -> Predictions:
    """The ensemble of predictions of the same rows."""
    first = members[0]
    return Predictions(first.keys, combine(align(members), method=method), first.classes)


def align(members) -> list:
    """The values of predictions whose keys have to agree row by row."""
    first = members[0].keys
    for member in members[1:]:
        if not member.keys.equals(first):
            raise InputError(
                "predictions of different models or folds are not of the same rows: delete results' predictions/ to have them made again"
            )
    return [member.values for member in members]
