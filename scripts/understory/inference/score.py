"""Scores of some windows, by the combined models of a run.

They are transformed and scored batch by batch. Batches never hold windows of two recordings, so that the scores of a recording
depend on nothing but it.
"""

from functools import lru_cache

import numpy as np

from understory.audio import read
from understory.core import choices

FEATURES = "understory.audio.features"
# The kind of features that a frozen model gives, and where that is loaded.
EMBEDDING, EMBEDDINGS = "embedding", "understory.inference.embeddings"
# Windows that the models are given at once.
BATCH = 32
# The lowest score in a mean of logarithms.
FLOOR = 1e-7


def of_windows(waves, windows: int, models, settings: dict) -> np.ndarray:
    """The scores of some windows.

    Parameters
    ----------
    waves : iterator of numpy.ndarray
        float32 of shape (samples,).
    windows : int
        Their number.
    models, settings
        As `recording_scores.chunks` takes them.

    Returns
    -------
    numpy.ndarray
        float32 (windows, classes).
    """
    rate, blocks = settings["sample_rate"], settings["features"]
    blocks = [blocks] * len(models) if isinstance(blocks, dict) else blocks
    # Models that are fed the same share it.
    fed = [blocks.index(block) for block in blocks]
    batches = _batches(waves, windows, {of: _kind(blocks[of], rate) for of in set(fed)}, rate)
    parts = []
    for count, batch in batches:
        members = [_compiled(model)(batch[of])[:count] for model, of in zip(models, fed, strict=True)]
        parts.append(combined(members, settings["combine"], settings["folds"], settings.get("weights")))
    return np.concatenate(parts)


def _batches(waves, windows, kinds, rate):
    """The number of windows of each batch, and for each kind of features what models are fed."""
    for first in range(0, windows, BATCH):
        count = min(BATCH, windows - first)
        rows = {of: [] for of in kinds}
        for _ in range(count):
            wave = read.to_float(read.to_int16(next(waves)))
            for of, found in rows.items():
                kind, options = kinds[of]
                # Rounded to float16, as features on disk are.
                found.append(kind.compute(wave, sample_rate=rate, **options).astype(np.float16))
        yield count, {of: _batch(found) for of, found in rows.items()}


def _batch(rows):
    """The features of some windows with a channel axis, float32; zeros fill it up to a power of two."""
    # So that there are few shapes to compile for.
    batch = np.zeros((1 << (len(rows) - 1).bit_length(), *rows[0].shape, 1), dtype=np.float32)
    batch[: len(rows), ..., 0] = rows
    return batch


def _kind(block, rate):
    """What computes a block of features: a module of `FEATURES`, or a frozen model; and its options."""
    if block["kind"] == EMBEDDING:
        return choices.load(EMBEDDINGS, "frozen").load(block, rate), {}
    options = {key: value for key, value in block.items() if key != "kind"}
    return choices.load(FEATURES, block["kind"]), options


@lru_cache(maxsize=64)
def _compiled(model):
    """A function from a batch to a model's scores, compiled once for each shape; Keras' `predict` takes longer than small models."""
    import tensorflow as tf

    call = tf.function(lambda batch: model(batch, training=False))
    return lambda batch: call(tf.constant(batch)).numpy()


def combined(members, method: str, folds: int, weights=None) -> np.ndarray:
    """The median over folds of the mean over the models of a fold.

    Thresholds are chosen by the scores of single folds' models, and the median reaches one where half of the folds' models do. Their
    mean would be less extreme than each of them where they differ, and reach a high threshold in fewer places.

    Parameters
    ----------
    members : sequence of numpy.ndarray
        The scores by each model, of the same shape: of each kind of model those of all folds, in the order of the folds.
    method : {"mean", "geometric"}
        `geometric` is the exponential of the mean logarithm, where scores below 1e-7 count as 1e-7.
    folds : int
        Their number.
    weights : sequence of float, optional
        Of each kind of model in the mean, with a sum of 1; None: all the same.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape, computed in float64.
    """
    values = np.stack(members).astype(np.float64)
    values = values.reshape(-1, folds, *values.shape[1:])
    if method == "geometric":
        values = np.log(np.maximum(values, FLOOR))
    means = values.mean(axis=0) if weights is None else np.tensordot(weights, values, 1)
    return np.median(np.exp(means) if method == "geometric" else means, axis=0).astype(np.float32)
