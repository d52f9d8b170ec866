"""The samples themselves, for networks that begin with filters of their own."""

from typing import Literal

# One row is no band.
FRAMED = False


def shape(samples: int, **others) -> tuple[int, int]:
    """One row of all samples of a window."""
    return 1, samples


def compute(wave, *, sample_rate: int, normalise: Literal["peak", "rms", "none"] = "peak"):
    """The samples of a window.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    sample_rate : int
        Hz; makes no difference.
    normalise : {"peak", "rms", "none"}
        Scaled so that the largest magnitude is 1, or the mean square, or not at all.

    Returns
    -------
    numpy.ndarray
        float32 of shape (1, samples). Silence stays silence.
    """
    import numpy as np

    level = {
        "peak": np.abs(wave).max(),
        "rms": np.sqrt(np.mean(np.square(wave, dtype=np.float64))),
        "none": 1,
    }[normalise]
    return (wave / level if level > 0 else wave).astype(np.float32)[None]
