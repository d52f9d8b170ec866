"""Shifts of the pitch by a phase vocoder (Flanagan and Golden 1966; Laroche and Dolson 1999) and resampling.

The result is that of librosa's `pitch_shift` with its defaults, computed in float64. A phase is a complex number of
magnitude 1, and phases are added by multiplying: librosa adds angles, which grow to millions of radians, of which float32
holds but one digit after the point.
"""

import math
from functools import cache

import numpy as np
import scipy.fft
import soxr

from understory.audio import stft

FRAME, HOP = 2048, 512
OVERLAP = FRAME // HOP
# The sum of the squared windows that overlap.
SQUARES = 1.5
# What is quieter has no phase that a later sound could depend on: it is taken for a zero, whose phase is 0.
QUIETEST = np.float32(1e-18)


def shift(wave: np.ndarray, sample_rate: int, steps: float) -> np.ndarray:
    """Shift the pitch of a waveform; its length stays.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    sample_rate : int
        Hz.
    steps : float
        Semitones; up if positive.

    Returns
    -------
    numpy.ndarray
        float32 of shape (samples,).
    """
    pace = 2.0 ** (-steps / 12)
    shifted = soxr.resample(stretch(wave, pace), sample_rate / pace, sample_rate, quality="soxr_hq")
    # As many samples as librosa's `resample` gives, of which its `pitch_shift` takes the first.
    shifted = shifted[: min(len(wave), math.ceil(round(len(wave) / pace) * pace))]
    return np.pad(shifted, (0, len(wave) - len(shifted)))


def stretch(wave: np.ndarray, pace: float) -> np.ndarray:
    """A waveform played at another pace, at the same pitch: librosa's `time_stretch`.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    pace : float
        How many times as fast.

    Returns
    -------
    numpy.ndarray
        float32 of shape (round(samples / pace),).
    """
    framed = stft.frames(wave, FRAME, HOP)
    samples = round(len(wave) / pace)
    # Where the frames of the result lie among those of the waveform: at or `after` the one `before`.
    places = np.arange(0, len(framed), pace)[: math.ceil((samples + FRAME) / HOP)]
    before = places.astype(int)
    after = (places - before).astype(np.float32)[:, None]
    # The frame after the last place's. As long as the places pass frame after frame, it is the next place's.
    expected = np.concatenate([[0], before[:-1] + 1])
    phase = np.ones(FRAME // 2 + 1, dtype=np.complex64)
    out = np.zeros((len(places) + OVERLAP - 1, HOP), dtype=np.float32)
    taper = (stft.window(FRAME) / SQUARES).reshape(OVERLAP, HOP)
    for start in range(0, len(places), stft.BLOCK):
        part = slice(start, start + stft.BLOCK)
        first = min(before[start], expected[start])
        spectra, magnitudes = _spectra(framed, first, before[part][-1] + 2)
        rows = before[part] - first
        phases, phase = _phases(spectra, rows, expected[part] - first, phase)
        growth = magnitudes[1:] / magnitudes[:-1] - 1
        made = spectra[rows]
        made *= 1 + after[part] * growth[rows]
        made *= phases
        waves = scipy.fft.irfft(made, n=FRAME, overwrite_x=True).reshape(-1, OVERLAP, HOP)
        waves *= taper
        for number in range(OVERLAP):
            out[start + number : start + number + len(waves)] += waves[:, number]
    for row, factor in _edges(len(places)):
        out[row] *= factor
    out = out.reshape(-1)[FRAME // 2 :][:samples]
    return np.pad(out, (0, samples - len(out)))


def _spectra(framed, start, stop):
    """The spectra of some frames, silence after the last, and their magnitudes, none of which is zero."""
    taken = framed[start:stop]
    spectra = np.zeros((stop - start, FRAME // 2 + 1), dtype=np.complex64)
    spectra[: len(taken)] = scipy.fft.rfft(taken * stft.window(FRAME, np.float64), overwrite_x=True)
    magnitudes = np.abs(spectra)
    if magnitudes.min() < QUIETEST:
        quiet = magnitudes < QUIETEST
        spectra[quiet] = magnitudes[quiet] = QUIETEST
    return spectra, magnitudes


def _phases(spectra, rows, expected, phase):
    """What the frames in `rows` are multiplied by, after one that was multiplied by `phase`; and the last of these.

    From place to place, a phase advances as from the frame before the first one to the frame after it. Where this is the
    frame before the second one, both are multiplied by the same.
    """
    changed = expected != rows
    turns = spectra[expected[changed]] * np.conj(spectra[rows[changed]])
    magnitudes = np.abs(turns)
    turns.real /= magnitudes
    turns.imag /= magnitudes
    phases = np.empty((len(turns) + 1, len(phase)), dtype=np.complex64)
    # Rounding errors of its magnitude do not grow beyond a block.
    phases[0] = phase / np.abs(phase)
    for number, turn in enumerate(turns):
        np.multiply(phases[number], turn, out=phases[number + 1])
    return phases[np.cumsum(changed)], phases[-1]


@cache
def _edges(count):
    """Rows of `HOP` samples in which less than `OVERLAP` of `count` frames overlap, and what makes up for it."""
    squares = np.square(stft.window(FRAME, np.float64)).reshape(OVERLAP, HOP)
    rows = {*range(OVERLAP - 1), *range(count, count + OVERLAP - 1)}
    edges = []
    for row in sorted(rows):
        total = sum(squares[number] for number in range(OVERLAP) if 0 <= row - number < count)
        factor = np.divide(SQUARES, total, out=np.ones(HOP), where=total > 0)
        edges.append((row, factor.astype(np.float32)))
    return edges
