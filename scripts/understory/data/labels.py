"""The labels of examples as matrices, in as much memory as there are labels that are named."""

import copy
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from understory.data.dataset import PRESENCES, SEPARATOR

PRESENT, ABSENT, UNKNOWN = PRESENCES["present"], PRESENCES["absent"], PRESENCES["unknown"]


class Labels:
    """What is known of each row's labels, in as much memory as there are labels that are named.

    Parameters
    ----------
    index : pandas.DataFrame
        `present`, `absent` and `unknown`: labels separated by semicolons; a column that is missing is empty.
    classes : sequence of str
    exhaustive : bool
        Whether a label that is not named is absent; otherwise it is unknown.
    others : bool
        Whether labels may be named that are not among `classes`; they are left out.
    smoothing : float
        How far a present label is lowered towards its confidence in `index.confidences`, where there is one: it is
        1 - smoothing * (1 - confidence).

    Attributes
    ----------
    shape : tuple of int
        (rows, classes).
    present : scipy.sparse.csr_array
        bool (rows, classes).
    """

    def __init__(
        self,
        index: pd.DataFrame,
        classes,
        *,
        exhaustive: bool,
        others: bool = False,
        smoothing: float = 0.0,
    ):
        column = {label: number for number, label in enumerate(classes)}
        rows, columns, values = [np.empty(0, int)], [np.empty(0, int)], [np.empty(0, np.int8)]
        for presence, value in PRESENCES.items():
            if presence not in index:
                continue
            row, number = _listed(index[presence], column, others)
            rows.append(row)
            columns.append(number)
            values.append(np.full(len(row), value, dtype=np.int8))
        soft = None
        if smoothing and "confidences" in index:
            present = 1 - smoothing * (1 - _confidences(index, column))
            soft = np.concatenate([*values[:-1], present], dtype=np.float32)
        rows, columns, values = map(np.concatenate, (rows, columns, values))
        # Of several for one cell, the one that counts most, which is the last.
        order = np.lexsort((columns, rows))
        rows, columns, values = rows[order], columns[order], values[order]
        last = np.r_[
            (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1]), np.ones(min(len(rows), 1), bool)
        ]
        places, shape = (rows[last], columns[last]), (len(index), len(column))
        # What is absent is an entry as well, which is zero.
        self._named = sparse.csr_array((values[last], places), shape=shape)
        # What is taken instead: of the same entries.
        self._soft = None if soft is None else sparse.csr_array((soft[order][last], places), shape=shape)
        self._other = ABSENT if exhaustive else UNKNOWN

    @property
    def shape(self) -> tuple[int, int]:
        return self._named.shape

    def __len__(self):
        return self.shape[0]

    def take(self, rows) -> np.ndarray:
        """The labels of some rows: float32 (len(rows), classes) of 1 present, or less with `smoothing`, 0 absent, -1 unknown."""
        named = (self._named if self._soft is None else self._soft)[rows]
        out = np.full(named.shape, self._other, dtype=np.float32)
        out[np.repeat(np.arange(len(out)), np.diff(named.indptr)), named.indices] = named.data
        return out

    def shown(self, rows) -> np.ndarray:
        """Where a label of some rows is present, whatever its confidence: bool (len(rows), classes)."""
        return self.hard.take(rows) > 0

    @property
    def hard(self) -> "Labels":
        """The same labels, of which each present one is 1."""
        changed = copy.copy(self)
        changed._soft = None
        return changed

    @cached_property
    def present(self) -> sparse.csr_array:
        return self._named > 0

    @cached_property
    def _shifted(self):
        """What is named as 1 unknown, 2 absent, 3 present, as no entry reads 0."""
        parts = self._named.data + np.int8(2), self._named.indices, self._named.indptr
        return sparse.csr_array(parts, shape=self.shape)

    def at(self, rows, columns) -> np.ndarray:
        """What is known of single cells, (rows[0], columns[0]) and so on: float32 of 1 present, 0 absent, -1 unknown."""
        found = self._shifted[rows, columns]
        found = (found.toarray() if sparse.issparse(found) else np.asarray(found)).reshape(len(rows))
        return np.where(found, found - np.float32(2), np.float32(self._other))

    def count(self) -> tuple[int, int]:
        """How many cells are present, and how many absent."""
        present, absent = (int((self._named.data == value).sum()) for value in (PRESENT, ABSENT))
        others = self.shape[0] * self.shape[1] - self._named.nnz
        return present, absent + (others if self._other == ABSENT else 0)

    def permuted(self, rows, by) -> "Labels":
        """The labels in which row `rows[i]` has what row `by[i]` has here."""
        source = np.arange(len(self))
        source[rows] = by
        changed = copy.copy(self)
        for kept in ("present", "_shifted"):
            changed.__dict__.pop(kept, None)
        changed._named = self._named[source]
        changed._soft = None if self._soft is None else self._soft[source]
        return changed


def _listed(texts, column, others):
    """The row of each label that texts list, and its column; each text is split once, however many rows have it. With `others`,
    labels without a column are left out."""
    codes, known = pd.factorize(texts)
    lists = [text.split(SEPARATOR) if text else [] for text in known]
    if others:
        lists = [[label for label in labels if label in column] for labels in lists]
    lists = [[column[label] for label in labels] for labels in lists]
    counts = np.array([len(numbers) for numbers in lists], dtype=int)
    each, starts = counts[codes], np.cumsum(counts) - counts
    rows = np.repeat(np.arange(len(codes)), each)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(each) - each, each)
    numbers = np.array([number for numbers in lists for number in numbers], dtype=int)
    return rows, numbers[starts[codes][rows] + places]


def _confidences(index, column):
    """The confidence of each label that `present` lists and that has a column, in the order of `_listed`: float64 (labels,)."""
    found = []
    for labels, confidences in zip(index.present, index.confidences, strict=True):
        labels = labels.split(SEPARATOR) if labels else []
        own = confidences.split(SEPARATOR) if confidences else ["1"] * len(labels)
        found += [float(each) for label, each in zip(labels, own, strict=True) if label in column]
    return np.array(found, dtype=float)


class Centred:
    """The class of each row's centred event.

    Parameters
    ----------
    index : pandas.DataFrame
        `label` and `presence`.
    classes : sequence of str

    Attributes
    ----------
    numbers : numpy.ndarray
        int32 (rows,): the number of the class, or -1 where the event is not present.
    shape : tuple of int
        (rows, classes).
    """

    def __init__(self, index: pd.DataFrame, classes):
        column = {label: number for number, label in enumerate(classes)}
        # An example of background has no label.
        numbers = np.array([column.get(label, -1) for label in index.label], dtype=np.int32)
        self.numbers = np.where(index.presence == "present", numbers, np.int32(-1))
        self.shape = len(index), len(column)

    def __len__(self):
        return self.shape[0]

    def take(self, rows) -> np.ndarray:
        """Some rows one-hot, zeros where none is present: float32 (len(rows), classes)."""
        numbers = self.numbers[rows]
        out = np.zeros((len(numbers), self.shape[1]), dtype=np.float32)
        shown = np.flatnonzero(numbers >= 0)
        out[shown, numbers[shown]] = 1
        return out

    def shown(self, rows) -> np.ndarray:
        """Where a class of some rows is present: bool (len(rows), classes)."""
        return self.take(rows) > 0

    def permuted(self, rows, by) -> "Centred":
        """The classes in which row `rows[i]` has what row `by[i]` has here."""
        changed = copy.copy(self)
        changed.numbers = self.numbers.copy()
        changed.numbers[rows] = self.numbers[by]
        return changed
