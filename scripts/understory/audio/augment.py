"""Augmented copies of windows."""

import numpy as np

from understory.audio import read
from understory.data.store import Stream, in_order
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
    store.Stream, list
        The copies, int16 of shape (samples,), and what was drawn for each.
    """
    rate = settings["crop"]["sample_rate"]
    draws = [chain.draw(rng, windows.shape[1], rate) for rng in streams]
    copies = (
        read.to_int16(chain.apply(read.to_float(window), drawn, rate))
        for window, drawn in zip(in_order(windows), draws, strict=True)
    )
    return Stream(copies, windows.shape[1:], np.int16), draws
