"""The example store: an array a shard beside a table with a row for each item."""

import numpy as np
import pandas as pd

from understory.core.errors import InputError
from understory.core.files import replacing
from understory.data.dataset import TEXT_COLUMNS


def write(array_path, index_path, array: np.ndarray, index: pd.DataFrame):
    """Write an array and its table, row i of one belonging to item i of the other.

    Raises
    ------
    ValueError
        Their lengths differ.
    """
    if len(array) != len(index):
        raise ValueError(
            f"{array_path}: expected as many rows as items, found {len(index)} rows and {len(array)} items"
        )
    with replacing(array_path) as path, open(path, "wb") as file:
        np.save(file, array, allow_pickle=False)
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
