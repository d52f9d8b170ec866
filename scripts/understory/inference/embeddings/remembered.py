"""The vectors of windows that a frozen model has seen before, so that none is computed twice."""

import errno
import hashlib
import os
from pathlib import Path

import numpy as np

# Bytes by which a window is known.
NAME = 16


class Remembered:
    """A frozen model, and a file to which the vectors of each new window are appended.

    The vectors of a window depend on nothing but the window and the model, so that they are the same, computed or remembered. A
    job that runs again, because a label or a recording was added or because it was interrupted, computes those of new windows.

    Parameters
    ----------
    model : frozen.Embedder
    path : Path
        The file; another one where anything else is another that vectors depend on, besides the window.
    """

    def __init__(self, model, path: Path):
        self._model, self._path = model, path
        self._file, self._shape, self._places = None, (), {}

    def shape(self, samples: int) -> tuple[int, int]:
        """The vectors of a window of so many samples, and the values of each."""
        return self._model.shape(samples)

    def compute(self, wave: np.ndarray, *, sample_rate: int) -> np.ndarray:
        """The vectors of one window: float16 of shape (vectors, values)."""
        if self._file is None:
            self._open(self._model.shape(len(wave)))
        name = hashlib.blake2b(wave.tobytes(), digest_size=NAME).digest()
        if (place := self._places.get(name)) is not None:
            held = os.pread(self._file, 2 * np.prod(self._shape), place)
            return np.frombuffer(held, dtype="<f2").reshape(self._shape)
        vectors = self._model.compute(wave, sample_rate=sample_rate).astype("<f2")
        record = name + vectors.tobytes()
        if os.write(self._file, record) < len(record):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        self._places[name] = os.fstat(self._file).st_size - vectors.nbytes
        return vectors

    def _open(self, shape):
        """Find the places of the vectors; what an interrupted job has left unfinished at the end is cut off."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        self._shape, size = shape, NAME + 2 * np.prod(shape)
        whole = os.fstat(self._file).st_size // size * size
        os.truncate(self._file, whole)
        self._places = {os.pread(self._file, NAME, place): place + NAME for place in range(0, whole, size)}
        print(f"{self._path}: the vectors of {len(self._places)} windows are remembered", flush=True)
