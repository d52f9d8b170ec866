"""Changes of brightness, contrast, saturation and hue."""

import numpy as np

from understory.core.options import Share, ShareUpToHalf
from understory.data.transforms import Transform
from understory.images.opencv import cv2

# Weights of red, green and blue in grey (ITU-R BT.601).
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class ColourJitter(Transform):
    """Change brightness, contrast, saturation and hue, in this order.

    An image of uint8 with three channels is a photograph. Any other has channels of different things, neither saturation nor
    hue, and zeros where there is nothing, which stay zeros.

    Parameters
    ----------
    brightness, contrast, saturation : float
        Largest share by which it is lowered or raised.
    hue : float
        Largest shift in either direction, as a share of the colour circle.
    p : float
        Probability that the transform is applied.
    """

    def __init__(
        self,
        *,
        brightness: Share = 0.0,
        contrast: Share = 0.0,
        saturation: Share = 0.0,
        hue: ShareUpToHalf = 0.0,
        p: Share = 1.0,
    ):
        super().__init__(p=p)
        self.most = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}

    def _draw(self, rng):
        return {name: float(rng.uniform(-most, most)) for name, most in self.most.items()}

    def _apply(self, image, brightness, contrast, saturation, hue):
        highest = np.iinfo(image.dtype).max
        values = np.clip(image.astype(np.float32) / highest * (1 + brightness), 0, 1)
        photograph = image.dtype == np.uint8 and image.shape[2] == 3
        mean = (values @ GREY).mean() if photograph else values.mean(axis=(0, 1))
        values = np.clip(mean + (values - mean) * (1 + contrast), 0, 1)
        if photograph:
            grey = (values @ GREY)[..., None]
            values = np.clip(grey + (values - grey) * (1 + saturation), 0, 1)
            if hue:
                tones = cv2.cvtColor(values, cv2.COLOR_RGB2HSV)
                tones[..., 0] = (tones[..., 0] + 360 * hue) % 360
                values = np.clip(cv2.cvtColor(tones, cv2.COLOR_HSV2RGB), 0, 1)
        else:
            values = np.where(image == 0, 0, values)
        return np.round(values * highest).astype(image.dtype)
