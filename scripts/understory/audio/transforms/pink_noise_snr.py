"""Pink noise."""

from functools import cache
from typing import Literal

import numpy as np
import scipy.fft

from understory.audio.noise import NoiseSNR, normal
from understory.core.options import Decibels, Share


class PinkNoiseSNR(NoiseSNR):
    """Add noise whose power falls as 1/f at a signal-to-noise ratio drawn for each copy; silence stays silent.

    Parameters
    ----------
    min_snr, max_snr : float
        Bounds of the ratio, dB.
    snr : {"rms", "peak"}
        `rms`: ratio of mean powers; `peak`: of the largest magnitudes, as the public notebook has it.
    p : float
        Probability that the transform is applied.
    """

    def __init__(
        self, *, min_snr: Decibels, max_snr: Decibels, snr: Literal["rms", "peak"] = "rms", p: Share = 1.0
    ):
        super().__init__(min_snr=min_snr, max_snr=max_snr, snr=snr, p=p)

    def _noise(self, rng, samples):
        spectrum = normal(rng, 2 * (samples // 2 + 1))
        spectrum *= _scale(samples)
        return scipy.fft.irfft(spectrum.view(np.complex64), n=samples, overwrite_x=True)


@cache
def _scale(samples):
    """Deviations of the real and imaginary parts of a spectrum whose power falls as 1/f, float32 of shape (2 * bins,).

    As those of Timmer and Koenig (1995): the power at 0 Hz is that of the lowest frequency above it, and values that have
    no imaginary part have the power of both parts.
    """
    parts = np.repeat(np.maximum(np.arange(samples // 2 + 1), 1) ** -0.5, 2).reshape(-1, 2)
    parts[0] *= np.sqrt(2), 0
    if samples % 2 == 0:
        parts[-1] *= np.sqrt(2), 0
    return parts.reshape(-1).astype(np.float32)
