"""Photographs: JPEG and PNG files."""

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from understory.core import files
from understory.core.errors import InputError
from understory.images.opencv import MAX_PIXELS, cv2

KINDS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
# What libjpeg prints where it fills in what is missing, which it reports in no other way.
DAMAGED = ("premature end of data", "bad Huffman code", "Premature end")
# A marker, but for those that stand within the data of a scan or fill in (ITU-T T.81, B.1.1), and the one at the end.
MARKER, END = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]"), b"\xff\xd9"


def read(path: Path) -> np.ndarray:
    """A photograph, upright as its EXIF orientation says.

    Parameters
    ----------
    path : Path
        A JPEG or PNG file. Grey becomes three equal channels, transparency is dropped, and of 16 bits the upper 8 are kept.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (height, width, 3), red first.

    Raises
    ------
    InputError
        It is missing, empty, neither of the two, too large, damaged, or cut short.
    """
    if other := files.other(path):
        raise InputError(f"expected an image, found {other}")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"expected an image, found that it cannot be read ({error.strerror})") from None
    if not data:
        raise InputError("expected an image, found an empty file")
    kind = next((kind for start, kind in KINDS.items() if data.startswith(start)), None)
    if kind is None:
        raise InputError(f"expected a JPEG or PNG file, found one that begins with {data[:12]!r}")
    printed: list[str] = []
    try:
        with _captured(printed):
            image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        large = "MAX_IMAGE_PIXELS" in str(error)
        wrong = f"one of more than {MAX_PIXELS} pixels" if large else "that it cannot be decoded"
        raise InputError(f"expected an image, found {wrong}") from None
    open_ended = kind == "JPEG" and not _ends(data)
    if image is None or open_ended or any(words in line for line in printed for words in DAMAGED):
        raise InputError(f"expected a whole {kind} file, found that it is damaged or cut short")
    return image


def _ends(data: bytes) -> bool:
    """Whether a JPEG file has its end marker. What phones write after it, such as a film, is not looked at."""
    place = 2
    while found := MARKER.search(data, place):
        if found[0] == END:
            return True
        # A segment, of which the first two bytes are the length: a picture within it has an end of its own.
        place = found.end() + max(int.from_bytes(data[found.end() : found.end() + 2], "big"), 2)
    return False


@contextmanager
def _captured(lines):
    """Add to a list what a library written in C prints to stderr: libjpeg reports damage in no other way."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()
