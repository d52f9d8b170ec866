"""A change of the volume."""

import math
from functools import cache
from typing import Literal

import numpy as np

from understory.core.options import NonNegative, Share
from understory.data.transforms import Transform


class VolumeControl(Transform):
    """Change the volume, by the same gain everywhere or along a curve over the window.

    Parameters
    ----------
    db_limit : float
        Largest gain or attenuation, dB.
    mode : {"uniform", "fade", "cosine", "sine"}
        `uniform`: the whole window by the same gain; `fade`: all of the gain at the start and, linearly, none at the end;
        `cosine` and `sine`: along one period over the window.
    p : float
        Probability that the transform is applied.
    """

    def __init__(
        self,
        *,
        db_limit: NonNegative,
        mode: Literal["uniform", "fade", "cosine", "sine"] = "uniform",
        p: Share = 1.0,
    ):
        super().__init__(p=p)
        self.db_limit, self.mode = db_limit, mode

    def _draw(self, rng, samples, sample_rate):
        return {"db": float(rng.uniform(-self.db_limit, self.db_limit))}

    def _apply(self, wave, sample_rate, db):
        return wave * np.exp(_curve(self.mode, len(wave)) * (db * math.log(10) / 20))


@cache
def _curve(mode, samples):
    """The share of the gain, in dB, at each sample, float32."""
    turn = 2 * np.pi * np.arange(samples) / samples
    curve = {
        "uniform": lambda: 1.0,
        "fade": lambda: np.linspace(1, 0, samples),
        "cosine": lambda: np.cos(turn),
        "sine": lambda: np.sin(turn),
    }[mode]()
    return np.float32(curve)
