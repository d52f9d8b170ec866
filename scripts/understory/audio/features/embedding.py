"""Vectors that a frozen model gives of a window."""

import math
from typing import Literal

from understory.core.options import Count, Positive, PositiveShare, Rate, Sha256

# Rows are vectors, and columns their values.
FRAMED = False
# Values of a vector, for the estimate of disk space, twice, as vectors are remembered: the model is not opened for a plan.
USUAL = 2 * 2048


def shape(samples: int, **others) -> tuple[int, int]:
    """About the vectors of a window, and the values of each: the model tells them exactly once it is loaded."""
    return 1, USUAL


def compute(
    wave,
    recorded_rate,
    embed,
    *,
    model: str,
    sample_rate: Rate | None = None,
    window: Positive | None = None,
    sha256: Sha256 | None = None,
    remove_mean: bool = False,
    peak: PositiveShare | None = None,
    output: str | None = None,
    pooling: Literal["mean", "max", "none"] = "mean",
    threads: Count = 1,
    licence: str | None = None,
):
    """The vectors of one window.

    The window is resampled and cut into windows of the model: one begins where another ends, and the last ends with the window. A
    window that is shorter than the model's is followed by silence.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    recorded_rate : int
        The rate of `wave`, Hz.
    embed : callable
        The loaded model: from its windows, float32 (windows, samples), to vectors, float32 (windows, vectors, values).
    model : str
        The model: the folder of a SavedModel, a file .tflite, .keras or .onnx, or results/NAME, a finished run; its content tells which.
    sample_rate : int, optional
        Rate of the sound that the model takes, Hz; null: that of a finished run.
    window : float, optional
        Length of the sound that the model takes, s; null: that of a finished run.
    sha256 : str, optional
        SHA-256 that it has to have, 64 hex digits, of a folder that of the output of sha256sum; null: it is not verified.
    remove_mean : bool
        Whether the mean is removed from each window of the model.
    peak : float, optional
        Largest magnitude that each window of the model is scaled to, after the mean is removed; null: none.
    output : str, optional
        Output, layer or tensor of the model that the vectors are taken from, or model of a finished run; null: the only one.
    pooling : {"mean", "max", "none"}
        From all vectors of a window to one: their mean or largest values; none: all stay, one below the other.
    threads : int
        Threads of the model's runtime.
    licence : str, optional
        Licence of the model, for the report.

    Returns
    -------
    numpy.ndarray
        float32 of shape (vectors, values), with one vector where they are pooled.
    """
    vectors = embed(_levelled(_cut(wave, recorded_rate, sample_rate, window), remove_mean, peak))
    vectors = vectors.reshape(-1, vectors.shape[-1])
    if pooling == "none":
        return vectors
    return (vectors.mean if pooling == "mean" else vectors.max)(axis=0, keepdims=True)


def _cut(wave, recorded_rate, sample_rate, window):
    """The windows of the model that cover a window: float32 of shape (windows, samples)."""
    import numpy as np
    import soxr

    from understory.audio import read

    samples = round(window * sample_rate)
    if recorded_rate != sample_rate:
        wave = soxr.resample(wave, recorded_rate, sample_rate)
    # A sample more, as lengths are rounded at either rate, is no reason for another window of the model.
    whole = len(wave) // samples * samples
    if whole and len(wave) - whole <= math.ceil(sample_rate / recorded_rate):
        wave = wave[:whole]
    starts = read.sliding_starts(duration=len(wave), samples=samples, hop=samples)
    parts = np.zeros((len(starts), samples), dtype=np.float32)
    for part, start in zip(parts, starts, strict=True):
        cut = wave[start : start + samples]
        part[: len(cut)] = cut
    return parts


def _levelled(parts, remove_mean, peak):
    """Windows of the model at its level; silence stays as it is."""
    import numpy as np

    if remove_mean:
        parts = parts - parts.mean(axis=1, keepdims=True)
    if peak is not None:
        highest = np.abs(parts).max(axis=1, keepdims=True)
        parts = parts * np.divide(peak, highest, out=np.ones_like(highest), where=highest > 0)
    return parts
