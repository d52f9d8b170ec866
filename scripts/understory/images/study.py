"""MRI studies: a folder with a folder a sequence, of DICOM files that are numbered from one end to the other."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from understory.core import files
from understory.core.errors import InputError
from understory.images import dicom
from understory.images.pixels import resized

NUMBER = re.compile(r"(\d+)\.dcm", re.IGNORECASE)
# Slices whose normals have at least this cosine are parallel, and their positions can be compared.
PARALLEL = 0.99


class StudySlice(NamedTuple):
    """One slice of a study, with its sequences as channels.

    Its name, the image, uint16 of shape (height, width, channels), how it was turned, and the window of each channel.
    """

    item: str
    image: np.ndarray
    turn: int
    windows: tuple[tuple[float, float], ...]


class StackPlace(NamedTuple):
    """Where a slice lies: its place in its stack, from 0 to 1, and in the patient, where its header tells."""

    share: float
    place: dicom.Place | None


def numbered(folder: Path) -> tuple[dict[int, Path], list[tuple[str, str]]]:
    """The slices of a sequence by number, in order, and the files without a number of their own, as (name, reason)."""
    stack: dict[int, Path] = {}
    unusable = []
    if (other := files.other(folder)) != files.FOLDER:
        # Studies may lack a sequence.
        return stack, [] if other == files.NONE else [("", f"expected a folder, found {other or 'a file'}")]
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        return stack, [("", f"expected a folder, found that it cannot be read ({error.strerror})")]
    for name in names:
        if name.startswith(".") or not name.lower().endswith(".dcm"):
            continue
        number = NUMBER.search(name)
        if number is None:
            unusable.append((name, "expected a name that ends in a number, such as Image-1.dcm"))
        elif (first := stack.get(int(number[1]))) is not None:
            unusable.append((name, f"expected each number once, found that of {first.name} again"))
        else:
            stack[int(number[1])] = folder / name
    return dict(sorted(stack.items())), unusable


def chosen(count: int, *, start: float, stop: float, step: int, all_below: int) -> range:
    """The places of the slices that are taken from a stack.

    Parameters
    ----------
    count : int
        Slices of the stack.
    start, stop : float
        The part that they are taken from, as shares of the stack, rounded down.
    step : int
        Every `step`-th slice is taken; of a stack of fewer than `all_below`, every one.
    """
    return range(int(count * start), int(count * stop), 1 if count < all_below else step)


def inspect(folder: Path, *, sequences, slices: dict) -> tuple[tuple[int, int, str], list[tuple[str, str]]]:
    """Read every slice of a study.

    Parameters
    ----------
    folder : Path
    sequences : sequence of str
        The folders that become channels, in order. The first with a usable slice decides which slices are taken and how
        large they are.
    slices : dict
        Options of `chosen`, which counts all numbered slices, usable or not. Where none of the chosen ones is usable, the
        usable slice nearest to the middle is taken.

    Returns
    -------
    (width, height, items), quarantined
        The size of the first slice that is taken, and the slices that are, as `SEQUENCE-NUMBER`, separated by spaces; and
        what of the study is quarantined, as (path within it, reason). Slices of one value are passed over.

    Raises
    ------
    InputError
        It is not a folder, or no slice can be used.
    """
    if (other := files.other(folder)) != files.FOLDER:
        raise InputError(f"expected a folder with the sequences of a study, found {other or 'a file'}")
    facts, quarantined = None, []
    for sequence in sequences:
        stack, unusable = numbered(Path(folder, sequence))
        quarantined += [(f"{sequence}/{name}".rstrip("/"), reason) for name, reason in unusable]
        shapes = {}
        for number, path in stack.items():
            try:
                if (slice_ := dicom.read(path)) is not None:
                    shapes[number] = slice_.pixels.shape
            except InputError as error:
                quarantined.append((f"{sequence}/{path.name}", str(error)))
        if shapes and facts is None:
            numbers = list(stack)
            taken = [numbers[place] for place in chosen(len(numbers), **slices) if numbers[place] in shapes]
            taken = taken or [
                min(shapes, key=lambda number: abs(numbers.index(number) - (len(numbers) - 1) / 2))
            ]
            height, width = shapes[taken[0]]
            facts = width, height, " ".join(f"{sequence}-{number}" for number in taken)
    if facts is None:
        first = f"; {quarantined[0][0]}: {quarantined[0][1]}" if quarantined else ""
        raise InputError(
            f"expected a slice that can be used in {', '.join(sequences)}, found none (quarantined: {len(quarantined)}){first}"
        )
    return facts, quarantined


def _places(stack: dict[int, Path]) -> dict[int, StackPlace]:
    return {
        number: StackPlace(order / (len(stack) - 1) if len(stack) > 1 else 0.5, dicom.place(path))
        for order, (number, path) in enumerate(stack.items())
    }


def nearest(one: StackPlace, others: dict[int, StackPlace]) -> list[int]:
    """The numbers of another sequence's slices, nearest first.

    By their places in the patient where these can be compared, and otherwise by their places in the stacks.
    """

    def distance(other):
        same = None not in (one.place, other.place) and one.place.frame == other.place.frame
        cosine = float(one.place.normal @ other.place.normal) if same else 0.0
        if abs(cosine) >= PARALLEL:
            return 0, abs(other.place.along * np.sign(cosine) - one.place.along)
        return 1, abs(other.share - one.share)

    return sorted(others, key=lambda number: (*distance(others[number]), number))


def read(folder: Path, items: str, *, sequences):
    """The slices of a study that `inspect` chose, one after the other.

    The channel of another sequence is its nearest usable slice, resized to the chosen one; a sequence that is missing gives
    zeros.

    Yields
    ------
    StudySlice
    """
    names = [item.rpartition("-") for item in items.split(" ")]
    own = names[0][0]
    stacks = {sequence: numbered(Path(folder, sequence))[0] for sequence in sequences}
    filled = [sequence for sequence in sequences if stacks[sequence]]
    places = {sequence: _places(stacks[sequence]) for sequence in filled if len(filled) > 1}
    for item, (_, _, number) in zip(items.split(" "), names, strict=True):
        path = stacks[own].get(int(number))
        centre = None if path is None else dicom.read(path)
        if centre is None:
            raise InputError(f"{folder}: expected slice {item}, found that it cannot be used any more")
        channels = {own: centre}
        for sequence in filled:
            if sequence != own and (
                other := _first_usable(stacks[sequence], nearest(places[own][int(number)], places[sequence]))
            ):
                channels[sequence] = other
        image = np.zeros((*centre.pixels.shape, len(sequences)), dtype=np.uint16)
        windows = []
        for channel, sequence in enumerate(sequences):
            part = channels.get(sequence)
            if part is not None:
                image[..., channel] = resized(part.pixels[..., None], *centre.pixels.shape)[..., 0]
            windows.append((0.0, 0.0) if part is None else part.window)
        yield StudySlice(item, image, centre.turn, tuple(windows))


def _first_usable(stack, numbers) -> dicom.Slice | None:
    """The first usable slice of a stack, by numbers in order."""
    for number in numbers:
        try:
            if (slice_ := dicom.read(stack[number])) is not None:
                return slice_
        except InputError:  # quarantined when it was inspected
            continue
    return None
