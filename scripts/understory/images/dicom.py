"""MRI studies: a folder with a folder a sequence, of DICOM files that are numbered from one end to the other.

What is read of a slice: the stored values after the modality's rescaling; MONOCHROME1, where large is dark, inverted;
turned so that it lies as it is looked at (DICOM PS3.3, C.7.6.2): the patient's right on the left of axial and coronal
slices and anterior on the left of sagittal ones, anterior or the head at the top. Slices are turned by quarters and
mirrored alone, oblique ones to what they are closest to.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openjpeg  # noqa: F401 -- what pydicom decodes JPEG 2000 with
import pydicom
import pylibjpeg  # noqa: F401
from pydicom.pixels import apply_modality_lut

from understory.core import files
from understory.core.errors import InputError
from understory.images.pixels import resized

NUMBER = re.compile(r"(\d+)\.dcm", re.IGNORECASE)
FORMS = ("MONOCHROME1", "MONOCHROME2")
# How parallel, as the cosine between their normals, slices have to be for their positions to be compared.
PARALLEL = 0.99
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


class Taken(NamedTuple):
    """One slice of a study, its sequences as channels: uint16 of shape (height, width, channels), the turn of its own
    sequence, and the window of each channel."""

    item: str
    picture: np.ndarray
    turn: int
    windows: tuple[tuple[float, float], ...]


def numbered(folder: Path) -> tuple[dict[int, Path], list[tuple[str, str]]]:
    """The slices of a sequence by number, in order, and what has no number of its own, as (name, reason)."""
    found: dict[int, Path] = {}
    other = []
    if (there := files.other(folder)) != files.FOLDER:
        # A sequence that is missing is nothing out of the ordinary.
        return found, [] if there == files.NONE else [("", f"expected a folder, found {there or 'a file'}")]
    for name in sorted(os.listdir(folder)):
        if name.startswith(".") or not name.lower().endswith(".dcm"):
            continue
        number = NUMBER.search(name)
        if number is None:
            other.append((name, "expected a name that ends in a number, such as Image-1.dcm"))
        elif (taken := found.get(int(number[1]))) is not None:
            other.append((name, f"expected each number once, found that of {taken.name} again"))
        else:
            found[int(number[1])] = folder / name
    return dict(sorted(found.items())), other


def chosen(count: int, *, start: float, stop: float, step: int, all_below: int) -> range:
    """The places of the slices that are taken of a stack.

    Parameters
    ----------
    count : int
        Slices of the stack.
    start, stop : float
        The part that they are taken from, as shares of the stack, rounded down.
    step : int
        Every how manieth is taken; of a stack of fewer than `all_below` each is.
    """
    return range(int(count * start), int(count * stop), 1 if count < all_below else step)


def turn_of(orientation) -> int:
    """How a slice has to be turned, from its six direction cosines: 4 where rows and columns change places first, and 2
    where it is turned upside down, and 1 where left and right change places; 0 where its orientation is not known."""
    if orientation is None:
        return 0
    columns, rows = np.array(orientation[:3]), np.array(orientation[3:])
    axis = int(np.abs(np.cross(columns, rows)).argmax())
    swap = bool(abs(columns[ACROSS[axis]]) < abs(rows[ACROSS[axis]]))
    if swap:
        columns, rows = rows, columns
    return 4 * swap + 2 * int(rows[DOWN[axis]] * DOWNWARDS[axis] < 0) + int(columns[ACROSS[axis]] < 0)


def turned(picture: np.ndarray, turn: int) -> np.ndarray:
    """A picture turned as `turn_of` says."""
    picture = picture.swapaxes(0, 1) if turn & 4 else picture
    picture = picture[::-1] if turn & 2 else picture
    return np.ascontiguousarray(picture[:, ::-1] if turn & 1 else picture)


def turned_back(picture: np.ndarray, turn: int) -> np.ndarray:
    """A picture as it was before it was turned."""
    picture = picture[:, ::-1] if turn & 1 else picture
    picture = picture[::-1] if turn & 2 else picture
    return np.ascontiguousarray(picture.swapaxes(0, 1) if turn & 4 else picture)


def read(path: Path) -> Slice | None:
    """A slice; None where all of it is one value.

    Values that are whole and fit are kept as they are; where there are negative ones they begin at zero, and what is
    not whole is stretched to 16 bits.

    Raises
    ------
    InputError
        It is missing, no DICOM file, damaged, cut short, compressed in a way that cannot be decoded here, or no single
        grey slice.
    """
    dataset = _dataset(path)
    try:
        values = np.asarray(apply_modality_lut(dataset.pixel_array, dataset), dtype=np.float64)
        form = dataset.get("PhotometricInterpretation")
        window = _window(dataset)
        turn = turn_of(_cosines(dataset))
    except Exception as error:  # what pydicom raises of a damaged file is of any kind
        raise InputError(f"expected a slice, found that it cannot be decoded: {_said(error)}") from None
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


def _dataset(path, **options):
    if found := files.other(path):
        raise InputError(f"expected a DICOM file, found {found}")
    try:
        return pydicom.dcmread(path, **options)
    except Exception as error:  # what pydicom raises of a damaged file is of any kind
        raise InputError(f"expected a DICOM file, found that it cannot be read: {_said(error)}") from None


def _said(error) -> str:
    """The first line of an error, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")


def _numbers(dataset, keyword, count) -> np.ndarray | None:
    """So many finite numbers of a header; None where they are not there."""
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
    """The first window's lower and upper end (PS3.3, C.11.2.1.2.1); None without one."""
    ends = []
    for keyword in ("WindowCenter", "WindowWidth"):
        value = dataset.get(keyword)
        try:
            ends.append(float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value))
        except (TypeError, ValueError, IndexError):
            return None
    centre, width = ends
    if not (np.isfinite(ends).all() and width >= 1):
        return None
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2


def inspect(folder: Path, *, sequences, slices: dict) -> tuple[tuple[int, int, str], list[tuple[str, str]]]:
    """Read every slice of a study.

    Parameters
    ----------
    folder : Path
    sequences : sequence of str
        The folders that become channels, in order. The first that has a slice that can be used decides which slices are
        taken and how large they are.
    slices : dict
        Of `chosen`, whose places are told of all numbered slices, whether they can be used or not; where none of those
        can, the one that is nearest to the middle is taken.

    Returns
    -------
    (width, height, items), set_aside
        Those of the first slice that is taken; the slices that are, as `SEQUENCE-NUMBER`, separated by spaces; and what
        of the study is set aside, as (path within it, reason). Slices of one value are no slices, and not listed.

    Raises
    ------
    InputError
        It is no folder, or no slice can be used.
    """
    if (found := files.other(folder)) != files.FOLDER:
        raise InputError(f"expected a folder with the sequences of a study, found {found or 'a file'}")
    taken, set_aside = None, []
    for sequence in sequences:
        stack, other = numbered(Path(folder, sequence))
        set_aside += [(f"{sequence}/{name}".rstrip("/"), reason) for name, reason in other]
        shapes = {}
        for number, path in stack.items():
            try:
                if (slice_ := read(path)) is not None:
                    shapes[number] = slice_.pixels.shape
            except InputError as error:
                set_aside.append((f"{sequence}/{path.name}", str(error)))
        if shapes and taken is None:
            numbers = list(stack)
            own = [numbers[place] for place in chosen(len(numbers), **slices) if numbers[place] in shapes]
            own = own or [min(shapes, key=lambda number: abs(numbers.index(number) - (len(numbers) - 1) / 2))]
            height, width = shapes[own[0]]
            taken = width, height, " ".join(f"{sequence}-{number}" for number in own)
    if taken is None:
        first = f"; {set_aside[0][0]}: {set_aside[0][1]}" if set_aside else ""
        raise InputError(
            f"expected a slice that can be used in {', '.join(sequences)}, found none (set aside: {len(set_aside)}){first}"
        )
    return taken, set_aside


class _Place(NamedTuple):
    """Where a slice lies: its share of the stack's way, and in a frame of reference its normal and place along it, mm."""

    share: float
    frame: str | None
    normal: np.ndarray | None
    along: float


def _places(stack: dict[int, Path]) -> dict[int, _Place]:
    places = {}
    for place, (number, path) in enumerate(stack.items()):
        share = place / (len(stack) - 1) if len(stack) > 1 else 0.5
        try:
            dataset = _dataset(path, stop_before_pixels=True)
            cosines, origin = _cosines(dataset), _numbers(dataset, "ImagePositionPatient", 3)
        except InputError:  # said by whoever inspects it
            cosines = origin = None
        if cosines is None or origin is None:
            places[number] = _Place(share, None, None, 0.0)
            continue
        normal = np.cross(cosines[:3], cosines[3:])
        normal /= np.linalg.norm(normal)
        places[number] = _Place(
            share, str(dataset.get("FrameOfReferenceUID", "")), normal, float(normal @ origin)
        )
    return places


def nearest(place: _Place, others: dict[int, _Place]) -> list[int]:
    """The numbers of another sequence's slices, from the one that shows the same to the one that is farthest from it.

    By their places in the patient where these can be compared, and else by their shares of the stack.
    """

    def far(other):
        same = None not in (place.frame, other.frame) and place.frame == other.frame
        cosine = float(place.normal @ other.normal) if same else 0.0
        if abs(cosine) >= PARALLEL:
            return 0, abs(other.along * np.sign(cosine) - place.along)
        return 1, abs(other.share - place.share)

    return sorted(others, key=lambda number: (*far(others[number]), number))


def take(folder: Path, items: str, *, sequences):
    """The slices of a study that `inspect` chose, one after the other.

    A slice of another sequence is the nearest that can be used, stretched to the size of the one that was chosen; of a
    sequence that is missing, zeros.

    Yields
    ------
    Taken
    """
    names = [item.rpartition("-") for item in items.split(" ")]
    own = names[0][0]
    stacks = {sequence: numbered(Path(folder, sequence))[0] for sequence in sequences}
    filled = [sequence for sequence in sequences if stacks[sequence]]
    places = {sequence: _places(stacks[sequence]) for sequence in filled if len(filled) > 1}
    for item, (_, _, number) in zip(items.split(" "), names, strict=True):
        path = stacks[own].get(int(number))
        centre = None if path is None else read(path)
        if centre is None:
            raise InputError(f"{folder}: expected slice {item}, found that it cannot be used any more")
        channels = {own: centre}
        for sequence in filled:
            if sequence != own and (other := _first(stacks[sequence], places, own, int(number), sequence)):
                channels[sequence] = other
        picture = np.zeros((*centre.pixels.shape, len(sequences)), dtype=np.uint16)
        windows = []
        for channel, sequence in enumerate(sequences):
            part = channels.get(sequence)
            if part is not None:
                picture[..., channel] = resized(part.pixels[..., None], *centre.pixels.shape)[..., 0]
            windows.append((0.0, 0.0) if part is None else part.window)
        yield Taken(item, picture, centre.turn, tuple(windows))


def _first(stack, places, own, number, sequence) -> Slice | None:
    """The slice of a sequence that is nearest to one of another and can be used."""
    for candidate in nearest(places[own][number], places[sequence]):
        try:
            if (found := read(stack[candidate])) is not None:
                return found
        except InputError:  # set aside when it was inspected
            continue
    return None
