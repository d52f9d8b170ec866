"""Augmented copies of images."""

from understory.data.transforms import Transform


def augment(images, chain: Transform, streams, settings: dict):
    """One augmented copy of each image.

    Parameters
    ----------
    images : iterable of numpy.ndarray
    chain : Transform
    streams : iterable of numpy.random.Generator
        One for each image.
    settings : dict
        Makes no difference.

    Returns
    -------
    iterator of numpy.ndarray, list
        The copies, one at a time, and what was drawn for each.
    """
    draws = [chain.draw(rng) for rng in streams]
    return (chain.apply(image, drawn) for image, drawn in zip(images, draws, strict=True)), draws
