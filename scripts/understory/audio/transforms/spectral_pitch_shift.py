"""A shift of the pitch of the spectrogram."""

from understory.core.options import Semitones, Share
from understory.data.transforms import Transform


class SpectralPitchShift(Transform):
    """Shift the pitch by a whole number of semitones in the spectrogram, which costs nothing; `PitchShift` is most of a copy's cost.

    The waveform stays as it is, and so does the copy that is kept. Its log-mel spectrogram is computed with filters whose
    frequencies are divided by 2^(steps / 12), which moves what sounds between them by `steps` semitones. This is not the
    spectrogram of a shifted waveform: partials are as wide as before, in Hz, and nothing is resynthesised. The other
    transforms of the chain act on the waveform before it, wherever it stands. For models whose features are `log_mel`.

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
        return {"spectral_steps": int(rng.integers(-self.max_steps, self.max_steps))}

    def _apply(self, wave, sample_rate, spectral_steps):
        return wave
