"""Images as the bytes of a file in the example store: JPEG, or PNG without loss."""

import numpy as np

from understory.core.errors import InputError
from understory.images.opencv import cv2

# Compression level of zlib: higher ones take several times as long, and save hundredths.
LEVEL = 3


def encode(image: np.ndarray, *, quality: int | None = None) -> bytes:
    """An image as the bytes of a file.

    Parameters
    ----------
    image : numpy.ndarray
        uint8 or uint16 of shape (height, width, channels), red first where there are three.
    quality : int, optional
        1 to 100: an image of uint8 with three channels becomes a JPEG of this quality. Any other image, and every image
        without it, becomes a PNG, without loss; unless it has three channels, these are stacked into one grey strip.

    Raises
    ------
    ValueError
        It has another type or shape, or no pixel.
    """
    if image.dtype not in (np.uint8, np.uint16) or image.ndim != 3 or not image.size:
        raise ValueError(
            f"expected an image of uint8 or uint16 and shape (height, width, channels), found {image.dtype} of shape {image.shape}"
        )
    options = [cv2.IMWRITE_PNG_COMPRESSION, LEVEL]
    suffix = ".png"
    if image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if quality is not None and image.dtype == np.uint8:
            # Colours are not subsampled: images are small, and encoded twice.
            fine = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
            suffix, options = ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality, *fine]
    else:
        image = np.concatenate(np.moveaxis(image, 2, 0))
    done, data = cv2.imencode(suffix, image, options)
    if not done:
        raise ValueError(f"expected an image that can be encoded, found one of shape {image.shape}")
    return data.tobytes()


def decode(data, channels: int) -> np.ndarray:
    """The image of `channels` channels that `encode` gave such bytes for; InputError where they cannot be decoded."""
    image = None
    if len(data):
        image = cv2.imdecode(np.asarray(data), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InputError("expected an image, found bytes that cannot be decoded")
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    elif len(image) % channels == 0:
        image = np.ascontiguousarray(np.moveaxis(image.reshape(channels, -1, image.shape[1]), 0, 2))
    if image.shape[2:] != (channels,):
        raise InputError(f"expected an image of {channels} channels, found one of shape {image.shape}")
    return image
