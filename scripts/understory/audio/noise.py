"""Noise at a signal-to-noise ratio, for the transforms that add it."""

import numpy as np

from understory.data.transforms import Transform


class NoiseSNR(Transform):
    """Add noise, which a subclass makes by `_noise(rng, samples)`; silence stays silent."""

    def __init__(self, *, min_snr, max_snr, snr, p):
        super().__init__(p=p)
        self.min_snr, self.max_snr, self.level = min_snr, max_snr, LEVELS[snr]

    def _draw(self, rng, samples, sample_rate):
        return {"snr": float(rng.uniform(self.min_snr, self.max_snr)), "noise": int(rng.integers(2**32))}

    def _apply(self, wave, sample_rate, snr, noise):
        added = self._noise(np.random.default_rng(noise), len(wave))
        return wave + added * (self.level(wave) / self.level(added) * 10 ** (-snr / 20))


def _rms(wave):
    return np.sqrt(np.mean(np.square(wave, dtype=np.float64)))


def _peak(wave):
    return np.abs(wave).max()


LEVELS = {"rms": _rms, "peak": _peak}
