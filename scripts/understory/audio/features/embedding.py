"""Vectors that a frozen model gives of a window."""

from typing import Literal

from understory.core.options import Count, Positive, PositiveShare, Rate, Sha256

# Values of a vector, for the estimate of disk space: the model is not opened for a plan.
USUAL = 2048


def shape(samples: int, **others) -> tuple[int, int]:
    """About the vectors of a window, and the values of each: the model tells them exactly once it is loaded."""
    return 1, USUAL


def compute(
    wave,
    recorded_rate,
    embed,
    *,
    model: str,
    sample_rate: Rate,
    window: Positive,
    sha256: Sha256 | None = None,
    remove_mean: bool = False,
    peak: PositiveShare | None = None,
    output: str | None = None,
    pooling: Literal["mean", "max", "none"] = "mean",
    threads: Count = 1,
    licence: str | None = None,
):
    """The vectors of one window.

    The window is resampled, and cut into as few windows of the model as cover it: they begin one after the other, and the
    last one ends with the window. A window that is shorter than the model's is followed by silence.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    recorded_rate : int
        The rate of `wave`, Hz.
    embed : callable
        The loaded model: from windows of its own, float32 of shape (windows, samples), to vectors, float32 of shape (windows,
        vectors, values).
    model : str
        The model: the folder of a SavedModel, or a file .tflite, .keras or .onnx; its content tells which.
    sample_rate : int
        Rate of the sound that the model takes, Hz.
    window : float
        Length of the sound that the model takes, s.
    sha256 : str, optional
        SHA-256 that the model has to have, 64 hex digits; null: it is not verified. Of a folder, that of the lines that sha256sum
        prints of its files.
    remove_mean : bool
        Whether the mean is removed from each window of the model.
    peak : float, optional
        Largest magnitude that each window of the model is scaled to, after the mean is removed; null: it is not scaled.
    output : str, optional
        Output, layer or tensor of the model that the vectors are taken from; null: its only output.
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
    import numpy as np
    import soxr

    from understory.data import examples

    if recorded_rate != sample_rate:
        # One sample more would be another window of the model.
        length = round(len(wave) * sample_rate / recorded_rate)
        wave = soxr.resample(wave, recorded_rate, sample_rate)[:length]
    samples = round(window * sample_rate)
    starts = examples.sliding_starts(duration=len(wave), samples=samples, hop=samples)
    parts = np.zeros((len(starts), samples), dtype=np.float32)
    for part, start in zip(parts, starts, strict=True):
        cut = wave[start : start + samples]
        part[: len(cut)] = cut
    if remove_mean:
        parts -= parts.mean(axis=1, keepdims=True)
    if peak is not None:
        highest = np.abs(parts).max(axis=1, keepdims=True)
        # Silence stays as it is.
        parts *= np.divide(peak, highest, out=np.ones_like(highest), where=highest > 0)
    vectors = embed(parts)
    vectors = vectors.reshape(-1, vectors.shape[-1])
    if pooling == "none":
        return vectors
    return (vectors.mean if pooling == "mean" else vectors.max)(axis=0, keepdims=True)
