"""Augmentation of pictures: small transforms whose draws can be recorded and replayed.

Every transform has `draw(rng)`, which returns what it is going to do as values that JSON can hold, and
`apply(picture, drawn)`, which does it. Pictures are uint8 or uint16 of shape (height, width, channels), and keep their
shape and type. One of uint8 with three channels is a photograph in red, green and blue; the channels of any other are
of different things, and zero is where there is nothing.
"""

import math

import numpy as np

from understory.core.errors import InputError
from understory.images import pixels
from understory.images.opencv import cv2

# Of red, green and blue in grey (ITU-R BT.601).
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class _Transform:
    """A transform that is applied with probability `p`."""

    def __init__(self, *, p: float = 1.0):
        self.p = p

    def draw(self, rng):
        return self._draw(rng) if rng.random() < self.p else None

    def apply(self, picture, drawn):
        return picture if drawn is None else np.ascontiguousarray(self._apply(picture, **drawn))

    def _draw(self, rng):
        return {}


class RandomResizedCrop(_Transform):
    """Stretch a part of the picture to its size (C. Szegedy et al., "Going deeper with convolutions", CVPR 2015).

    The part has at least `min_area` of the picture's area; its aspect over the picture's is `max_aspect` at most, or its
    inverse at least.
    """

    def __init__(self, *, min_area: float, max_aspect: float = 4 / 3, p: float = 1.0):
        super().__init__(p=p)
        self.min_area, self.max_aspect = min_area, max_aspect

    def _draw(self, rng):
        area = rng.uniform(self.min_area, 1)
        # What is wider than this would not fit.
        most = math.log(min(self.max_aspect, 1 / area))
        aspect = math.exp(rng.uniform(-most, most))
        height, width = min(1.0, math.sqrt(area / aspect)), min(1.0, math.sqrt(area * aspect))
        return {
            "top": float(rng.uniform(0, 1 - height)),
            "left": float(rng.uniform(0, 1 - width)),
            "height": height,
            "width": width,
        }

    def _apply(self, picture, top, left, height, width):
        part = pixels.within(picture, (top, top + height, left, left + width))
        return pixels.resized(part, *picture.shape[:2])


class HorizontalFlip(_Transform):
    """Let left and right change places."""

    def _apply(self, picture):
        return picture[:, ::-1]


class VerticalFlip(_Transform):
    """Turn the picture upside down by mirroring it."""

    def _apply(self, picture):
        return picture[::-1]


class Rotation(_Transform):
    """Rotate the picture about its centre by up to `max_angle` degrees either way.

    `border="reflect"` fills its corners with what is beside them, mirrored; `"zero"` with zeros.
    """

    def __init__(self, *, max_angle: float, border: str = "reflect", p: float = 1.0):
        super().__init__(p=p)
        self.max_angle, self.border = max_angle, BORDERS[border]

    def _draw(self, rng):
        return {"angle": float(rng.uniform(-self.max_angle, self.max_angle))}

    def _apply(self, picture, angle):
        height, width = picture.shape[:2]
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
        out = [
            cv2.warpAffine(
                np.ascontiguousarray(picture[..., first : first + 4]),
                turn,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=self.border,
            ).reshape(height, width, -1)
            for first in range(0, picture.shape[2], 4)
        ]
        return np.concatenate(out, axis=2)


class ColourJitter(_Transform):
    """Change brightness, contrast, saturation and hue, in this order.

    Each of the first three is a share by which it is lowered or raised at most; `hue` is a share of the colour circle,
    0.5 at most. What is no photograph has neither saturation nor hue, and its zeros stay zeros.
    """

    def __init__(
        self,
        *,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        p: float = 1.0,
    ):
        super().__init__(p=p)
        self.most = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}

    def _draw(self, rng):
        return {name: float(rng.uniform(-most, most)) for name, most in self.most.items()}

    def _apply(self, picture, brightness, contrast, saturation, hue):
        highest = np.iinfo(picture.dtype).max
        values = np.clip(picture.astype(np.float32) / highest * (1 + brightness), 0, 1)
        photograph = picture.dtype == np.uint8 and picture.shape[2] == 3
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
            values = np.where(picture == 0, 0, values)
        return np.round(values * highest).astype(picture.dtype)


class Compose(_Transform):
    """Apply transforms one after the other."""

    def __init__(self, *, transforms, p: float = 1.0):
        super().__init__(p=p)
        self.transforms = transforms

    def _draw(self, rng):
        return {"each": [transform.draw(rng) for transform in self.transforms]}

    def _apply(self, picture, each):
        for transform, drawn in zip(self.transforms, each, strict=True):
            picture = transform.apply(picture, drawn)
        return picture


class OneOf(_Transform):
    """Apply one of several transforms, each as likely as the others."""

    def __init__(self, *, transforms, p: float = 1.0):
        super().__init__(p=p)
        self.transforms = transforms

    def _draw(self, rng):
        choice = int(rng.integers(len(self.transforms)))
        return {"choice": choice, "drawn": self.transforms[choice].draw(rng)}

    def _apply(self, picture, choice, drawn):
        return self.transforms[choice].apply(picture, drawn)


BORDERS = {"reflect": cv2.BORDER_REFLECT_101, "zero": cv2.BORDER_CONSTANT}
TRANSFORMS = {
    t.__name__: t
    for t in (RandomResizedCrop, HorizontalFlip, VerticalFlip, Rotation, ColourJitter, Compose, OneOf)
}


def build(chain) -> Compose:
    """The transform that a configured chain describes: a list of mappings from one name to its options.

    InputError where it has one that is not of pictures.
    """
    return Compose(transforms=[_build(step) for step in chain])


def _build(step):
    ((name, options),) = step.items()
    options = dict(options or {})
    if "transforms" in options:
        options["transforms"] = [_build(inner) for inner in options["transforms"]]
    if name not in TRANSFORMS:
        raise InputError(
            f"augment.chain: expected transforms of pictures ({', '.join(TRANSFORMS)}), given {name}"
        )
    return TRANSFORMS[name](**options)
