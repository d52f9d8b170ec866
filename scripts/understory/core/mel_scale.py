"""The mel scale of Slaney's Auditory Toolbox (1998), which is librosa's: linear below 1000 Hz and logarithmic above."""

import numpy as np

# Three mel for 200 Hz, and above 1000 Hz 27 mel for a factor of 6.4.
LINEAR, BREAK, STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def to_mel(hertz):
    """Frequencies in Hz on the mel scale."""
    above = BREAK / LINEAR + np.log(np.maximum(hertz, BREAK) / BREAK) / STEP
    return np.where(np.less(hertz, BREAK), np.divide(hertz, LINEAR), above)


def to_hertz(mel):
    """Points of the mel scale in Hz."""
    above = BREAK * np.exp(STEP * (np.maximum(mel, BREAK / LINEAR) - BREAK / LINEAR))
    return np.where(np.less(mel, BREAK / LINEAR), np.multiply(mel, LINEAR), above)


def edges(n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """The frequencies at which mel bands begin, have their peak and end, Hz: three neighbours a band.

    Parameters
    ----------
    n_mels : int
        Bands.
    fmin, fmax : float
        Where the first begins and the last ends, Hz.

    Returns
    -------
    numpy.ndarray
        float64 of shape (n_mels + 2,), evenly spaced on the mel scale.
    """
    return to_hertz(np.linspace(to_mel(fmin), to_mel(fmax), n_mels + 2))
