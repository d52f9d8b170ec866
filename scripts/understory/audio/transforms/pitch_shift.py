"""A shift of the pitch."""

from understory.audio import vocoder
from understory.core.options import Semitones, Share
from understory.data.transforms import Transform


class PitchShift(Transform):
    """Shift the pitch by a whole number of semitones; the pace stays the same.

    Parameters
    ----------
    max_steps : int
        The shift is drawn from -`max_steps` to `max_steps` - 1 semitones.
    p : float
        Probability that the transform is applied.
    """

    def __init__(self, *, max_steps: Semitones, p: Share = 1.0):
        super().__init__(p=p)
        self.max_steps = max_steps

    def _draw(self, rng, samples, sample_rate):
        return {"steps": int(rng.integers(-self.max_steps, self.max_steps))}

    def _apply(self, wave, sample_rate, steps):
        return vocoder.shift(wave, sample_rate, steps) if steps else wave
