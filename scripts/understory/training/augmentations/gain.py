"""Another level, for features in decibels that are not normalised."""

from understory.core.options import NonNegative

# It is for features in dB of power that are not normalised.
IN_DECIBELS = True


def apply(values, rng, *, max_db: NonNegative = 6.0):
    """Features to which a level is added that is drawn evenly.

    Parameters
    ----------
    values : numpy.ndarray
        float32 of shape (bands, frames, channels).
    rng : numpy.random.Generator
    max_db : float
        Largest change of the level, up or down, dB.

    Returns
    -------
    numpy.ndarray
        Of the same shape.
    """
    return values + values.dtype.type(rng.uniform(-max_db, max_db))
