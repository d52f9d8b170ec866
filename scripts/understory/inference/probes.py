"""Sounds that hold no event, by which models are probed."""

from pathlib import Path

import colorednoise
import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from understory.core.rng import Stage, stream

# s
SECONDS = 60.0
# Full scale is 1: noise has this root mean square, and a sine this amplitude.
LEVEL = 0.1
# Hz
TONE, WIND = 1000.0, 400.0
# s; gusts of wind come and go about as slowly.
GUST = 5.0
# Of pink noise, so that it is clipped most of the time.
GAIN = 100.0


def _white(rng, samples, rate):
    return LEVEL * rng.normal(size=samples)


def _pink(rng, samples, rate):
    return LEVEL * colorednoise.powerlaw_psd_gaussian(1, samples, random_state=rng)


def _silence(rng, samples, rate):
    return np.zeros(samples)


def _clipping(rng, samples, rate):
    return np.clip(GAIN * _pink(rng, samples, rate), -1, 1)


def _sine(rng, samples, rate):
    return LEVEL * np.sin(2 * np.pi * TONE * np.arange(samples) / rate + rng.uniform(0, 2 * np.pi))


def _wind(rng, samples, rate):
    low = sosfilt(
        butter(4, WIND, fs=rate, output="sos"),
        colorednoise.powerlaw_psd_gaussian(1, samples, random_state=rng),
    )
    count = int(np.ceil(samples / rate / GUST)) + 1
    gusts = np.interp(np.arange(samples) / rate / GUST, np.arange(count), rng.uniform(0.1, 1, size=count))
    return 3 * LEVEL * low / low.std() * gusts


KINDS = {
    "white noise": _white,
    "pink noise": _pink,
    "silence": _silence,
    "clipping": _clipping,
    "sine": _sine,
    "wind": _wind,
}


def wave(kind: str, *, sample_rate: int, seed: int) -> np.ndarray:
    """A probe, one of `KINDS`: float64 (samples,) within ±1, of `SECONDS`.

    White noise, pink (1/f) noise, silence, pink noise far beyond full scale, a sine of 1 kHz, and wind: noise below 400 Hz with
    slow gusts.
    """
    rng = stream(seed, Stage.PROBE, kind)
    return np.clip(KINDS[kind](rng, round(SECONDS * sample_rate), sample_rate), -1, 1)


def write(folder: Path, *, sample_rate: int, seed: int) -> dict[str, Path]:
    """Write each probe as a WAV file: its path, by its name."""
    paths = {kind: Path(folder, f"{kind}.wav") for kind in KINDS}
    for kind, path in paths.items():
        soundfile.write(path, wave(kind, sample_rate=sample_rate, seed=seed), sample_rate, subtype="PCM_16")
    return paths
