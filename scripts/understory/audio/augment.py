"""Augmented copies of windows."""

import numpy as np

from understory.audio import read
from understory.data.transforms import Transform


def augment(windows: np.ndarray, chain: Transform, streams, settings: dict):
    """One augmented copy of each window.

    Parameters
    ----------
    windows : numpy.ndarray
        int16 of shape (windows, samples).
    chain : Transform
    streams : iterable of numpy.random.Generator
        One for each window.
    settings : dict
        `crop`: `sample_rate`, Hz.

    Returns
    -------
    numpy.ndarray, list
        int16 of the same shape, and what was drawn for each.
    """
    rate = settings["crop"]["sample_rate"]
    draws = [chain.draw(rng, windows.shape[1], rate) for rng in streams]
    copies = np.empty_like(windows)
    for number, drawn in enumerate(draws):
        copies[number] = read.to_int16(chain.apply(read.to_float(windows[number]), drawn, rate))
    return copies, draws
