"""Prediction with saved models."""

import zipfile
from pathlib import Path

import keras
import numpy as np
from scipy import sparse

from understory.core import choices
from understory.core.errors import InputError
from understory.data import ranking
from understory.training import layers  # noqa: F401 registers the layers of saved models
from understory.training.inputs.batches import Batches, as_dataset

ARCHITECTURES = "understory.training.architectures"
# Predictions that are held in memory at once.
CELLS = 1 << 26


def load(path: Path, architecture: str | None = None) -> keras.Model:
    """A saved model, for prediction only; no code that the file holds is run.

    Parameters
    ----------
    path : Path
    architecture : str, optional
        Its name: classes of its own module are registered, as those of `training.layers` are.

    Raises
    ------
    InputError
        The file is not whole, or is no model that may be loaded.
    """
    if architecture is not None:
        choices.load(ARCHITECTURES, architecture)
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        damaged = "its table of contents"
    if damaged:
        raise InputError(
            f"{path}: expected a whole model, found {damaged} damaged: copy the file again, or delete it to train again"
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = "code that would be run (a Lambda layer)" if "Lambda" in str(error) else str(error)[:200]
        raise InputError(f"{path}: expected a model of the workflow's own layers, found {why}") from error


def head(model: keras.Model) -> keras.layers.Layer:
    """The layer that the classes come from: the last one with weights. Its input is the output of the penultimate layer."""
    return [layer for layer in model.layers if layer.weights][-1]


class Rolled:
    """Examples whose frames are rolled.

    Parameters
    ----------
    source
        Examples: `source.rows(numbers)` are float32 of shape (examples, bands, frames, channels).
    share : float
        By which share of their length.
    """

    def __init__(self, source, share: float):
        self._source, self._share = source, share

    def rows(self, numbers) -> np.ndarray:
        """The examples of some rows, rolled."""
        examples = self._source.rows(numbers)
        return np.roll(examples, round(self._share * examples.shape[2]), axis=2)


def predict(
    model: keras.Model,
    source,
    rows: np.ndarray,
    *,
    batch_size: int,
    top_k: int | None = None,
    shifts: int = 1,
) -> np.ndarray | sparse.csr_array:
    """Predictions of some rows of `source`, computed in parts to bound the memory.

    Parameters
    ----------
    model : keras.Model
    source : examples.Examples or batches.TestExamples
    rows : numpy.ndarray
        int of shape (rows,).
    batch_size : int
    top_k : int, optional
        Keep only the highest so many classes of each row.
    shifts : int
        Predict so often, each time with the frames rolled one step further, and take the mean.

    Returns
    -------
    numpy.ndarray or scipy.sparse.csr_array
        float32 of shape (len(rows), classes); sparse with `top_k`.

    Raises
    ------
    InputError
        A prediction is not finite.
    """
    step = max(1, CELLS // (batch_size * model.output_shape[-1])) * batch_size
    parts = []
    for start in range(0, len(rows), step):
        chosen = rows[start : start + step]
        each = (_predicted(model, Rolled(source, n / shifts), chosen, batch_size) for n in range(shifts))
        part = sum(each) / shifts
        parts.append(part if top_k is None else ranking.top_k(part, top_k))
    empty = np.empty((0, model.output_shape[-1]), dtype=np.float32)
    return ranking.stacked(parts or [empty if top_k is None else ranking.top_k(empty, top_k)])


def _predicted(model, source, rows, batch_size):
    found = model.predict(as_dataset(Batches(source, rows, batch_size)), verbose=0)
    if not np.isfinite(found).all():
        raise InputError(
            f"{model.name}: expected finite predictions, found others: train it with precision: float32, or a lower "
            "optimiser.learning_rate"
        )
    return found
