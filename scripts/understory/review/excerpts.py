"""What is seen and heard of a detection: a spectrogram, and a short piece of sound."""

import io
import math
from pathlib import Path

import numpy as np
import soundfile
import soxr
from matplotlib import image

from understory.audio import stft
from understory.inference import excerpts

# Hz at which pieces are played: enough for what ears hear well, and half of the bytes of a recording.
PLAYED = 24_000
# Bits of a sample that are kept: 74 dB, and a FLAC file takes no room for the others.
BITS = 12
# Peak of what is played, as quiet recordings cannot be judged.
PEAK = 0.7
# Seconds of a piece at most; of longer events it shows the beginning.
LONGEST = 20.0
# Pixels of a spectrogram: columns a second, at most so many in all, and rows at least.
COLUMNS, WIDEST, ROWS = 160, 960, 240
# Decibels below the loudest that are told apart, and the share of a spectrogram that is dark, as most of it is noise.
RANGE, DARK = 70.0, 0.4
# Power below which there is nothing.
QUIETEST = 1e-12


def excerpt(path: Path, start: float, end: float, *, context: float, highest: float, slower: int) -> dict:
    """A piece of a recording around an event.

    Parameters
    ----------
    path : Path
    start, end : float
        Of the event, s.
    context : float
        Seconds before and after it.
    highest : float
        Hz up to which the spectrogram is drawn, at most half of the recording's sample rate.
    slower : int
        How many times slower the sound is played.

    Returns
    -------
    dict
        `start` and `stop` of the piece (s), `top` of the spectrogram (Hz), `image` (WebP) and `sound` (FLAC) as bytes.

    Raises
    ------
    InputError
        The recording cannot be read.
    """
    rate = soundfile.info(str(path)).samplerate if path.is_file() else PLAYED
    first, wave = excerpts.around(path, start, end, sample_rate=rate, context=context, longest=LONGEST)
    top = min(highest, rate / 2)
    return {
        "start": first,
        "stop": first + len(wave) / rate,
        "top": top,
        "image": spectrogram(wave, rate, top),
        "sound": sound(wave, rate, slower),
    }


def of_rows(folder: Path, *, context: float, highest: float, slower: int):
    """A function that gives the `excerpt` of a row with `path`, a recording in a folder, `start` and `end`."""

    def of_row(row):
        options = {"context": context, "highest": highest, "slower": slower}
        return excerpt(folder / row.path, row.start, row.end, **options)

    return of_row


def spectrogram(wave: np.ndarray, rate: int, top: float) -> bytes:
    """The spectrogram of a wave, of linear frequency from 0 to `top` Hz, as WebP; loud is light."""
    columns = min(math.ceil(len(wave) / rate * COLUMNS), WIDEST)
    frame = 2 ** math.ceil(math.log2(rate / top * ROWS))
    blocks = stft.blocks(wave, frame, max(len(wave) // columns, 1))
    shown = round((frame // 2 + 1) * top / (rate / 2))
    power = np.concatenate([np.abs(spectra[:, :shown]) ** 2 for _, spectra in blocks]).T
    decibels = np.full(power.shape, -RANGE)
    if power.max() > QUIETEST:
        decibels = np.maximum(10 * np.log10(np.maximum(power, QUIETEST) / power.max()), -RANGE)
    out = io.BytesIO()
    darkest = min(np.quantile(decibels, DARK), -1.0)
    options = {"pil_kwargs": {"quality": 70}, "vmin": darkest, "vmax": 0, "cmap": "magma", "origin": "lower"}
    image.imsave(out, decibels, format="webp", **options)
    return out.getvalue()


def sound(wave: np.ndarray, rate: int, slower: int) -> bytes:
    """A wave as a small FLAC file that a browser plays, its peak at 0.7."""
    rate = rate / slower
    if rate > PLAYED:
        wave, rate = soxr.resample(wave, rate, PLAYED), PLAYED
    peak = np.abs(wave).max(initial=0.0)
    steps = np.round(wave * (PEAK / peak if peak > 0 else 1.0) * 2 ** (BITS - 1))
    out = io.BytesIO()
    soundfile.write(
        out, (steps * 2 ** (16 - BITS)).astype(np.int16), round(rate), format="FLAC", subtype="PCM_16"
    )
    return out.getvalue()
