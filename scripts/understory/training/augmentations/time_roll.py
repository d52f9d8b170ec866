"""Roll in time: what leaves at one end comes in at the other."""

import numpy as np

from understory.core.options import Share

# It is for features whose rows are bands and whose columns are frames.
OF_FRAMES = True


def apply(values, rng, *, max_share: Share = 1.0):
    """Features whose frames are rolled by a number that is drawn evenly.

    Parameters
    ----------
    values : numpy.ndarray
        float32 of shape (bands, frames, channels).
    rng : numpy.random.Generator
    max_share : float
        Largest roll to either side, as a share of the frames.

    Returns
    -------
    numpy.ndarray
        Of the same shape.
    """
    most = round(max_share * values.shape[1])
    return np.roll(values, rng.integers(-most, most + 1), axis=1)
