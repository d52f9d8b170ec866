"""Predictions: a table of what each row is about, beside the probabilities of its classes.

Of few classes all are kept (a dense array); of many, each row's highest (a sparse one), and what is not kept is 0.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from understory.core.errors import InputError
from understory.data import ranking, store

# Rows that are written at once.
ROWS = 1 << 16


@dataclass(frozen=True)
class Predictions:
    """Probabilities of classes, row by row.

    Attributes
    ----------
    keys : pandas.DataFrame
        What each row is about: every column that is no class, such as `example_id`, `recording_id` or `start`.
    values : numpy.ndarray or scipy.sparse.csr_array
        Floats of shape (rows, classes).
    classes : tuple of str
        What the columns are of.
    """

    keys: pd.DataFrame
    values: np.ndarray | sparse.csr_array
    classes: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "keys", self.keys.reset_index(drop=True))
        object.__setattr__(self, "classes", tuple(self.classes))
        if sparse.issparse(self.values):
            object.__setattr__(self, "values", sparse.csr_array(self.values))
        expected = len(self.keys), len(self.classes)
        if self.values.shape != expected:
            raise ValueError(f"expected predictions of shape {expected}, found {self.values.shape}")

    def __len__(self):
        return len(self.keys)

    def take(self, rows) -> "Predictions":
        """The rows of these numbers, in their order."""
        return Predictions(self.keys.iloc[rows], self.values[rows], self.classes)

    def top(self, k: int) -> "Predictions":
        """The `k` highest of each row, sparsely."""
        return Predictions(self.keys, ranking.top_k(self.values, k), self.classes)

    def table(self) -> pd.DataFrame:
        """The keys with a column a class; of sparse ones with `class_0, p_0, class_1, p_1, …`: the numbers and
        probabilities of each row's classes, highest first, ties by number, and nothing where there are no more."""
        return self._table(ranking.width(self.values))

    def tables(self):
        """The table, some rows at a time."""
        width = ranking.width(self.values)
        for start in range(0, max(len(self), 1), ROWS):
            part = slice(start, start + ROWS)
            yield Predictions(self.keys.iloc[part], self.values[part], self.classes)._table(width)

    def _table(self, width):
        if not sparse.issparse(self.values):
            columns = pd.DataFrame(self.values, columns=list(self.classes))
            return pd.concat([self.keys, columns], axis=1)
        entries, place = ranking.ranked(self.values)
        shape = len(self), width
        numbers, shares = np.full(shape, np.nan), np.full(shape, np.nan)
        rows = ranking.rows_of(self.values)[entries]
        numbers[rows, place], shares[rows, place] = self.values.indices[entries], self.values.data[entries]
        pairs = {
            name: values[:, number]
            for number in range(shape[1])
            for name, values in zip(_pair(number), (numbers, shares), strict=True)
        }
        if set(self.classes) <= set(pairs):
            raise InputError(
                f"expected classes other than {', '.join(self.classes)}, which are columns of sparse predictions"
            )
        return pd.concat([self.keys, pd.DataFrame(pairs)], axis=1)


def write(path, predictions: Predictions, *, top_k: int | None = None):
    """Write predictions as CSV, in nine significant digits; with `top_k`, each row's highest alone, sparsely."""
    store.write_tables(path, (predictions if top_k is None else predictions.top(top_k)).tables())


def read(path, classes) -> Predictions:
    """Predictions that `write` wrote: dense where the table has a column a class, and sparse otherwise.

    Raises
    ------
    InputError
        They are not of these classes.
    """
    table, classes = store.read_table(path), tuple(classes)
    if set(classes) <= set(table.columns):
        keys = table.columns[~table.columns.isin(classes)]
        return Predictions(table[keys], table[list(classes)].to_numpy(), classes)
    pairs = [
        names for number in range(len(table.columns)) if set(names := _pair(number)) <= set(table.columns)
    ]
    if not pairs:
        raise _not_of(path, classes, "neither a column of each nor of the highest")
    numbers = table[[name for name, _ in pairs]].to_numpy(dtype=float)
    shares = table[[name for _, name in pairs]].to_numpy(dtype=float)
    given = ~np.isnan(numbers)
    rows, columns = np.nonzero(given)[0], numbers[given].astype(np.int64)
    if columns.size and not 0 <= columns.min() <= columns.max() < len(classes):
        raise _not_of(path, classes, f"class numbers from {columns.min()} to {columns.max()}")
    values = sparse.csr_array((shares[given], (rows, columns)), shape=(len(table), len(classes)))
    return Predictions(table.drop(columns=[name for names in pairs for name in names]), values, classes)


def concatenate(parts) -> Predictions:
    """Predictions of the same classes, one after the other."""
    parts = list(parts)
    return Predictions(
        pd.concat([part.keys for part in parts], ignore_index=True),
        ranking.stacked([part.values for part in parts]),
        parts[0].classes,
    )


def _pair(number):
    return f"class_{number}", f"p_{number}"


def _not_of(path, classes, found):
    return InputError(
        f"{path}: expected predictions of {len(classes)} classes, found {found}: delete it to have it made again"
    )
