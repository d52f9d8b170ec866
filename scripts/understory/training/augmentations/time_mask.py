"""Mask frames, as SpecAugment does."""

from understory.core.options import Count, Share


def apply(values, rng, *, masks: Count = 1, max_share: Share = 0.1):
    """Features in which stretches of frames have the mean of all values.

    D. S. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", Interspeech 2019.

    Parameters
    ----------
    values : numpy.ndarray
        float32 of shape (bands, frames, channels).
    rng : numpy.random.Generator
    masks : int
        Stretches.
    max_share : float
        Longest stretch, as a share of the frames.

    Returns
    -------
    numpy.ndarray
        Of the same shape.
    """
    masked, mean = values.copy(), values.mean()
    for _ in range(masks):
        length = rng.integers(round(max_share * values.shape[1]) + 1)
        start = rng.integers(values.shape[1] - length + 1)
        masked[:, start : start + length] = mean
    return masked
