"""The submission: the predictions in the form of the competition's sample."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy import sparse

from understory.core.errors import InputError
from understory.core.text import listed
from understory.data import ranking


def table(predictions: pd.DataFrame, *, id_column: str, ids, labels) -> pd.DataFrame:
    """The submission with the ids and columns of the competition's sample, in its order.

    Parameters
    ----------
    predictions : pandas.DataFrame
        One column per class, indexed by recording.
    ids, labels : sequence of str or None
        None for all recordings, and for all classes, of the predictions.

    Raises
    ------
    InputError
        A recording has no prediction, or one that is not finite and in [0, 1]; the message lists the ids.
    """
    ids = list(predictions.index) if ids is None else ids
    labels = list(predictions.columns) if labels is None else labels
    absent = [name for name in ids if name not in predictions.index]
    if absent:
        raise InputError(
            "submission: expected a prediction for every id of the sample submission, "
            f"missing for {len(absent)}: {listed(absent)}"
        )
    if repeated := sorted(name for name, count in Counter(ids).items() if count > 1):
        raise InputError(f"sample submission: expected unique ids, repeated are {listed(repeated)}")
    columns = [label for label in labels if label not in predictions.columns]
    if columns:
        raise InputError(
            "submission: expected a prediction for every column of the sample submission, "
            f"missing for {listed(columns)}"
        )
    rows = predictions.loc[list(ids), list(labels)]
    unread = rows.isna().all(axis=1)
    check_probabilities(rows[~unread].to_numpy(), rows.index[~unread])
    rows.insert(0, id_column, rows.index)
    return rows.reset_index(drop=True)


def check_probabilities(values, names):
    """InputError unless all values, dense or sparse, are finite and in [0, 1]; the message lists the names of wrong rows."""
    rows, data = (ranking.rows_of(values), values.data) if sparse.issparse(values) else (None, values)
    wrong = ~(np.isfinite(data) & (data >= 0) & (data <= 1))
    wrong_rows = np.unique(rows[wrong]) if sparse.issparse(values) else np.flatnonzero(wrong.any(axis=1))
    if len(wrong_rows):
        raise InputError(
            f"submission: expected finite values in [0, 1], found others for {listed(np.asarray(names)[wrong_rows])}"
        )


def check_submission(table: pd.DataFrame, *, id_column: str, ids, columns):
    """InputError unless a reader's own table has the columns and ids of the sample, in order, and no empty cell."""
    wanted = [id_column, *columns]
    if list(table.columns) != wanted:
        raise InputError(f"submission: expected the columns {listed(wanted)}, found {listed(table.columns)}")
    written, ids = list(map(str, table[id_column])), list(map(str, ids))
    if written != ids:
        wrong = sorted(set(ids) ^ set(written)) or [a for a, b in zip(ids, written, strict=False) if a != b]
        raise InputError(
            f"submission: expected the {len(ids)} ids of the sample submission, each once and in its order, "
            f"found {len(written)}; wrong are {listed(wrong) or 'those that are repeated'}"
        )
    empty = (table.isna() | table.astype(str).apply(lambda cells: cells.str.strip() == "")).any(axis=1)
    if empty.any():
        raise InputError(
            f"submission: expected a value in every cell, found none for {listed(table[id_column][empty])}"
        )
