"""A flip of left and right."""

from understory.core.options import Share
from understory.data.transforms import Transform


class HorizontalFlip(Transform):
    """Flip left and right.

    Parameters
    ----------
    p : float
        Probability that the transform is applied.
    """

    def __init__(self, *, p: Share = 1.0):
        super().__init__(p=p)

    def _apply(self, image):
        return image[:, ::-1]
