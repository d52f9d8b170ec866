"""Photographs and other pictures: reading, resizing, and what of them a model is given.

A picture is an array of shape (height, width, channels).
"""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from understory.core import files
from understory.core.errors import InputError
from understory.images.opencv import MAX_PIXELS, cv2

KINDS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
# What libjpeg says, and nothing else tells, where it fills in what is missing.
DAMAGED = ("premature end of data", "bad Huffman code", "Premature end")
FITS = ("stretch", "pad", "crop")
SCALES = ("none", "max", "percentile", "window")
# Share of a picture's brightest level above which a pixel belongs to what is seen and not to the noise around it, and
# share of a row's or column's pixels that makes it part of that.
CONTENT, FILLED = 0.1, 0.01
# Percentiles, of a hundred, that become black and white.
BLACK, WHITE = 0.5, 99.5


def read(path: Path) -> np.ndarray:
    """A photograph, upright as its EXIF orientation says.

    Parameters
    ----------
    path : Path
        A JPEG or PNG file. Grey becomes three equal channels, transparency is left out, of 16 bits the upper 8 are kept.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (height, width, 3), red first.

    Raises
    ------
    InputError
        It is missing, empty, neither of the two, too large, damaged, or cut short.
    """
    if found := files.other(path):
        raise InputError(f"expected a picture, found {found}")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"expected a picture, found that it cannot be read ({error.strerror})") from None
    if not data:
        raise InputError("expected a picture, found an empty file")
    kind = next((kind for start, kind in KINDS.items() if data.startswith(start)), None)
    if kind is None:
        raise InputError(f"expected a JPEG or PNG file, found one that begins with {data[:12]!r}")
    said: list[str] = []
    try:
        with _heard(said):
            picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        large = "MAX_IMAGE_PIXELS" in str(error)
        found = f"one of more than {MAX_PIXELS} pixels" if large else "that it cannot be decoded"
        raise InputError(f"expected a picture, found {found}") from None
    # Between a scan's start and the end that it has to have stand no such bytes (ITU-T T.81, B.1.1.5).
    open_ended = kind == "JPEG" and data.find(b"\xff\xd9", data.rfind(b"\xff\xda")) < 0
    if picture is None or open_ended or any(words in line for line in said for words in DAMAGED):
        raise InputError(f"expected a whole {kind} file, found that it is damaged or cut short")
    return picture


@contextmanager
def _heard(said):
    """Take what a library written in C says on stderr into a list: libjpeg tells of damage in no other way."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            said += file.read().decode(errors="replace").splitlines()


def resized(picture: np.ndarray, height: int, width: int, *, smooth: bool = True) -> np.ndarray:
    """A picture stretched to a size; with `smooth`, what becomes smaller is averaged over areas, and not sampled."""
    if picture.shape[:2] == (height, width):
        return picture
    smaller = height * width < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if smooth and smaller else cv2.INTER_LINEAR
    if picture.shape[2] == 3:
        return cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=how)
    channels = (np.ascontiguousarray(channel) for channel in np.moveaxis(picture, 2, 0))
    return np.stack([cv2.resize(channel, (width, height), interpolation=how) for channel in channels], axis=2)


def limited(picture: np.ndarray, longest_side: int) -> np.ndarray:
    """A picture whose longer side has `longest_side` pixels at most, its aspect kept."""
    height, width = picture.shape[:2]
    share = longest_side / max(height, width)
    if share >= 1:
        return picture
    return resized(picture, max(1, round(share * height)), max(1, round(share * width)))


def fit(picture: np.ndarray, *, size, how: str = "pad") -> np.ndarray:
    """A picture of a size.

    Parameters
    ----------
    size : (int, int)
        Height and width, pixels.
    how : {"stretch", "pad", "crop"}
        `stretch`: its aspect changes, by bilinear interpolation; `pad`: all of it, centred, with zeros around it;
        `crop`: as much of its middle as fills the size.
    """
    if how not in FITS:
        raise InputError(f"fit: expected one of {', '.join(FITS)}, given {how}")
    if how == "stretch":
        return resized(picture, *size, smooth=False)
    have = np.array(picture.shape[:2])
    shares = np.array(size) / have
    share = shares.min() if how == "pad" else shares.max()
    part = resized(picture, *(int(side) for side in np.maximum(1, np.round(share * have))))
    out = np.zeros((*size, picture.shape[2]), dtype=picture.dtype)
    # Of either, the middle: one of the two is the smaller along each side.
    inside, outside = [], []
    for want, side in zip(size, part.shape, strict=False):
        length = min(want, side)
        inside.append(slice((want - length) // 2, (want - length) // 2 + length))
        outside.append(slice((side - length) // 2, (side - length) // 2 + length))
    out[tuple(inside)] = part[tuple(outside)]
    return out


def scaled(picture: np.ndarray, *, how: str, windows=None) -> np.ndarray:
    """A picture of 8 bits.

    Parameters
    ----------
    how : {"none", "max", "percentile", "window"}
        `none`: as it is, where it has 8 bits; `max`: each channel's greatest value becomes 255 and fractions are cut
        off; `percentile`: each channel from its 0.5th percentile to the 99.5th of what is not zero; `window`: each
        channel from the lower to the upper end of its window.
    windows : sequence of (float, float), optional
        The windows of the channels, for `window`.

    Returns
    -------
    numpy.ndarray
        uint8 of the same shape.
    """
    if how not in SCALES:
        raise InputError(f"scale: expected one of {', '.join(SCALES)}, given {how}")
    if how == "none":
        if picture.dtype != np.uint8:
            raise InputError("scale: expected max, percentile or window for pictures of 16 bits, given none")
        return picture
    if how == "window" and not windows:
        raise InputError("scale: expected max, percentile or none for photographs, given window")
    out = np.zeros(picture.shape, dtype=np.uint8)
    for channel in range(picture.shape[2]):
        values = picture[..., channel]
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


def content_box(picture: np.ndarray) -> tuple[float, float, float, float] | None:
    """The box of what is seen, with nothing but noise around it.

    Returns
    -------
    top, bottom, left, right : float
        As shares of the height and the width; None where there is nothing.
    """
    seen = np.zeros(picture.shape[:2], dtype=bool)
    for channel in range(picture.shape[2]):
        values = picture[..., channel]
        if values.any():
            seen |= values > CONTENT * np.percentile(values[values > 0], WHITE)
    sides = []
    for axis in (1, 0):
        filled = np.flatnonzero(seen.mean(axis=axis) >= FILLED)
        if not len(filled):
            return None
        sides += [filled[0] / seen.shape[1 - axis], (filled[-1] + 1) / seen.shape[1 - axis]]
    return tuple(map(float, sides))


def union(boxes) -> tuple[float, float, float, float] | None:
    """The least box around boxes as `content_box` gives them; None where there are none."""
    boxes = [box for box in boxes if box is not None]
    if not boxes:
        return None
    tops, bottoms, lefts, rights = zip(*boxes, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def within(picture: np.ndarray, box) -> np.ndarray:
    """The part of a picture in a box; the whole of it without one."""
    if box is None:
        return picture
    part = []
    for side, (start, stop) in zip(picture.shape, (box[:2], box[2:]), strict=False):
        first = min(round(start * side), side - 1)
        part.append(slice(first, max(round(stop * side), first + 1)))
    return picture[tuple(part)]
