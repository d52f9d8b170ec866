"""Shift along the bands: on a mel scale, about a shift of the pitch."""

import numpy as np

from understory.core.options import NonNegative

# It is for features whose rows are bands and whose columns are frames.
OF_FRAMES = True


def apply(values, rng, *, max_bands: NonNegative = 4.0):
    """Features whose bands are shifted by a number that is drawn evenly; between bands they are interpolated.

    Parameters
    ----------
    values : numpy.ndarray
        float32 of shape (bands, frames, channels).
    rng : numpy.random.Generator
    max_bands : float
        Largest shift, up or down, in bands.

    Returns
    -------
    numpy.ndarray
        Of the same shape; the outermost bands are repeated.
    """
    last = len(values) - 1
    place = np.arange(len(values)) - rng.uniform(-max_bands, max_bands)
    lower = np.floor(place)
    share = (place - lower).astype(values.dtype)[:, None, None]
    lower = lower.astype(int)
    below, above = values[np.clip(lower, 0, last)], values[np.clip(lower + 1, 0, last)]
    return below + share * (above - below)
