"""Pictures as the bytes of a file in the example store: JPEG, or PNG without loss."""

import numpy as np

from understory.core.errors import InputError
from understory.images.opencv import cv2

# Of zlib: more takes several times as long, and saves hundredths.
LEVEL = 3


def encode(picture: np.ndarray, *, quality: int | None = None) -> bytes:
    """A picture as the bytes of a file.

    Parameters
    ----------
    picture : numpy.ndarray
        uint8 or uint16 of shape (height, width, channels), red first where there are three.
    quality : int, optional
        1 to 100: as JPEG, where it is uint8 and has three channels. Any other, and all without it, become a PNG, which
        loses nothing; a number of channels that it has no form for stands in it as a grey strip, one below the other.

    Raises
    ------
    ValueError
        It is of another type or shape, or has no pixel.
    """
    if picture.dtype not in (np.uint8, np.uint16) or picture.ndim != 3 or not picture.size:
        raise ValueError(
            f"expected a picture of uint8 or uint16 and shape (height, width, channels), found {picture.dtype} of shape {picture.shape}"
        )
    options = [cv2.IMWRITE_PNG_COMPRESSION, LEVEL]
    suffix = ".png"
    if picture.shape[2] == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        if quality is not None and picture.dtype == np.uint8:
            # Colours as fine as the rest: pictures are small, and encoded twice.
            fine = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
            suffix, options = ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality, *fine]
    else:
        picture = np.concatenate(np.moveaxis(picture, 2, 0))
    done, data = cv2.imencode(suffix, picture, options)
    if not done:
        raise ValueError(f"expected a picture that can be encoded, found one of shape {picture.shape}")
    return data.tobytes()


def decode(data, channels: int) -> np.ndarray:
    """The picture that `encode` made such bytes of, of so many channels; InputError where they are none."""
    picture = None
    if len(data):
        picture = cv2.imdecode(np.asarray(data), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise InputError("expected a picture, found bytes that cannot be decoded")
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    elif len(picture) % channels == 0:
        picture = np.ascontiguousarray(np.moveaxis(picture.reshape(channels, -1, picture.shape[1]), 0, 2))
    if picture.shape[2:] != (channels,):
        raise InputError(f"expected a picture of {channels} channels, found one of shape {picture.shape}")
    return picture
