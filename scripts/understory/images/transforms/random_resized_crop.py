"""A crop at random, at the size of the whole."""

import math

from understory.core.options import AtLeastOne, PositiveShare, Share
from understory.data.transforms import Transform
from understory.images import pixels


class RandomResizedCrop(Transform):
    """Cut out a part and resize it to the whole (C. Szegedy et al., "Going deeper with convolutions", CVPR 2015).

    Parameters
    ----------
    min_area : float
        Least area of the part, as a share of the image's area.
    max_aspect : float
        Greatest ratio between the aspect of the part and that of the image, or its inverse.
    p : float
        Probability that the transform is applied.
    """

    def __init__(
        self, *, min_area: PositiveShare, max_aspect: AtLeastOne = 1.3333333333333333, p: Share = 1.0
    ):
        super().__init__(p=p)
        self.min_area, self.max_aspect = min_area, max_aspect

    def _draw(self, rng):
        area = rng.uniform(self.min_area, 1)
        # A part of a more extreme aspect would not fit.
        most = math.log(min(self.max_aspect, 1 / area))
        aspect = math.exp(rng.uniform(-most, most))
        height, width = min(1.0, math.sqrt(area / aspect)), min(1.0, math.sqrt(area * aspect))
        return {
            "top": float(rng.uniform(0, 1 - height)),
            "left": float(rng.uniform(0, 1 - width)),
            "height": height,
            "width": width,
        }

    def _apply(self, image, top, left, height, width):
        part = pixels.within(image, (top, top + height, left, left + width))
        return pixels.resized(part, *image.shape[:2])
