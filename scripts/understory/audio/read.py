"""Reading windows of audio files."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from understory.core import files
from understory.core.errors import InputError

# Context for resampling on either side, s.
MARGIN = 0.02
# Values that are decoded at a time where windows overlap.
BLOCK = 1 << 22


def length(path: Path, sample_rate: int) -> int:
    """The number of samples of a file at `sample_rate` Hz, from its header."""
    info = _opened(path, soundfile.info)
    return info.frames * sample_rate // info.samplerate


def sliding(*, duration: int, samples: int, hop: int) -> Iterator[int]:
    """The first samples of the windows over a recording; the last is flush with the recording's end."""
    last = max(duration - samples, 0)
    yield from range(0, last, hop)
    yield last


def sliding_starts(*, duration: int, samples: int, hop: int) -> list[int]:
    """All that `sliding` gives."""
    return list(sliding(duration=duration, samples=samples, hop=hop))


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
    return next(read_windows(path, [start], samples=samples, sample_rate=sample_rate))


def read_windows(path: Path, starts, *, samples: int, sample_rate: int):
    """Windows of a file, in the order of their rising `starts`, each as `read_window` gives it.

    What windows share is decoded once, `BLOCK` values at a time: no more than that, or than one window, is in memory.
    """
    with _opened(path, soundfile.SoundFile) as file:
        period = math.gcd(file.samplerate, sample_rate)
        down, up = file.samplerate // period, sample_rate // period
        margin = 0 if down == up else math.ceil(MARGIN * file.samplerate / down) * down

        def frames(start):
            """The frames that a window is made of, and how many of its samples come before it in them."""
            # Windows begin where both rates have a sample, so that resampling does not move them.
            skip = start % up
            first = (start - skip) // up * down
            before = min(margin, first)
            wanted = math.ceil((skip + samples) * down / up)
            return first - before, first + wanted + margin, before // down * up + skip

        most = max(1, BLOCK // file.channels)
        last = frames(starts[-1])[1] if len(starts) else 0
        begin, until, block = 0, 0, np.zeros(0, dtype=np.float32)
        for start in starts:
            first, end, skip = frames(start)
            if end > until:
                begin, until = first, max(end, min(first + most, last))
                try:
                    block = _block(file, begin, until)
                except soundfile.LibsndfileError as error:
                    raise InputError(
                        f"{path} cannot be decoded at {start / sample_rate:.2f} s: {error.error_string}"
                    ) from None
            wave = block[first - begin : end - begin]
            if not np.isfinite(wave).all():
                raise InputError(
                    f"{path}: expected finite samples, found others from {start / sample_rate:.2f} s on"
                )
            if down != up:
                wave = soxr.resample(wave, file.samplerate, sample_rate)
            wave = wave[skip : skip + samples]
            yield np.pad(wave, (0, samples - len(wave)))


def _block(file, first, end):
    """The mean of the channels from one frame to another, or to the end of the file: float32."""
    file.seek(min(first, file.frames))
    wave = file.read(end - first, dtype="float32")
    return wave if wave.ndim == 1 else wave.mean(axis=1)


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
    """Samples as 16-bit integers, exactly those of a 16-bit file; a wave that goes beyond ±1 is scaled down to it, as clipping
    would add sounds that are not there."""
    peak = max(np.max(wave, initial=0.0), -np.min(wave, initial=0.0))
    scale = 32768.0 / max(peak, 1.0)
    return np.clip(np.round(wave * scale), -32768, 32767).astype(np.int16)


def to_float(wave: np.ndarray) -> np.ndarray:
    """16-bit integers as float32 samples within ±1."""
    return wave.astype(np.float32) / 32768.0
