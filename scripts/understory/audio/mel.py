"""Mel spectrograms: filters on Slaney's scale, as those of librosa."""

import warnings
from functools import cache

import numpy as np

from understory.audio import stft
from understory.core import mel_scale

# Neighbouring bands that are summed together: together they reach over little more of the spectrum than one.
GROUP = 8


def filters(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float, steps: int = 0
) -> np.ndarray:
    """The weights of the bins of a spectrum in each mel band: triangles of equal area.

    Parameters
    ----------
    sample_rate : int
        Hz.
    n_fft : int
        Samples of a frame.
    n_mels : int
        Bands.
    fmin, fmax : float
        Where the first begins and the last ends, Hz.
    steps : int
        Semitones by which the sound is shifted in the bands: they are reached from frequencies divided by 2^(steps / 12).

    Returns
    -------
    numpy.ndarray
        float64 of shape (n_mels, n_fft // 2 + 1).
    """
    edges = mel_scale.edges(n_mels, fmin, fmax)
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft * 2 ** (steps / 12)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)


@cache
def _groups(*key):
    """Neighbouring bands, the bins that they reach over, and their weights there, float32 of shape (bins, bands)."""
    weights = filters(*key)
    if not weights.any(axis=1).all():
        warnings.warn(
            "some mel bands lie between two bins of the spectrum and stay empty: take a larger n_fft or fewer n_mels",
            stacklevel=2,
        )
    groups = []
    for first in range(0, len(weights), GROUP):
        group = weights[first : first + GROUP]
        reached = np.flatnonzero(group.any(axis=0))
        if len(reached):
            bins = slice(reached[0], reached[-1] + 1)
            groups.append((slice(first, first + len(group)), bins, group[:, bins].T.astype(np.float32)))
    return groups


def power(
    wave: np.ndarray,
    *,
    sample_rate: int,
    n_fft: int,
    hop: int,
    n_mels: int,
    fmin: float,
    fmax: float,
    steps: int = 0,
) -> np.ndarray:
    """The power of a waveform in mel bands.

    Parameters
    ----------
    wave : numpy.ndarray
        float32 of shape (samples,).
    sample_rate, n_fft, hop, n_mels, fmin, fmax, steps
        As `filters` and `stft.frames` take them.

    Returns
    -------
    numpy.ndarray
        float32 of shape (n_mels, 1 + samples // hop): librosa's `melspectrogram`, with relative differences of 1e-6.
    """
    groups = _groups(sample_rate, n_fft, n_mels, fmin, fmax, steps)
    highest = max((bins.stop for _, bins, _ in groups), default=0)
    found = np.zeros((len(stft.frames(wave, n_fft, hop)), n_mels), dtype=np.float32)
    for part, spectra in stft.blocks(wave, n_fft, hop):
        spectra = spectra[:, :highest]
        squared = np.square(spectra.real) + np.square(spectra.imag)
        for bands, bins, weights in groups:
            found[part, bands] = squared[:, bins] @ weights
    return found.T
