"""Clips as songs: read, trimmed, cut and measured."""

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
from scipy.fft import next_fast_len, rfft, rfftfreq
from scipy.signal import butter, sosfiltfilt

from understory.audio import read
from understory.core.errors import InputError
from understory.synthetic.soundscapes import SAMPLE_RATE, SONG_TYPES

# Share of a recording that one song takes at most, so that the songs of one do not all cover each other.
LONGEST = 1 / 3
SHORTEST = 0.01  # s of a clip
# Hz; below it, wind and handling often outdo what a clip was recorded for, and would decide its box.
RUMBLE = 80.0
# dB below its loudest frame at which the ends of a clip are silent; the noise covers what is as faint.
SILENT = 20.0
FADE = 0.005  # s
# Share of the energy between a box's lowest and highest frequency, as much of the rest below as above.
BULK = 0.9
# Room beyond these, as the songs of arithmetic have it.
ROOM = 0.05


class ClipSongs(NamedTuple):
    """Species that sing with clips; it has what `understory.synthetic.soundscapes.Songs` has.

    `files[subset][species]` are clips, first of the `classes` that are labels, then of the background.
    """

    classes: int
    files: dict[str, tuple[tuple[Path, ...], ...]]

    @property
    def background(self) -> tuple[int, ...]:
        return tuple(range(self.classes, len(self.files["train"])))

    def song_types(self, species: int) -> tuple[int, ...]:
        return SONG_TYPES[:1]

    def sing(self, species: int, song_type: int, number: int, *, subset: str, duration: float):
        """A waveform at 48 kHz (float64, mean power 1) and its lowest and highest frequency, Hz.

        It is a clip that sings in recordings of this subset alone, a third as long as these at most.
        """
        files = self.files[subset][species]
        return song(files[number % len(files)], int(LONGEST * duration * SAMPLE_RATE))


def singers(classes: int, files: dict) -> ClipSongs:
    """Who sings with these clips; InputError where one is no audio file."""
    for each in files.values():
        for paths in each:
            for path in paths:
                read.length(path, SAMPLE_RATE)
    return ClipSongs(classes, files)


# As many as one recording asks for twice.
@lru_cache(maxsize=16)
def song(path: Path, longest: int):
    """The loudest stretch of a clip without its silent ends and rumble, and the frequencies its energy lies between.

    Parameters
    ----------
    path : Path
        Any file that libsndfile reads.
    longest : int
        Samples at 48 kHz that the stretch has at most.

    Returns
    -------
    wave : numpy.ndarray
        float64 of shape (samples,) at 48 kHz, of mean power 1.
    low, high : float
        Hz.

    Raises
    ------
    InputError
        The clip cannot be decoded, is silent or too short.
    """
    wave = read.read_window(
        path, start=0, samples=read.length(path, SAMPLE_RATE), sample_rate=SAMPLE_RATE
    ).astype(np.float64)
    silent = len(wave) == 0 or np.ptp(wave) == 0
    if silent or len(wave) < SHORTEST * SAMPLE_RATE:
        raise InputError(
            f"{path}: expected {SHORTEST} s of sound or more, found {len(wave) / SAMPLE_RATE:.3f} s"
            + (" of silence" if silent else "")
        )
    wave = sosfiltfilt(butter(4, RUMBLE, "highpass", fs=SAMPLE_RATE, output="sos"), wave)
    wave /= np.abs(wave).max()
    if len(wave) > longest:
        energy = np.concatenate([[0.0], np.cumsum(wave**2)])
        start = int(np.argmax(energy[longest:] - energy[:-longest]))
        wave = wave[start : start + longest]
    wave, _ = librosa.effects.trim(wave, top_db=SILENT)
    ramp = np.arange(1, len(wave) + 1) / (FADE * SAMPLE_RATE)
    wave = wave * np.minimum(1, np.minimum(ramp, ramp[::-1]))
    wave /= math.sqrt(np.mean(wave**2))

    padded = next_fast_len(len(wave), real=True)
    energy = np.cumsum(np.abs(rfft(wave, padded)) ** 2)
    low, high = np.searchsorted(energy / energy[-1], [(1 - BULK) / 2, (1 + BULK) / 2])
    # The bin above, so that a tone's box has a height as well.
    frequencies = rfftfreq(padded, 1 / SAMPLE_RATE)
    return (
        wave,
        float(frequencies[low] * (1 - ROOM)),
        float(min(frequencies[high] + SAMPLE_RATE / padded, SAMPLE_RATE / 2 / (1 + ROOM)) * (1 + ROOM)),
    )
