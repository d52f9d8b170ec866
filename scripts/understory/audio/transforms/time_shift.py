"""A shift in time."""

from typing import Literal

import numpy as np

from understory.core.options import NonNegative, Share
from understory.data.transforms import Transform


class TimeShift(Transform):
    """Shift the waveform within its window.

    Parameters
    ----------
    max_shift : float
        Largest shift in either direction, s.
    padding : {"replace", "zero"}
        `replace`: what leaves the window comes in on the other side; `zero`: silence comes in, so that an event may be lost
        from a window that was clamped to its recording's edge.
    p : float
        Probability that the transform is applied.
    """

    def __init__(
        self, *, max_shift: NonNegative, padding: Literal["replace", "zero"] = "replace", p: Share = 1.0
    ):
        super().__init__(p=p)
        self.max_shift, self.padding = max_shift, padding

    def _draw(self, rng, samples, sample_rate):
        most = min(round(self.max_shift * sample_rate), samples)
        return {"samples": int(rng.integers(-most, most, endpoint=True))}

    def _apply(self, wave, sample_rate, samples):
        moved = np.roll(wave, samples)
        if self.padding == "zero":
            moved[slice(None, samples) if samples >= 0 else slice(samples, None)] = 0
        return moved
