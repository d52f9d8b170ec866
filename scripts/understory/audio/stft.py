"""Short-time Fourier transforms of waveforms, of the type of the waveform: float32 gives complex64.

Frames are centred, the first on the first sample, as those of librosa: half a frame of zeros lies on either side of the
waveform. The window is the periodic one of Hann.
"""

from functools import cache

import numpy as np
import scipy.fft

# Frames that are transformed at a time: their spectra stay in the processor's cache.
BLOCK = 64


@cache
def window(size: int, dtype=np.float32) -> np.ndarray:
    """The periodic window of Hann, of shape (size,)."""
    return np.hanning(size + 1)[:-1].astype(dtype)


def frames(wave: np.ndarray, size: int, hop: int) -> np.ndarray:
    """The frames of a waveform, a view.

    Parameters
    ----------
    wave : numpy.ndarray
        Of shape (samples,).
    size, hop : int
        Samples of a frame, and between the starts of two frames.

    Returns
    -------
    numpy.ndarray
        Of shape (frames, size), not to be written to: frames overlap.
    """
    half = size // 2
    padded = np.zeros(len(wave) + 2 * half, dtype=wave.dtype)
    padded[half : half + len(wave)] = wave
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]


def blocks(wave: np.ndarray, size: int, hop: int):
    """The spectra of a waveform's frames, `BLOCK` of them at a time.

    Yields
    ------
    slice, numpy.ndarray
        Which frames, and their spectra, of shape (frames, size // 2 + 1).
    """
    framed, taper = frames(wave, size, hop), window(size, wave.dtype)
    for start in range(0, len(framed), BLOCK):
        part = slice(start, min(start + BLOCK, len(framed)))
        yield part, scipy.fft.rfft(framed[part] * taper, overwrite_x=True)
