"""The example store of images: compressed files, one after the other, beside a table with a row for each."""

from functools import cached_property

import numpy as np

from understory.core.errors import InputError
from understory.core.files import replacing
from understory.data import store
from understory.images import codec


def write(array_path, index_path, images, index, *, quality: int | None = None):
    """Write images as the bytes of compressed files, one after the other, and their table.

    The table gets the columns `end`, the byte that each ends before, and `channels`.

    Parameters
    ----------
    images : iterable of numpy.ndarray
        uint8 or uint16 of shape (height, width, channels); one at a time is in memory.
    index : pandas.DataFrame or callable
        Their table, or a function that gives it when all images have been taken.
    quality : int, optional
        Of `understory.images.codec.encode`.

    Raises
    ------
    ValueError
        There are more or fewer images than rows.
    """
    ends, channels = [], []
    with replacing(array_path) as path, open(path, "wb") as file:
        # The length is not known yet; NumPy leaves room in the header for it to grow.
        _write_header(file, 0)
        start = file.tell()
        for image in images:
            file.write(codec.encode(image, quality=quality))
            ends.append(file.tell() - start)
            channels.append(image.shape[2])
        index = index() if callable(index) else index
        if len(ends) != len(index):
            raise ValueError(
                f"{array_path}: expected as many images as rows, found {len(index)} rows and {len(ends)} images"
            )
        file.seek(0)
        _write_header(file, ends[-1] if ends else 0)
    store.write_table(
        index_path,
        index.assign(end=np.array(ends, dtype=np.int64), channels=np.array(channels, dtype=np.int64)),
    )


def _write_header(file, length: int):
    """Write the header of an array of `length` bytes."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (length,)})


class Images:
    """The images of a shard, mapped from disk and decoded one at a time.

    Attributes
    ----------
    shape : tuple of int
        Their number, and the height, width and channels of the first one; (0,) without any.
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
        """One image: uint8 or uint16 of shape (height, width, channels)."""
        number = range(len(self))[number]
        start = self._ends[number - 1] if number else 0
        return self._decoded(number, self._data[start : self._ends[number]])

    def __iter__(self):
        """The images, one after the other; of the file nothing stays in memory, as pages of a map would."""
        with open(self._path, "rb") as file:
            file.seek(getattr(self._data, "offset", 0))
            for number, size in enumerate(np.diff(self._ends, prepend=0)):
                yield self._decoded(number, np.fromfile(file, np.uint8, size))

    def _decoded(self, number, data):
        try:
            return codec.decode(data, int(self._channels[number]))
        except InputError as error:
            raise InputError(
                f"{self._path}: item {number}: {error}: delete the file to have it made again"
            ) from None


def read(array_path, index_path):
    """The `Images` of a shard, and their table without the columns that locate them.

    Raises
    ------
    InputError
        The two do not belong together.
    """
    array = np.load(array_path, mmap_mode="r", allow_pickle=False)
    index = store.read_table(index_path)
    ends = np.array([0, *index.end])
    if array.ndim != 1 or len(array) != ends[-1] or (np.diff(ends) <= 0).any():
        raise InputError(
            f"{array_path}: expected images of {ends[-1]:.0f} bytes, as {index_path} says, found {array.size}: "
            "delete both to have them made again"
        )
    return Images(array_path, array, index.end, index.channels), index.drop(columns=["end", "channels"])
