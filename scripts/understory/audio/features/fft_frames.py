"""Magnitudes of one Fourier transform."""

from understory.core.errors import InputError
from understory.core.options import Count

# Rows are bands, and columns are no frames.
FRAMED = False


def shape(samples: int, *, frames: int, **others) -> tuple[int, int]:
    """Rows, and magnitudes in each, of the features of a window of `samples`."""
    if not 1 <= frames <= samples // 2:
        raise InputError(
            f"features: expected frames from 1 to {samples // 2}, half the samples of a window, found {frames}"
        )
    return frames, samples // 2 // frames


def compute(wave, *, sample_rate: int, frames: Count):
    """The magnitudes of the first half of a window's Fourier transform, standardised, in rows.

    Row after row they go from 0 Hz up to, but not including, half the sample rate: a row is a band of frequencies over the
    whole window, not a moment. 5 s at 32 kHz are 160,000 samples, whose 80,000 magnitudes the public BirdCLEF 2021 entry lays
    out in 100 rows of 800. Where `frames` does not divide them, the highest magnitudes, fewer than `frames`, are left out.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    sample_rate : int
        Hz; makes no difference.
    frames : int
        Rows.

    Returns
    -------
    numpy.ndarray
        float32 of shape (frames, samples // 2 // frames), of mean 0 and deviation 1. A constant window, and one whose
        magnitudes are all equal, give zeros. No value exceeds the square root of their number (283 for 80,000), so that
        float16 holds them with an error of 2**-11 of the value, and of 2**-25 near zero.

    Raises
    ------
    InputError
        There are fewer magnitudes than rows.
    """
    import numpy as np
    import scipy.fft

    rows, columns = shape(len(wave), frames=frames)
    zeros = np.zeros((rows, columns), dtype=np.float32)
    if np.ptp(wave) == 0:
        return zeros
    values = np.abs(scipy.fft.rfft(wave.astype(np.float64)))[: rows * columns]
    mean, deviation = values.mean(), values.std()
    # Equal magnitudes differ by rounding errors, which would be scaled up to a deviation of 1.
    if deviation <= 1e-9 * mean:
        return zeros
    return ((values - mean) / deviation).reshape(rows, columns).astype(np.float32)
