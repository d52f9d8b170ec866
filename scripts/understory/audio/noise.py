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


def normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Standard normal values, float32 of shape (count,), by the method of Box and Muller (1958).

    numpy computes their logarithms and sines many at a time, which takes a third of the time of its own normal values.
    """
    half = (count + 1) // 2
    radius, turn = rng.random(half, dtype=np.float32), rng.random(half, dtype=np.float32)
    # From what is above 0: `random` gives values from 0 on, below 1.
    radius = np.sqrt(-2 * np.log(1 - radius))
    turn *= 2 * math.pi
    values = np.stack([np.cos(turn), np.sin(turn)])
    values *= radius
    return values.reshape(-1)[:count]


def _rms(wave):
    return math.sqrt(np.mean(np.square(wave), dtype=np.float64))


def _peak(wave):
    return float(max(wave.max(), -wave.min()))


LEVELS = {"rms": _rms, "peak": _peak}
