"""Masks over features, as SpecAugment has them."""

import numpy as np


def masked(
    values, rng: np.random.Generator, axis: int, *, masks: int, max_share: float, spared: slice = slice(0)
) -> np.ndarray:
    """Features in which stretches along an axis have the mean of all values.

    D. S. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", Interspeech 2019.

    Parameters
    ----------
    values : numpy.ndarray
        float32 of shape (bands, frames, channels).
    rng : numpy.random.Generator
    axis : int
        0 for bands, 1 for frames.
    masks : int
        Stretches.
    max_share : float
        Longest stretch, as a share of the axis. Lengths and places are drawn evenly.
    spared : slice
        What stays as it is along the axis, wherever masks lie.

    Returns
    -------
    numpy.ndarray
        Of the same shape.
    """
    found, mean = values.copy(), values.mean()
    along = found.swapaxes(0, axis)
    for _ in range(masks):
        length = rng.integers(round(max_share * len(along)) + 1)
        start = rng.integers(len(along) - length + 1)
        along[start : start + length] = mean
    along[spared] = values.swapaxes(0, axis)[spared]
    return found
