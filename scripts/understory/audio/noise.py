"""Noise at a signal-to-noise ratio, for the transforms that add it."""

import math

import numpy as np

from understory.data.transforms import Transform


class NoiseSNR(Transform):
    """Add noise, float32, which a subclass makes by `_noise(rng, samples)`; silence stays silent."""

    def __init__(self, *, min_snr, max_snr, snr, p):
        super().__init__(p=p)
        self.min_snr, self.max_snr, self.level = min_snr, max_snr, LEVELS[snr]

    def _draw(self, rng, samples, sample_rate):
        return {"snr": float(rng.uniform(self.min_snr, self.max_snr)), "noise": int(rng.integers(2**32))}

    def _apply(self, wave, sample_rate, snr, noise):
        added = self._noise(np.random.default_rng(noise), len(wave))
        added *= self.level(wave) / self.level(added) * 10 ** (-snr / 20)
        added += wave
        return added


def _rms(wave):
    return math.sqrt(np.mean(np.square(wave), dtype=np.float64))


def _peak(wave):
    return float(max(wave.max(), -wave.min()))


LEVELS = {"rms": _rms, "peak": _peak}
