"""Mask bands, as SpecAugment does."""

from math import ceil, floor

from understory.core.options import Count, Share
from understory.training.inputs.masks import masked

# It is for features whose rows are bands and whose columns are frames.
OF_FRAMES = True


def apply(values, rng, *, band=None, masks: Count = 1, max_share: Share = 0.1, spare_event: bool = False):
    """Features in which groups of neighbouring bands have the mean of all values.

    Parameters
    ----------
    values : numpy.ndarray
        float32 of shape (bands, frames, channels).
    rng : numpy.random.Generator
    band : (float, float), optional
        Where the band of the annotated event begins and ends, as shares of the range of the features on the mel scale.
    masks : int
        Groups of bands.
    max_share : float
        Largest group, as a share of the bands.
    spare_event : bool
        Whether the bands of the annotated event stay as they are, for mel spectrograms: those of an annotation whose box has
        frequencies, and does not reach over the whole range. Augmentations that move the bands belong after this one.
    """
    spared = _rows(band, len(values)) if spare_event and band is not None else slice(0)
    return masked(values, rng, 0, masks=masks, max_share=max_share, spared=spared)


def _rows(band, count):
    """The mel bands, of so many, that have a part in a band of frequencies; none where it is the whole range, which says nothing."""
    low, high = band
    if low <= 0 and high >= 1:
        return slice(0)
    # Band k is from k to k + 2 of count + 1 equal steps.
    return slice(max(floor(low * (count + 1)) - 1, 0), ceil(high * (count + 1)))
