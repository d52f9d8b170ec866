"""From predictions of windows to one prediction a recording, over folds and models."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from understory.tables import InputError


def by_recording(windows: pd.DataFrame, classes, *, method: str, top_k: int) -> pd.DataFrame:
    """One row a recording from one row a window.

    Parameters
    ----------
    windows : pandas.DataFrame
        `recording_id` and a column a class.
    method : {"max", "mean", "top_k_mean"}
        What of a recording's windows counts; `top_k_mean` averages each class's `top_k` highest.

    Returns
    -------
    pandas.DataFrame
        A column a class, indexed by `recording_id` in ascending order.
    """
    grouped = windows.groupby("recording_id", sort=True)[list(classes)]
    if method == "top_k_mean":
        return grouped.agg(lambda values: np.sort(values.to_numpy())[-top_k:].mean())
    return grouped.agg(method)


def priors(folds: pd.DataFrame, classes) -> pd.Series:
    """The share of the present examples that are cut for each class, from `label` and `presence` of `folds`."""
    present = folds.label[folds.presence == "present"]
    return present.value_counts(normalize=True).reindex(list(classes), fill_value=0.0)


def with_priors(predictions: pd.DataFrame, names, priors: pd.Series) -> pd.DataFrame:
    """The predictions, indexed by `recording_id`, with a row of the classes' priors for each other recording named."""
    others = sorted(set(names) - set(predictions.index))
    rows = pd.DataFrame([priors] * len(others), index=others, columns=predictions.columns, dtype=float)
    return pd.concat([predictions, rows]).sort_index().rename_axis("recording_id")


def combine(members, *, method: str) -> np.ndarray:
    """The ensemble of predictions of equal shape (rows, classes).

    Parameters
    ----------
    members : sequence of numpy.ndarray
        Probabilities.
    method : {"mean", "geometric", "rank"}
        `geometric`: exp of the mean logarithm, of probabilities of at least 1e-7; `rank`: the mean of each
        class's rank among the rows, from 1/rows to 1, ties sharing theirs.
    """
    stack = np.stack([np.asarray(member, dtype=np.float64) for member in members])
    if method == "geometric":
        return np.exp(np.log(np.maximum(stack, 1e-7)).mean(axis=0))
    if method == "rank":
        return (rankdata(stack, axis=1) / max(stack.shape[1], 1)).mean(axis=0)
    return stack.mean(axis=0)


def align(tables, columns, classes) -> list[np.ndarray]:
    """The predictions of tables whose identifying `columns` have to agree row by row."""
    first = tables[0][columns]
    for table in tables[1:]:
        if not table[columns].equals(first):
            raise InputError(
                "predictions of different models or folds are not of the same rows: delete results' predictions/ to have them made again"
            )
    return [table[list(classes)].to_numpy() for table in tables]


def submission(predictions: pd.DataFrame, *, id_column: str, ids, labels) -> pd.DataFrame:
    """The submission: the ids and columns of the competition's sample, in its order.

    Raises
    ------
    InputError
        A recording has no prediction, or one that is not finite and in [0, 1]; the message lists the ids.
    """
    absent = [name for name in ids if name not in predictions.index]
    if absent:
        raise InputError(
            f"submission: expected a prediction for every id of the sample submission, missing for {len(absent)}: {_listed(absent)}"
        )
    if (
        repeated := sorted({name for name in ids if list(ids).count(name) > 1})
        if len(set(ids)) != len(ids)
        else []
    ):
        raise InputError(
            f"submission: expected each id of the sample submission once, repeated are {_listed(repeated)}"
        )
    columns = [label for label in labels if label not in predictions.columns]
    if columns:
        raise InputError(
            f"submission: expected a prediction for every column of the sample submission, missing for {_listed(columns)}"
        )
    table = predictions.loc[list(ids), list(labels)]
    values = table.to_numpy()
    wrong = ~(np.isfinite(values) & (values >= 0) & (values <= 1)).all(axis=1)
    if wrong.any():
        raise InputError(
            f"submission: expected finite values in [0, 1], found others for {_listed(table.index[wrong])}"
        )
    table.insert(0, id_column, table.index)
    return table.reset_index(drop=True)


def _listed(names, most=20):
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
