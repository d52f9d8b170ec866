"""Mask bands, as SpecAugment does."""

from understory.core.options import Count, Share
from understory.training.inputs.masks import masked

# It is for features whose rows are bands and whose columns are frames.
OF_FRAMES = True


def apply(values, rng, *, masks: Count = 1, max_share: Share = 0.1):
    """Features in which groups of neighbouring bands have the mean of all values.

    Parameters
    ----------
    masks : int
        Groups of bands.
    max_share : float
        Largest group, as a share of the bands.
    """
    return masked(values, rng, 0, masks=masks, max_share=max_share)
