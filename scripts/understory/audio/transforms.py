"""Waveform augmentation: small transforms whose draws can be recorded and replayed.

Every transform has `draw(rng, samples, sample_rate)`, which returns what it is going to do as values that
JSON can hold, and `apply(wave, sample_rate, drawn)`, which does it. Waveforms are float32 of shape (samples,).
"""

import colorednoise
import librosa
import numpy as np


class _Transform:
    """A transform that is applied with probability `p`."""

    def __init__(self, *, p: float = 1.0):
        self.p = p

    def draw(self, rng, samples, sample_rate):
        return self._draw(rng, samples, sample_rate) if rng.random() < self.p else None

    def apply(self, wave, sample_rate, drawn):
        return wave if drawn is None else self._apply(wave, sample_rate, **drawn).astype(np.float32)


class _NoiseSNR(_Transform):
    """Add noise at a signal-to-noise ratio drawn between `min_snr` and `max_snr`, dB.

    `snr="rms"` compares mean powers; `snr="peak"` compares the largest magnitudes, as the public notebook does.
    Silence stays silent.
    """

    def __init__(self, *, min_snr: float, max_snr: float, snr: str = "rms", p: float = 1.0):
        super().__init__(p=p)
        self.min_snr, self.max_snr, self.level = min_snr, max_snr, LEVELS[snr]

    def _draw(self, rng, samples, sample_rate):
        return {"snr": float(rng.uniform(self.min_snr, self.max_snr)), "noise": int(rng.integers(2**32))}

    def _apply(self, wave, sample_rate, snr, noise):
        drawn = self._noise(np.random.default_rng(noise), len(wave))
        return wave + drawn * (self.level(wave) / self.level(drawn) * 10 ** (-snr / 20))


class GaussianNoiseSNR(_NoiseSNR):
    """Add white Gaussian noise."""

    def _noise(self, rng, samples):
        return rng.standard_normal(samples)


class PinkNoiseSNR(_NoiseSNR):
    """Add noise whose power falls as 1/f."""

    def _noise(self, rng, samples):
        return colorednoise.powerlaw_psd_gaussian(1, samples, random_state=rng)


class PitchShift(_Transform):
    """Shift the pitch by whole semitones, from -`max_steps` to `max_steps` - 1, at the same pace."""

    def __init__(self, *, max_steps: int, p: float = 1.0):
        super().__init__(p=p)
        self.max_steps = max_steps

    def _draw(self, rng, samples, sample_rate):
        return {"steps": int(rng.integers(-self.max_steps, self.max_steps))}

    def _apply(self, wave, sample_rate, steps):
        return librosa.effects.pitch_shift(wave, sr=sample_rate, n_steps=steps) if steps else wave


class TimeShift(_Transform):
    """Move the window by up to `max_shift` seconds either way.

    `padding="replace"` lets what leaves on one side come in on the other; `"zero"` leaves silence, so that an
    event may be lost from a window that was clamped to its recording's edge.
    """

    def __init__(self, *, max_shift: float, padding: str = "replace", p: float = 1.0):
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


class VolumeControl(_Transform):
    """Change the volume by up to `db_limit` dB, alike everywhere or along a curve over the window.

    `uniform`: the whole window; `fade`: all of it at the start, none at the end; `cosine` and `sine`: one
    period of either over the window.
    """

    def __init__(self, *, db_limit: float, mode: str = "uniform", p: float = 1.0):
        super().__init__(p=p)
        self.db_limit, self.mode = db_limit, mode

    def _draw(self, rng, samples, sample_rate):
        return {"db": float(rng.uniform(-self.db_limit, self.db_limit))}

    def _apply(self, wave, sample_rate, db):
        turn = 2 * np.pi * np.arange(len(wave)) / len(wave)
        curve = {
            "uniform": lambda: 1.0,
            "fade": lambda: np.linspace(1, 0, len(wave)),
            "cosine": lambda: np.cos(turn),
            "sine": lambda: np.sin(turn),
        }[self.mode]()
        return wave * 10 ** (db * curve / 20)


class Compose(_Transform):
    """Apply transforms one after the other.

    What comes in is made finite, and what goes out is scaled down where it would clip.
    """

    def __init__(self, *, transforms, p: float = 1.0):
        super().__init__(p=p)
        self.transforms = transforms

    def _draw(self, rng, samples, sample_rate):
        return {"each": [transform.draw(rng, samples, sample_rate) for transform in self.transforms]}

    def _apply(self, wave, sample_rate, each):
        wave = np.nan_to_num(wave, nan=0.0, posinf=0.0, neginf=0.0)
        for transform, drawn in zip(self.transforms, each, strict=True):
            wave = transform.apply(wave, sample_rate, drawn)
        return wave / max(1.0, float(np.abs(wave).max(initial=0.0)))


class OneOf(_Transform):
    """Apply one of several transforms, each as likely as the others."""

    def __init__(self, *, transforms, p: float = 1.0):
        super().__init__(p=p)
        self.transforms = transforms

    def _draw(self, rng, samples, sample_rate):
        choice = int(rng.integers(len(self.transforms)))
        return {"choice": choice, "drawn": self.transforms[choice].draw(rng, samples, sample_rate)}

    def _apply(self, wave, sample_rate, choice, drawn):
        return self.transforms[choice].apply(wave, sample_rate, drawn)


def _rms(wave):
    return np.sqrt(np.mean(np.square(wave, dtype=np.float64)))


def _peak(wave):
    return np.abs(wave).max()


LEVELS = {"rms": _rms, "peak": _peak}
TRANSFORMS = {
    t.__name__: t
    for t in (GaussianNoiseSNR, PinkNoiseSNR, PitchShift, TimeShift, VolumeControl, Compose, OneOf)
}


def build(chain) -> Compose:
    """The transform that a configured chain describes: a list of mappings from one name to its options."""
    return Compose(transforms=[_build(step) for step in chain])


def _build(step):
    ((name, options),) = step.items()
    options = dict(options or {})
    if "transforms" in options:
        options["transforms"] = [_build(inner) for inner in options["transforms"]]
    return TRANSFORMS[name](**options)
