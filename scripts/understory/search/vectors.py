"""The vectors of the windows of recordings, one array and one table of windows a shard."""

from itertools import islice
from typing import NamedTuple

import numpy as np
from pyarrow import parquet

from understory.audio import read as audio_read
from understory.core.errors import InputError
from understory.inference import window_scores
from understory.inference.embeddings import frozen


class Shard(NamedTuple):
    """The windows of the recordings of a shard, in the order of their paths and starts.

    Attributes
    ----------
    vectors : numpy.ndarray
        float16 (windows, values), mapped from disk.
    names : list of str
        Paths of recordings.
    recordings : numpy.ndarray
        int32 (windows,): the place of each window's recording in `names`.
    starts, stops : numpy.ndarray
        float64 (windows,): s.
    """

    vectors: np.ndarray
    names: list[str]
    recordings: np.ndarray
    starts: np.ndarray
    stops: np.ndarray


def of_windows(waves, windows: int, models, settings: dict) -> np.ndarray:
    """The vectors of some windows, as `understory.inference.recording_scores.chunks` asks for them.

    Parameters
    ----------
    waves : iterator of numpy.ndarray
        float32 of shape (samples,).
    windows : int
        Their number.
    models
        Not used.
    settings : dict
        `sample_rate` (Hz), and `features`, a list of one block, as `model_files.placed` gives it.

    Returns
    -------
    numpy.ndarray
        float16 (windows, values): where a window has several vectors, their mean.
    """
    model = frozen.load(settings["features"][0], settings["sample_rate"])
    # Rounded as windows on disk are, so that they are those that models are trained on.
    rounded = (audio_read.to_float(audio_read.to_int16(wave)) for wave in islice(waves, windows))
    found = [model.compute(wave, sample_rate=settings["sample_rate"]).mean(axis=0) for wave in rounded]
    return np.stack(found).astype(np.float16)


class Writer:
    """Writes vectors as they come, and their windows: `add` is as that of `window_scores.Writer`.

    Parameters
    ----------
    file : binary file
        It becomes an array (.npy), and is open for writing until after `close`.
    index : Path
        It becomes a table (.parquet) with the columns `path, start, stop`.
    """

    def __init__(self, file, index):
        self._file, self._shape = file, (0, 0)
        self._index = window_scores.Writer(index, [])
        self._write_header()

    def add(self, path: str, starts, stops, vectors):
        """Add windows of a recording: float64 (windows,), twice, and float16 (windows, values)."""
        self._file.write(np.ascontiguousarray(vectors, dtype="<f2").tobytes())
        self._index.add(path, starts, stops, vectors[:, :0])
        self._shape = self._shape[0] + len(vectors), vectors.shape[1]

    def _write_header(self):
        header = {"descr": "<f2", "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def close(self):
        """NumPy leaves room in a header for any number of rows, so that the one that is known now takes as many bytes."""
        self._file.seek(0)
        self._write_header()
        self._index.close()


def read(array, index) -> Shard:
    """The vectors of a shard and their windows, as `Writer` wrote them.

    Raises
    ------
    InputError
        One of the files does not belong to the other.
    """
    vectors = np.load(array, mmap_mode="r", allow_pickle=False)
    table = parquet.read_table(index, columns=["path", "start", "stop"], read_dictionary=["path"])
    if len(vectors) != len(table):
        raise InputError(
            f"{array}: expected {len(table)} vectors, as {index} has rows, found {len(vectors)}: delete both to have them made again"
        )
    paths = table["path"].unify_dictionaries().combine_chunks()
    paths = paths.chunk(0) if hasattr(paths, "chunk") else paths
    return Shard(
        vectors,
        paths.dictionary.to_pylist(),
        paths.indices.to_numpy().astype(np.int32),
        table["start"].to_numpy(),
        table["stop"].to_numpy(),
    )


def read_all(arrays, indexes) -> list[Shard]:
    """The shards that have windows."""
    shards = [read(array, index) for array, index in zip(arrays, indexes, strict=True)]
    return [shard for shard in shards if len(shard.vectors)]


def in_order(shards: list[Shard]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """The windows of all shards, shard by shard.

    Returns
    -------
    names : list of str
        Paths of all recordings, sorted.
    recordings, starts, stops : numpy.ndarray
        int32, float64 and float64 (windows,): the place of each window's recording in `names`, and s.
    """
    names = sorted(name for shard in shards for name in shard.names)
    place = {name: number for number, name in enumerate(names)}
    recordings = [
        np.array([place[name] for name in shard.names], np.int32)[shard.recordings] for shard in shards
    ]
    empty = np.zeros(0)
    return (
        names,
        np.concatenate([*recordings, empty.astype(np.int32)]),
        np.concatenate([*(shard.starts for shard in shards), empty]),
        np.concatenate([*(shard.stops for shard in shards), empty]),
    )


def rows(shards: list[Shard], numbers: np.ndarray) -> np.ndarray:
    """The vectors of windows by their numbers among those of all shards: float64 (windows, values)."""
    ends = np.cumsum([len(shard.vectors) for shard in shards])
    of = np.searchsorted(ends, numbers, side="right")
    found = np.empty((len(numbers), shards[0].vectors.shape[1] if shards else 0))
    for number, shard in enumerate(shards):
        mine = of == number
        found[mine] = shard.vectors[numbers[mine] - (ends[number] - len(shard.vectors))]
    return found
