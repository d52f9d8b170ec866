"""A rotation about the centre."""

from typing import Literal

import numpy as np

from understory.core.options import Degrees, Share
from understory.data.transforms import Transform
from understory.images.opencv import cv2

BORDERS = {"reflect": cv2.BORDER_REFLECT_101, "zero": cv2.BORDER_CONSTANT}


class Rotation(Transform):
    """Rotate the image about its centre.

    Parameters
    ----------
    max_angle : float
        Largest angle in either direction, degrees.
    border : {"reflect", "zero"}
        `reflect`: the corners are filled with what is beside them, mirrored; `zero`: with zeros.
    p : float
        Probability that the transform is applied.
    """

    def __init__(self, *, max_angle: Degrees, border: Literal["reflect", "zero"] = "reflect", p: Share = 1.0):
        super().__init__(p=p)
        self.max_angle, self.border = max_angle, BORDERS[border]

    def _draw(self, rng):
        return {"angle": float(rng.uniform(-self.max_angle, self.max_angle))}

    def _apply(self, image, angle):
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
        # OpenCV rotates four channels at most.
        parts = [
            cv2.warpAffine(
                np.ascontiguousarray(image[..., first : first + 4]),
                matrix,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=self.border,
            ).reshape(height, width, -1)
            for first in range(0, image.shape[2], 4)
        ]
        return np.concatenate(parts, axis=2)
