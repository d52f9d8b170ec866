"""White noise."""

from typing import Literal

from understory.audio.noise import NoiseSNR, normal
from understory.core.options import Decibels, Share


class GaussianNoiseSNR(NoiseSNR):
    """Add white Gaussian noise at a signal-to-noise ratio drawn for each copy; silence stays silent.

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
        return normal(rng, samples)
