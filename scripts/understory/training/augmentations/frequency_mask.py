"""Mask bands, as SpecAugment does."""

from understory.core.options import Count, Share


def apply(values, rng, *, masks: Count = 1, max_share: Share = 0.1):
    """Features in which some neighbouring bands have the mean of all values.

    D. S. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", Interspeech 2019.

    Parameters
    ----------
    values : numpy.ndarray
        float32 of shape (bands, frames, channels).
    rng : numpy.random.Generator
    masks : int
        Groups of bands.
    max_share : float
        Largest group, as a share of the bands.

    Returns
    -------
    numpy.ndarray
        Of the same shape.
    """
    masked, mean = values.copy(), values.mean()
    for _ in range(masks):
        height = rng.integers(round(max_share * len(values)) + 1)
        start = rng.integers(len(values) - height + 1)
        masked[start : start + height] = mean
    return masked
