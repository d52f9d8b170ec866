"""The highest values of each row of an array, dense or sparse, and arrays of such rows."""

import numpy as np
from scipy import sparse

# Cells that are compared at once.
CELLS = 1 << 20


def top_k(values, k: int) -> sparse.csr_array:
    """The `k` highest of each row, ties by class number; zeros are left out, and what is not a number is kept.

    Parameters
    ----------
    values : numpy.ndarray or scipy.sparse.csr_array
        Shape (rows, classes).
    """
    pick = _highest_entries if sparse.issparse(values) else _highest_of
    return sparse.vstack([pick(part, k) for part in _parts(values)], format="csr")


def highest(values) -> np.ndarray:
    """The number of each row's highest class, ties by number: int64 (rows,)."""
    if not sparse.issparse(values):
        return values.argmax(axis=1)
    out = np.zeros(values.shape[0], dtype=np.int64)
    start = 0
    for part in _parts(values):
        entries, place = ranked(part)
        first = entries[place == 0]
        first = first[part.data[first] != 0]
        out[start + rows_of(part)[first]] = part.indices[first]
        start += part.shape[0]
    return out


def _parts(values):
    """Some rows at a time of a dense or sparse array, of about `CELLS` cells that there are."""
    step = max(1, CELLS // max(width(values), 1))
    for start in range(0, max(values.shape[0], 1), step):
        yield values[start : start + step]


def width(values) -> int:
    """The most cells that there are in a row."""
    return int(np.diff(values.indptr).max(initial=1)) if sparse.issparse(values) else values.shape[1]


def rows_of(values: sparse.csr_array) -> np.ndarray:
    """The row of each entry of a sparse array."""
    return np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))


def places(groups: np.ndarray) -> np.ndarray:
    """The place of each item in its group, from 0, where equal groups stand together."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if len(groups) else np.empty(0, int)
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))


def descending(values: np.ndarray) -> np.ndarray:
    """What to sort by for the highest first; what is not a number comes before all, lest it go unseen."""
    order = -values
    order[np.isnan(order)] = -np.inf
    return order


def ranked(values: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """The entries of a sparse array by row, highest first, ties by class number, and the place of each in its row."""
    rows = rows_of(values)
    entries = np.lexsort((values.indices, descending(values.data), rows))
    return entries, places(rows[entries])


def _highest_of(values, k):
    k, order = min(k, values.shape[1]), descending(values)
    last = np.partition(order, k - 1, axis=1)[:, k - 1]
    # Zeros are no entries, and most of what is as high as the last where that is zero.
    last[last == 0] = np.nextafter(last.dtype.type(0), last.dtype.type(-1))
    chosen = np.flatnonzero(order <= last[:, None])
    rows = chosen // values.shape[1]
    # Of those that are as high as the last, the first ones.
    tied = order.flat[chosen] == last[rows]
    room = k - np.bincount(rows[~tied], minlength=len(values))
    kept = ~tied
    kept[tied] = places(rows[tied]) < room[rows[tied]]
    kept &= values.flat[chosen] != 0
    rows, columns = np.divmod(chosen[kept], values.shape[1])
    return sparse.csr_array((values[rows, columns], (rows, columns)), shape=values.shape)


def _highest_entries(values, k):
    entries, place = ranked(values)
    entries = np.sort(entries[place < k])
    entries = entries[values.data[entries] != 0]
    at = rows_of(values)[entries], values.indices[entries]
    return sparse.csr_array((values.data[entries], at), shape=values.shape)


def stacked(values):
    """Arrays of equal width, one above the other: sparse where any is."""
    if any(map(sparse.issparse, values)):
        return sparse.vstack([sparse.csr_array(each) for each in values], format="csr")
    return np.concatenate(values)
