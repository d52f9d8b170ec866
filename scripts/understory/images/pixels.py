"""Images as arrays of shape (height, width, channels): sizes, levels, boxes and turns."""

import numpy as np

from understory.core.errors import InputError
from understory.images.opencv import cv2

# Share of an image's brightest level above which a pixel is content and not noise, and share of a row's or column's pixels that
# makes the row or column content.
CONTENT, FILLED = 0.1, 0.01
# Percentiles that become black and white.
BLACK, WHITE = 0.5, 99.5


def resized(image: np.ndarray, height: int, width: int, *, smooth: bool = True) -> np.ndarray:
    """An image resized, its aspect aside; with `smooth`, an image that becomes smaller is averaged over areas, not sampled."""
    if image.shape[:2] == (height, width):
        return image
    smaller = height * width < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if smooth and smaller else cv2.INTER_LINEAR
    if image.shape[2] == 3:
        return cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=how)
    channels = (np.ascontiguousarray(channel) for channel in np.moveaxis(image, 2, 0))
    return np.stack([cv2.resize(channel, (width, height), interpolation=how) for channel in channels], axis=2)


def limited(image: np.ndarray, longest_side: int) -> np.ndarray:
    """An image whose longer side has at most `longest_side` pixels; the aspect stays the same."""
    height, width = image.shape[:2]
    share = longest_side / max(height, width)
    if share >= 1:
        return image
    return resized(image, max(1, round(share * height)), max(1, round(share * width)))


def fit(image: np.ndarray, *, size, how: str = "pad") -> np.ndarray:
    """An image of a size.

    Parameters
    ----------
    size : (int, int)
        Height and width, pixels.
    how : {"stretch", "pad", "crop"}
        `stretch`: resized by bilinear interpolation, whatever its aspect; `pad`: resized to fit into the size, centred, with
        zeros around it; `crop`: resized to fill the size, and cut to its middle.
    """
    if how == "stretch":
        return resized(image, *size, smooth=False)
    have = np.array(image.shape[:2])
    shares = np.array(size) / have
    share = shares.min() if how == "pad" else shares.max()
    part = resized(image, *(int(side) for side in np.maximum(1, np.round(share * have))))
    out = np.zeros((*size, image.shape[2]), dtype=image.dtype)
    # The middle of both: along each side, either of them may be the longer.
    inside, outside = [], []
    for want, side in zip(size, part.shape, strict=False):
        length = min(want, side)
        inside.append(slice((want - length) // 2, (want - length) // 2 + length))
        outside.append(slice((side - length) // 2, (side - length) // 2 + length))
    out[tuple(inside)] = part[tuple(outside)]
    return out


def scaled(image: np.ndarray, *, how: str, windows=None) -> np.ndarray:
    """An image of 8 bits.

    Parameters
    ----------
    how : {"none", "max", "percentile", "window"}
        What becomes 0 and 255. `none`: unchanged, for images of 8 bits; `max`: 0 and the maximum of each channel, with
        fractions cut off; `percentile`: the 0.5th percentile of each channel, and the 99.5th of its pixels that are not
        zero; `window`: the ends of each channel's window.
    windows : sequence of (float, float), optional
        The windows of the channels, for `window`.

    Returns
    -------
    numpy.ndarray
        uint8 of the same shape.
    """
    if how == "none":
        if image.dtype != np.uint8:
            raise InputError("scale: expected max, percentile or window for images of 16 bits, found none")
        return image
    if how == "window" and not windows:
        raise InputError("scale: expected max, percentile or none for photographs, found window")
    out = np.zeros(image.shape, dtype=np.uint8)
    for channel in range(image.shape[2]):
        values = image[..., channel]
        if not values.any():
            continue
        if how == "max":
            out[..., channel] = values / values.max() * 255
            continue
        if how == "percentile":
            low, high = np.percentile(values, BLACK), np.percentile(values[values > 0], WHITE)
        else:
            low, high = windows[channel]
        if high > low:
            out[..., channel] = np.round(np.clip((values - low) / (high - low), 0, 1) * 255)
        else:
            out[..., channel] = np.where(values > low, 255, 0)
    return out


def content_box(image: np.ndarray) -> tuple[float, float, float, float] | None:
    """The box around the content, with nothing but noise outside.

    Returns
    -------
    top, bottom, left, right : float
        As shares of the height and the width; None of an empty image.
    """
    content = np.zeros(image.shape[:2], dtype=bool)
    for channel in range(image.shape[2]):
        values = image[..., channel]
        if values.any():
            content |= values > CONTENT * np.percentile(values[values > 0], WHITE)
    sides = []
    for axis in (1, 0):
        filled = np.flatnonzero(content.mean(axis=axis) >= FILLED)
        if not len(filled):
            return None
        sides += [filled[0] / content.shape[1 - axis], (filled[-1] + 1) / content.shape[1 - axis]]
    return tuple(map(float, sides))


def union(boxes) -> tuple[float, float, float, float] | None:
    """The smallest box around boxes of `content_box`; None without any."""
    boxes = [box for box in boxes if box is not None]
    if not boxes:
        return None
    tops, bottoms, lefts, rights = zip(*boxes, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def within(image: np.ndarray, box) -> np.ndarray:
    """The part of an image inside a box; all of it without one."""
    if box is None:
        return image
    part = []
    for side, (start, stop) in zip(image.shape, (box[:2], box[2:]), strict=False):
        first = min(round(start * side), side - 1)
        part.append(slice(first, max(round(stop * side), first + 1)))
    return image[tuple(part)]


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """An image turned: rows and columns change places (4), then top and bottom (2), then left and right (1).

    `turn` is the sum of those that do, as `understory.images.dicom.turn_of` gives it.
    """
    image = image.swapaxes(0, 1) if turn & 4 else image
    image = image[::-1] if turn & 2 else image
    return np.ascontiguousarray(image[:, ::-1] if turn & 1 else image)


def turned_back(image: np.ndarray, turn: int) -> np.ndarray:
    """An image as it was before `turned`."""
    image = image[:, ::-1] if turn & 1 else image
    image = image[::-1] if turn & 2 else image
    return np.ascontiguousarray(image.swapaxes(0, 1) if turn & 4 else image)
