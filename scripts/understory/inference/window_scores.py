"""Window scores as Parquet files, one for each shard."""

import heapq
import resource
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from understory.inference.events import Scored

# Values of a row group.
CELLS = 1 << 22
# Rows that are read at a time.
ROWS = 1 << 14
KEYS = ("path", "start", "stop")


class Writer:
    """Writes window scores as Parquet, a row group at a time: rows are `path, start, stop` and the score of each class.

    Parameters
    ----------
    path : Path
        An open file, or its path.
    classes : sequence of str
    """

    def __init__(self, path, classes):
        types = [pa.string(), pa.float64(), pa.float64(), *[pa.float32()] * len(classes)]
        self._schema = pa.schema(list(zip((*KEYS, *classes), types, strict=True)))
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._rows, self._held, self._most = [], 0, max(1, CELLS // max(len(classes), 1))

    def add(self, path: str, starts, stops, scores):
        """Add windows of a recording: float64 (windows,), twice, and float32 (windows, classes)."""
        self._rows.append((path, starts, stops, scores))
        self._held += len(starts)
        if self._held >= self._most:
            self._flush()

    def _flush(self):
        if not self._rows:
            return
        paths, starts, stops, scores = zip(*self._rows, strict=True)
        names = np.repeat(np.array(paths, dtype=object), [len(each) for each in starts])
        scores = np.concatenate(scores)
        columns = [pa.array(names, pa.string()), np.concatenate(starts), np.concatenate(stops)]
        columns += [np.ascontiguousarray(scores[:, number]) for number in range(scores.shape[1])]
        self._writer.write_table(pa.Table.from_arrays(list(map(pa.array, columns)), schema=self._schema))
        self._rows, self._held = [], 0

    def close(self):
        self._flush()
        self._writer.close()


def read(paths) -> Iterator[Scored]:
    """The window scores of each recording, in the order of their paths, from the files of some shards; one a shard is in memory."""
    # Each shard's file is open all the while.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return heapq.merge(*map(_recordings, paths), key=itemgetter(0))


def _recordings(path):
    """The recordings of a shard, in the order of its rows."""
    with parquet.ParquetFile(path) as file:
        parts = []
        for batch in file.iter_batches(batch_size=ROWS):
            names = np.array(batch.column(0).to_pylist(), dtype=object)
            numbers = [
                batch.column(number).to_numpy(zero_copy_only=False) for number in range(1, batch.num_columns)
            ]
            scores = np.stack(numbers[2:], axis=1) if numbers[2:] else np.empty((len(names), 0), np.float32)
            cuts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1), len(names)]
            for first, last in pairwise(cuts):
                part = Scored(
                    names[first], numbers[0][first:last], numbers[1][first:last], scores[first:last]
                )
                if parts and parts[0].path != part.path:
                    yield _joined(parts)
                    parts = []
                parts.append(part)
        if parts:
            yield _joined(parts)


def _joined(parts):
    if len(parts) == 1:
        return parts[0]
    return Scored(parts[0].path, *(np.concatenate(each) for each in list(zip(*parts, strict=True))[1:]))
