"""The example store: an array a shard, or pictures as files one after the other, beside a table with a row for each item."""

import os
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from understory.errors import InputError
from understory.tables import TEXT_COLUMNS


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


def write_pictures(array_path, index_path, pictures, index, *, quality: int | None = None):
    """Write pictures as the bytes of compressed files, one after the other, and their table.

    The table gets the columns `end`, the byte that each ends before, and `channels`.

    Parameters
    ----------
    pictures : iterable of numpy.ndarray
        uint8 or uint16 of shape (height, width, channels); one at a time is in memory.
    index : pandas.DataFrame or callable
        Their table, or what gives it when they have all been taken.
    quality : int, optional
        Of `understory.codec.encode`.

    Raises
    ------
    ValueError
        There are not as many as the table has rows.
    """
    # Here, not above: jobs that handle arrays need no OpenCV.
    from understory import codec

    ends, channels = [], []
    with replacing(array_path) as path, open(path, "wb") as file:
        # NumPy leaves room in a header for its first length to grow, so that the last word on it fits as well.
        _write_header(file, 0)
        start = file.tell()
        for picture in pictures:
            file.write(codec.encode(picture, quality=quality))
            ends.append(file.tell() - start)
            channels.append(picture.shape[2])
        index = index() if callable(index) else index
        if len(ends) != len(index):
            raise ValueError(
                f"{array_path}: expected as many pictures as rows, found {len(index)} rows and {len(ends)} pictures"
            )
        file.seek(0)
        _write_header(file, ends[-1] if ends else 0)
    write_table(
        index_path,
        index.assign(end=np.array(ends, dtype=np.int64), channels=np.array(channels, dtype=np.int64)),
    )


def _write_header(file, length: int):
    """The header of an array of so many bytes."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (length,)})


class Pictures:
    """The pictures of a shard, mapped from disk and decoded one at a time.

    Attributes
    ----------
    shape : tuple of int
        Their number, and the height, width and channels of the first of them; (0,) where there is none.
    """

    def __init__(self, path, data: np.ndarray, ends, channels):
        self._path, self._data = path, data
        self._ends, self._channels = np.asarray(ends), np.asarray(channels)

    def __len__(self) -> int:
        return len(self._ends)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *(self[0].shape if len(self) else ()))

    def __getitem__(self, number: int) -> np.ndarray:
        """One of them: uint8 or uint16 of shape (height, width, channels)."""
        from understory import codec

        number = range(len(self))[number]
        start = self._ends[number - 1] if number else 0
        try:
            return codec.decode(self._data[start : self._ends[number]], int(self._channels[number]))
        except InputError as error:
            raise InputError(
                f"{self._path}: item {number}: {error}: delete it to have it made again"
            ) from None


def read(array_path, index_path):
    """The array of a shard, mapped from disk, or its `Pictures`, and its table, without what tells where they are.

    Raises
    ------
    InputError
        One of them does not belong to the other.
    """
    array = np.load(array_path, mmap_mode="r", allow_pickle=False)
    index = read_table(index_path)
    if "end" in index:
        ends = np.array([0, *index.end])
        if array.ndim != 1 or len(array) != ends[-1] or (np.diff(ends) <= 0).any():
            raise InputError(
                f"{array_path}: expected pictures of {ends[-1]:.0f} bytes, as {index_path} says, found {array.size}: "
                "delete both to have them made again"
            )
        pictures = Pictures(array_path, array, index.end, index.channels)
        return pictures, index.drop(columns=["end", "channels"])
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


@contextmanager
def replacing(path):
    """A temporary path that becomes `path` when all went well, and goes when it did not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
