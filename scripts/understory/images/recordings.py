"""Photographs and studies as recordings: looking them through, and the pictures that are taken of them.

With `sequences` a recording is a study, a folder with a folder a sequence; without, it is a photograph.
"""

from typing import NamedTuple

import numpy as np

from understory.core.errors import InputError
from understory.data.dataset import SEPARATOR
from understory.images import dicom, pixels

# What `look` finds.
COLUMNS = ["width", "height", "items"]
# Of the JPEG files that photographs are kept as.
QUALITY = 95


class Picture(NamedTuple):
    """A picture of a recording, and what its table says of it: of a slice, its `item`, `turn` and `windows`."""

    picture: np.ndarray
    facts: dict


def quality(settings: dict) -> int | None:
    """What the store is told: photographs are kept as JPEG files, slices without loss."""
    return None if settings["sequences"] else QUALITY


def look(path, settings: dict):
    """Decode a photograph, or every slice of a study, as `understory.data.inspection.inspect` asks for.

    Parameters
    ----------
    path : Path
    settings : dict
        The block `images` of the configuration, of which `sequences` and `slices` count.

    Returns
    -------
    (width, height, items), set_aside
        Of an upright photograph, in pixels, with no items; otherwise as `understory.images.dicom.inspect` gives them.

    Raises
    ------
    InputError
        Nothing of it can be used.
    """
    if settings["sequences"]:
        return dicom.inspect(path, sequences=settings["sequences"], slices=settings["slices"])
    height, width, _ = pixels.read(path).shape
    return (width, height, ""), []


def pictures(path, items: str, settings: dict):
    """The pictures of a recording: a photograph of at most `longest_side` pixels, or the items of a study.

    Parameters
    ----------
    path : Path
    items : str
        As `look` gave them.
    settings : dict
        The block `images` of the configuration, of which `longest_side` and `sequences` count.

    Yields
    ------
    Picture
    """
    try:
        if not settings["sequences"]:
            yield Picture(pixels.limited(pixels.read(path), settings["longest_side"]), {})
            return
        for taken in dicom.take(path, items, sequences=settings["sequences"]):
            windows = SEPARATOR.join(f"{low:.9g} {high:.9g}" for low, high in taken.windows)
            yield Picture(taken.picture, {"item": taken.item, "turn": taken.turn, "windows": windows})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def features(pictures, settings: dict, *, sequences):
    """Pictures as a model is given them, one after the other.

    Parameters
    ----------
    pictures : callable
        What gives all pictures anew, one after the other, each with its row: `recording_id`, and the facts of `Picture`.
    settings : dict
        A block of `features` in the configuration, of kind `picture`. Where it has `crop_to_content`, all pictures of a
        recording are cut to the one box of what is seen in any of them.
    sequences : sequence of str
        Of the block `images`: the channels of a study.

    Yields
    ------
    numpy.ndarray
        uint8 of shape (*size, channels).
    """
    seen: dict[str, list] = {}
    for picture, row in pictures() if settings["crop_to_content"] else ():
        seen.setdefault(row["recording_id"], []).append(pixels.content_box(picture))
    boxes = {recording: pixels.union(each) for recording, each in seen.items()}
    for picture, row in pictures():
        yield feature(picture, row, settings, sequences=sequences, box=boxes.get(row["recording_id"]))


def feature(picture: np.ndarray, row: dict, settings: dict, *, sequences=(), box=None) -> np.ndarray:
    """One picture as a model is given it.

    Its channels are those that `channels` names, in this order, or all; `box` is of `understory.images.pixels.within`; `scale`,
    which comes before `fit`, of `understory.images.pixels.scaled`. Where `oriented` is false, slices lie as they are stored in
    their files.
    """
    kept = list(range(picture.shape[2]))
    if settings["channels"] is not None:
        unknown = [name for name in settings["channels"] if name not in sequences]
        if unknown:
            raise InputError(
                f"channels: expected some of images.sequences ({', '.join(sequences) or 'none'}), given {unknown[0]}"
            )
        kept = [list(sequences).index(name) for name in settings["channels"]]
    windows = row["windows"].split(SEPARATOR) if "windows" in row else []
    ends = [tuple(map(float, windows[channel].split(" "))) for channel in kept] if windows else None
    part = pixels.scaled(pixels.within(picture, box)[..., kept], how=settings["scale"], windows=ends)
    if not settings["oriented"]:
        part = dicom.turned_back(part, row.get("turn", 0))
    return pixels.fit(part, size=settings["size"], how=settings["fit"])
