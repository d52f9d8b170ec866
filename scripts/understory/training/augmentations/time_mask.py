"""Mask frames, as SpecAugment does."""

from understory.core.options import Count, Share
from understory.training.inputs.masks import masked

# It is for features whose rows are bands and whose columns are frames.
OF_FRAMES = True


def apply(values, rng, *, masks: Count = 1, max_share: Share = 0.1):
    """Features in which stretches of frames have the mean of all values.

    Parameters
    ----------
    masks : int
        Stretches.
    max_share : float
        Longest stretch, as a share of the frames.
    """
    return masked(values, rng, 1, masks=masks, max_share=max_share)
