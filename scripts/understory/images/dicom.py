"""Slices of MRI studies: DICOM files.

Of a slice, the stored values after the modality's rescaling are read, with MONOCHROME1, where large is dark, inverted. They are
turned to the orientation in which slices are viewed (DICOM PS3.3, C.7.6.2): the patient's right on the left of axial and coronal
slices and anterior on the left of sagittal ones, anterior or the head at the top. Slices are turned by quarters and
mirrored only; oblique ones as the closest of the three.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import openjpeg  # noqa: F401 -- what pydicom decodes JPEG 2000 with
import pydicom
import pylibjpeg  # noqa: F401
from pydicom.pixels import apply_modality_lut

from understory.core import files
from understory.core.errors import InputError
from understory.images.pixels import turned

FORMS = ("MONOCHROME1", "MONOCHROME2")
# Of slices across each axis (sagittal, coronal, axial): the axes that go right and down, and their directions (PS3.3,
# C.7.6.2.1.1: x to the left, y to the back, z to the head).
ACROSS, DOWN = (1, 0, 0), (2, 2, 1)
DOWNWARDS = (-1, -1, 1)
MOST = np.iinfo(np.uint16).max


class Slice(NamedTuple):
    """One slice: uint16 pixels of shape (height, width), how they were turned, and its window in their units."""

    pixels: np.ndarray
    turn: int
    window: tuple[float, float]


class Place(NamedTuple):
    """Where a slice lies in a frame of reference: its unit normal, and its distance along it, mm."""

    frame: str
    normal: np.ndarray
    along: float


def turn_of(orientation) -> int:
    """How a slice has to be turned (`understory.images.pixels.turned`), from its six direction cosines.

    The sum of 4 where rows and columns change places first, 2 where it is then flipped top to bottom, and 1 where it is
    flipped left to right; 0 where its orientation, None, is not known.
    """
    if orientation is None:
        return 0
    columns, rows = np.array(orientation[:3]), np.array(orientation[3:])
    axis = int(np.abs(np.cross(columns, rows)).argmax())
    swap = bool(abs(columns[ACROSS[axis]]) < abs(rows[ACROSS[axis]]))
    if swap:
        columns, rows = rows, columns
    return 4 * swap + 2 * int(rows[DOWN[axis]] * DOWNWARDS[axis] < 0) + int(columns[ACROSS[axis]] < 0)


def read(path: Path) -> Slice | None:
    """A slice; None where all pixels have one value.

    Whole values that fit into 16 bits stay as they are; negative ones are shifted to begin at zero, and values that are not
    whole are scaled to 16 bits.

    Raises
    ------
    InputError
        It is missing, not a DICOM file, damaged, cut short, compressed in a way that cannot be decoded here, or not a
        single grey slice.
    """
    dataset = _dataset(path)
    try:
        values = np.asarray(apply_modality_lut(dataset.pixel_array, dataset), dtype=np.float64)
        form = dataset.get("PhotometricInterpretation")
        window = _window(dataset)
        turn = turn_of(_cosines(dataset))
    except Exception as error:  # pydicom raises errors of any kind for a damaged file
        raise InputError(f"expected a slice, found that it cannot be decoded: {_first_line(error)}") from None
    if values.ndim != 2 or form not in FORMS:
        raise InputError(f"expected one grey slice, found {form} pixels of shape {values.shape}")
    if not values.size or not np.isfinite(values).all():
        raise InputError("expected finite values, found others, or none")
    low, high = float(values.min()), float(values.max())
    if low == high:
        return None
    window = window or (low, high)
    if form == FORMS[0]:
        values, window, low, high = high - values, (high - window[1], high - window[0]), 0.0, high - low
    lowest = min(low, 0.0)
    whole = high - lowest <= MOST and not (values % 1).any()
    share = 1.0 if whole else MOST / (high - lowest)
    pixels = np.round((values - lowest) * share).astype(np.uint16)
    return Slice(turned(pixels, turn), turn, tuple((end - lowest) * share for end in window))


def place(path: Path) -> Place | None:
    """Where a slice lies, read from its header; None where the header does not say, or cannot be read."""
    try:
        dataset = _dataset(path, stop_before_pixels=True)
        cosines, origin = _cosines(dataset), _numbers(dataset, "ImagePositionPatient", 3)
    except InputError:  # inspection reports it
        return None
    if cosines is None or origin is None:
        return None
    normal = np.cross(cosines[:3], cosines[3:])
    normal /= np.linalg.norm(normal)
    return Place(str(dataset.get("FrameOfReferenceUID", "")), normal, float(normal @ origin))


def _dataset(path, **options):
    if other := files.other(path):
        raise InputError(f"expected a DICOM file, found {other}")
    try:
        return pydicom.dcmread(path, **options)
    except Exception as error:  # pydicom raises errors of any kind for a damaged file
        raise InputError(
            f"expected a DICOM file, found that it cannot be read: {_first_line(error)}"
        ) from None


def _first_line(error) -> str:
    """The first line of an error's message, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")


def _numbers(dataset, keyword, count) -> np.ndarray | None:
    """So many finite numbers of a header; None where it does not hold them."""
    value = dataset.get(keyword)
    try:
        numbers = np.array([float(number) for number in value], dtype=float)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def _cosines(dataset):
    cosines = _numbers(dataset, "ImageOrientationPatient", 6)
    return cosines if cosines is not None and np.cross(cosines[:3], cosines[3:]).any() else None


def _window(dataset):
    """The lower and upper end of the first window (PS3.3, C.11.2.1.2.1); None without one."""
    try:
        # Either may have several values.
        centre, width = (float(np.atleast_1d(dataset.get(key))[0]) for key in ("WindowCenter", "WindowWidth"))
    except (TypeError, ValueError, IndexError):
        return None
    if not (np.isfinite([centre, width]).all() and width >= 1):
        return None
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
