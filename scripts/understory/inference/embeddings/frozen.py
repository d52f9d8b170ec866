"""Frozen models at work: from windows to the vectors that they give of them."""

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from understory.audio.features import embedding
from understory.core import choices
from understory.core.errors import InputError
from understory.inference.embeddings import model_files, remembered

# The highest value that float16 holds.
HIGHEST = 65504
# Keys of a block that choose the model, and are no options of `embedding.compute`.
OF_MODEL = ("architecture", "fed", "format", "kind")


class Loaded(NamedTuple):
    """A model of any format.

    Attributes
    ----------
    run : callable
        From an input of the model, float32, to the wanted output, a numpy.ndarray.
    shape : tuple of (int or None)
        Of the input: (samples,), (windows, samples) or (windows, samples, 1), None where any number will do.
    dtype : str
        Of the input.
    """

    run: object
    shape: tuple
    dtype: str


class Embedder:
    """A kind of features whose vectors a frozen model gives: `shape` and `compute` are as in the modules of kinds.

    Parameters
    ----------
    block : dict
        The options of `embedding.compute`, with the `format` of the model.
    rate : int
        That of the windows, Hz.

    Raises
    ------
    InputError
        The model cannot be loaded, or its input or output does not fit.
    """

    def __init__(self, block: dict, rate: int):
        # Of a finished run, the files of its models.
        place = block["model"] if isinstance(block["model"], str) else block["model"][0]
        self._rate, self._path = rate, Path(place)
        self._options = {key: value for key, value in block.items() if key not in OF_MODEL}
        self._samples = round(block["window"] * block["sample_rate"])
        module = choices.load(model_files.FORMATS, block["format"])
        self._model = module.load(
            self._path if isinstance(block["model"], str) else block["model"],
            output=block["output"],
            threads=block["threads"],
            **self._of_run(block),
        )
        self._check_input()

    def _of_run(self, block):
        """What the models of a finished run need to know besides."""
        if "fed" not in block:
            return {}
        own = {"rate": block["sample_rate"], "samples": self._samples}
        return {"architecture": block["architecture"], "fed": block["fed"], **own}

    def shape(self, samples: int) -> tuple[int, int]:
        """The vectors of a window of so many samples, and the values of each."""
        return self.compute(np.zeros(samples, dtype=np.float32), sample_rate=self._rate).shape

    def compute(self, wave: np.ndarray, *, sample_rate: int) -> np.ndarray:
        """The vectors of one window, as `embedding.compute` gives them."""
        vectors = embedding.compute(wave, sample_rate, self._embed, **self._options)
        # Also where one is not a number.
        if not np.abs(vectors).max() <= HIGHEST:
            raise InputError(
                f"{self._path}: expected finite values of at most {HIGHEST}, found {np.abs(vectors).max()} in a vector"
            )
        return vectors

    def _check_input(self):
        shape, dtype = self._model.shape, self._model.dtype
        wanted = (None, self._samples, 1)[: max(len(shape), 2)] if len(shape) != 1 else (self._samples,)
        fits = len(shape) == len(wanted) and all(
            has in (None, want) or (want is None and has == 1)
            for has, want in zip(shape, wanted, strict=True)
        )
        if not fits or dtype != "float32":
            raise InputError(
                f"{self._path}: expected an input of windows of {self._samples} samples, float32, as window and sample_rate say, "
                f"found one of shape {list(shape)}, {dtype}"
            )

    def _embed(self, windows):
        """The vectors of windows of the model: float32 of shape (windows, vectors, values)."""
        shape = self._model.shape
        if len(shape) == 1:
            outputs = [self._model.run(window) for window in windows]
        elif shape[0] == 1:
            outputs = [self._run_batch(window[None])[0] for window in windows]
        else:
            outputs = list(self._run_batch(windows))
        output = np.stack(outputs)
        if output.ndim < 2 or not np.issubdtype(output.dtype, np.floating) or not output.size:
            raise InputError(
                f"{self._path}: expected an output of vectors of numbers, found one of shape {list(output.shape)}, {output.dtype}, "
                f"of {len(windows)} windows"
            )
        return output.reshape(len(windows), -1, output.shape[-1]).astype(np.float32)

    def _run_batch(self, windows):
        output = self._model.run(windows.reshape(len(windows), self._samples, *self._model.shape[2:]))
        if not output.ndim or len(output) != len(windows):
            raise InputError(
                f"{self._path}: expected as many items in the output as windows ({len(windows)}), found the shape {list(output.shape)}"
            )
        return output


def load(block: dict, rate: int) -> Embedder | remembered.Remembered:
    """The frozen model of a block of features, loaded once in a process.

    Parameters
    ----------
    block : dict
        As `Embedder` takes it; with `memory`, the file that remembers vectors, where there is one.
    rate : int
        That of the windows, Hz.
    """
    return _loaded(json.dumps(block, sort_keys=True), rate)


@lru_cache
def _loaded(text, rate):
    block = json.loads(text)
    memory = block.pop("memory", None)
    model = Embedder(block, rate)
    return model if memory is None else remembered.Remembered(model, Path(memory))
