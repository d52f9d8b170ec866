"""The example store: an array a shard beside a table with a row for each item."""

import math
from collections.abc import Iterable
from mmap import mmap
from typing import NamedTuple

import numpy as np
import pandas as pd

from understory.core.errors import InputError
from understory.core.files import replacing
from understory.data.dataset import TEXT_COLUMNS


class Stream(NamedTuple):
    """Items of an array that are made one at a time, as they are written: the array is never in memory.

    Attributes
    ----------
    items : iterable of numpy.ndarray
    shape : tuple of int
        Of one item.
    dtype : type
        Such as `numpy.int16`.
    """

    items: Iterable
    shape: tuple[int, ...]
    dtype: type


def write(array_path, index_path, array: np.ndarray | Stream, index: pd.DataFrame):
    """Write an array and its table, row i of one belonging to item i of the other.

    Raises
    ------
    ValueError
        Their lengths differ, or an item has another shape.
    """
    if isinstance(array, np.ndarray):
        array = Stream(array, array.shape[1:], array.dtype)
    written = 0
    with replacing(array_path) as path, open(path, "wb") as file:
        dtype = np.dtype(array.dtype)
        header = {"descr": dtype.str, "fortran_order": False, "shape": (len(index), *array.shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for item in array.items:
            if item.shape != tuple(array.shape):
                raise ValueError(f"{array_path}: expected items of shape {array.shape}, found {item.shape}")
            file.write(np.ascontiguousarray(item, dtype=dtype).tobytes())
            written += 1
        if written != len(index):
            raise ValueError(
                f"{array_path}: expected as many rows as items, found {len(index)} rows and {written} items"
            )
    write_table(index_path, index)


def read(array_path, index_path):
    """The array of a shard, mapped from disk, and its table.

    Raises
    ------
    InputError
        One of them does not belong to the other.
    """
    array = np.load(array_path, mmap_mode="r", allow_pickle=False)
    index = read_table(index_path)
    if len(array) != len(index):
        raise InputError(
            f"{array_path}: expected {len(index)} items, as {index_path} has rows, found {len(array)}: delete both to have them made again"
        )
    return array, index


def in_order(array: np.ndarray):
    """The items of an array, one after the other; of one that is mapped from disk none stays in memory, as pages of a map would."""
    # A part of a map is one as well, of another base.
    if not isinstance(array.base, mmap):
        yield from array
        return
    with open(array.filename, "rb") as file:
        file.seek(array.offset)
        for _ in range(len(array)):
            yield np.fromfile(file, array.dtype, math.prod(array.shape[1:])).reshape(array.shape[1:])


def write_table(path, table: pd.DataFrame):
    """Write a table as CSV; a float32 has the nine digits that bring it back exactly."""
    write_tables(path, [table])


def write_tables(path, parts):
    """Write tables of the same columns as one, as `write_table` does; one at a time is in memory."""
    with replacing(path) as new, open(new, "w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(parts):
            part.to_csv(file, index=False, header=not number, float_format="%.9g", lineterminator="\n")


def read_table(path) -> pd.DataFrame:
    """A table that `write_table` wrote; ids and labels are text, whatever they look like."""
    header = pd.read_csv(path, nrows=0).columns
    types = {column: str for column in TEXT_COLUMNS if column in header}
    numbers = {column: [""] for column in header if column not in TEXT_COLUMNS}
    table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=numbers)
    # Nothing tells the type of an empty column; as text, it would make text of what it is joined with.
    return table if len(table) else table.astype(dict.fromkeys(numbers, float))
