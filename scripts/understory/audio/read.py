"""Reading windows of audio files."""

import math
from pathlib import Path

import numpy as np
import soundfile
import soxr

from understory.core import files
from understory.core.errors import InputError

# Context for resampling on either side, s.
MARGIN = 0.02


def length(path: Path, sample_rate: int) -> int:
    """The number of samples of a file at `sample_rate` Hz, from its header."""
    info = _opened(path, soundfile.info)
    return info.frames * sample_rate // info.samplerate


def read_window(path: Path, *, start: int, samples: int, sample_rate: int) -> np.ndarray:
    """Decode one window of a file, and little more.

    Parameters
    ----------
    path : Path
        Any file that libsndfile reads, of any rate and number of channels (mixed down by their mean).
    start, samples : int
        The first sample of the window and its length, at `sample_rate`.
    sample_rate : int
        Hz; a file of another rate is resampled by soxr.

    Returns
    -------
    numpy.ndarray
        float32 of shape (samples,); zeros after the end of the file.

    Raises
    ------
    InputError
        The file cannot be decoded, or holds samples that are not finite.
    """
    with _opened(path, soundfile.SoundFile) as file:
        period = math.gcd(file.samplerate, sample_rate)
        down, up = file.samplerate // period, sample_rate // period
        # Windows begin where both rates have a sample, so that resampling does not move them.
        skip = start % up
        first = (start - skip) // up * down
        margin = 0 if down == up else math.ceil(MARGIN * file.samplerate / down) * down
        before = min(margin, first)
        wanted = math.ceil((skip + samples) * down / up)
        try:
            file.seek(min(first - before, file.frames))
            wave = file.read(before + wanted + margin, dtype="float32")
        except soundfile.LibsndfileError as error:
            raise InputError(
                f"{path} cannot be decoded at {start / sample_rate:.2f} s: {error.error_string}"
            ) from None
    if wave.ndim > 1:
        wave = wave.mean(axis=1)
    if not np.isfinite(wave).all():
        raise InputError(f"{path}: expected finite samples, found others from {start / sample_rate:.2f} s on")
    if down != up:
        wave = soxr.resample(wave, file.samplerate, sample_rate)[before // down * up :]
    wave = wave[skip : skip + samples]
    return np.pad(wave, (0, samples - len(wave)))


def _opened(path, opener):
    if other := files.other(path):
        raise InputError(f"{path}: expected an audio file, found {other}")
    try:
        return opener(str(path))
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"{path}: expected an audio file, found that it cannot be decoded: {error.error_string.rstrip('.')}"
        ) from None


def to_int16(wave: np.ndarray) -> np.ndarray:
    """Samples within ±1 as 16-bit integers, exactly those of a 16-bit file; samples beyond are clipped."""
    return np.clip(np.round(wave * 32768.0), -32768, 32767).astype(np.int16)


def to_float(wave: np.ndarray) -> np.ndarray:
    """16-bit integers as float32 samples within ±1."""
    return wave.astype(np.float32) / 32768.0
