"""Photographs and studies as recordings: looking them through, and the pictures that are taken of them.

With `sequences` a recording is a study, a folder with a folder a sequence; without, it is a photograph.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from understory import images, study
from understory.examples import SEPARATOR
from understory.tables import PRESENCES, InputError

# What `look` finds.
COLUMNS = ["width", "height", "items"]
# Of the JPEG files that photographs are kept as.
QUALITY = 95


class Picture(NamedTuple):
    """A picture of a recording: what is taken of it, and what the index says of that (`item`, `turn` and `windows`)."""

    picture: np.ndarray
    facts: dict


def quality(settings: dict) -> int | None:
    """What the store is told: photographs are kept as JPEG files, slices without loss."""
    return None if settings["sequences"] else QUALITY


def look(path, settings: dict):
    """Decode a photograph, or every slice of a study, as `understory.inspection.inspect` asks for.

    Parameters
    ----------
    path : Path
    settings : dict
        The block `images` of the configuration, of which `sequences` and `slices` count.

    Returns
    -------
    (width, height, items), set_aside
        Of an upright photograph, in pixels, with no items; otherwise as `understory.study.inspect` gives them.

    Raises
    ------
    InputError
        Nothing of it can be used.
    """
    if settings["sequences"]:
        return study.inspect(path, sequences=settings["sequences"], slices=settings["slices"])
    height, width, _ = images.read(path).shape
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
            yield Picture(images.limited(images.read(path), settings["longest_side"]), {"item": ""})
            return
        for taken in study.take(path, items, sequences=settings["sequences"]):
            windows = SEPARATOR.join(f"{low:.9g} {high:.9g}" for low, high in taken.windows)
            yield Picture(taken.picture, {"item": taken.item, "turn": taken.turn, "windows": windows})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def placed(events: pd.DataFrame) -> pd.DataFrame:
    """Examples of whole pictures, with all labels of their recordings.

    Parameters
    ----------
    events : pandas.DataFrame
        All annotations of some recordings, as `understory.examples.annotation_examples(absent=True)` gives them.

    Returns
    -------
    pandas.DataFrame
        `example_id, recording_id, label, presence`, and the labels `present`, `absent` and `unknown` of each one's
        recording, separated by semicolons. What is present is in no other list, and what is absent not in the last.
    """
    frame = events[["example_id", "recording_id", "label", "presence"]].reset_index(drop=True)
    taken = [set() for _ in range(len(frame))]
    for presence in PRESENCES:
        known = events[events.presence == presence].groupby("recording_id").label.agg(set).to_dict()
        own = [
            known.get(recording, set()) - old
            for recording, old in zip(frame.recording_id, taken, strict=True)
        ]
        frame[presence] = [SEPARATOR.join(sorted(labels)) for labels in own]
        taken = [old | new for old, new in zip(taken, own, strict=True)]
    return frame


def feature(
    picture: np.ndarray,
    *,
    size,
    fit: str,
    scale: str,
    channels=None,
    sequences=(),
    box=None,
    turn: int = 0,
    windows: str = "",
) -> np.ndarray:
    """A picture as a model is given it.

    Parameters
    ----------
    picture : numpy.ndarray
        uint8 or uint16 of shape (height, width, channels).
    size, fit
        Of `understory.images.fit`.
    scale : str
        Of `understory.images.scaled`, which comes first.
    channels : sequence of str, optional
        Those of a study's `sequences` that are kept, in this order; None: all.
    box : tuple of float, optional
        Of `understory.images.within`.
    turn : int
        The turn that is taken back, of `understory.study.turned_back`.
    windows : str
        The window of each sequence, as `pictures` gives them.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (*size, channels).
    """
    kept = list(range(picture.shape[2]))
    if channels is not None:
        unknown = [name for name in channels if name not in sequences]
        if unknown:
            raise InputError(
                f"channels: expected some of images.sequences ({', '.join(sequences) or 'none'}), given {unknown[0]}"
            )
        kept = [list(sequences).index(name) for name in channels]
    ends = [tuple(map(float, pair.split(" "))) for pair in windows.split(SEPARATOR)] if windows else []
    part = images.within(picture, box)[..., kept]
    part = images.scaled(part, how=scale, windows=[ends[channel] for channel in kept] if ends else None)
    return images.fit(study.turned_back(part, turn), size=size, how=fit)


def boxes(pictures) -> dict[str, tuple[float, float, float, float] | None]:
    """The box of what is seen in any picture of each recording, of `understory.images.content_box`.

    Parameters
    ----------
    pictures : iterable of (numpy.ndarray, str)
        Pictures and the recordings that they are of.
    """
    found: dict[str, list] = {}
    for picture, recording in pictures:
        found.setdefault(recording, []).append(images.content_box(picture))
    return {recording: images.union(each) for recording, each in found.items()}
