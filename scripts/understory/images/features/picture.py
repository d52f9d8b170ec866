"""Images at the size that a model takes."""

from typing import Literal

from understory.core.errors import InputError
from understory.core.options import Names, Size

# Rows are no bands, and columns no frames.
FRAMED = False


def shape(sequences, *, size, channels=None, **others) -> tuple[int, int, int]:
    """Height, width and channels of the features of a photograph, or with `sequences` of a slice."""
    return (*size, len(channels or sequences) if sequences else 3)


def compute(
    images,
    *,
    sequences,
    size: Size,
    fit: Literal["stretch", "pad", "crop"],
    scale: Literal["none", "max", "percentile", "window"] = "none",
    channels: Names | None = None,
    oriented: bool = True,
    crop_to_content: bool = False,
):
    """Images at the size that a model takes, one after the other.

    Parameters
    ----------
    images : callable
        Gives all images anew, one after the other: each uint8 or uint16 of shape (height, width, channels) with its row, a
        dict with `recording_id` and, of a slice, `turn` and `windows`.
    sequences : sequence of str
        The channels of a slice; empty for photographs.
    size : (int, int)
        Height and width, pixels.
    fit : {"stretch", "pad", "crop"}
        As `understory.images.pixels.fit` says.
    scale : {"none", "max", "percentile", "window"}
        How values become 8 bits, before `fit`, as `understory.images.pixels.scaled` says.
    channels : list of str, optional
        The sequences that become channels, in this order; all without it.
    oriented : bool
        Whether slices are turned to the orientation in which they are viewed, and not left as their files store them.
    crop_to_content : bool
        Whether all images of a recording are cut to one box, around the content of every one of them.

    Yields
    ------
    numpy.ndarray
        uint8 of shape (*size, channels).

    Raises
    ------
    InputError
        `channels` names a sequence that there is not, or `scale` does not go with the images.
    """
    from understory.images import pixels

    names = list(sequences)
    if unknown := [name for name in channels or () if name not in names]:
        raise InputError(
            f"channels: expected some of images.sequences ({', '.join(names) or 'none'}), found {unknown[0]}"
        )
    boxes = _boxes(images()) if crop_to_content else {}
    for image, row in images():
        numbers = [names.index(name) for name in channels] if channels else list(range(image.shape[2]))
        part = pixels.within(image, boxes.get(row["recording_id"]))[..., numbers]
        part = pixels.scaled(part, how=scale, windows=_windows(row, numbers))
        if not oriented:
            part = pixels.turned_back(part, row.get("turn", 0))
        yield pixels.fit(part, size=size, how=fit)


def _boxes(images):
    """By recording, the box around the content of all its images."""
    from understory.images import pixels

    boxes: dict[str, list] = {}
    for image, row in images:
        boxes.setdefault(row["recording_id"], []).append(pixels.content_box(image))
    return {recording: pixels.union(each) for recording, each in boxes.items()}


def _windows(row, numbers):
    """The windows of these channels of a slice; None of a photograph."""
    if "windows" not in row:
        return None
    from understory.data.dataset import SEPARATOR

    ends = row["windows"].split(SEPARATOR)
    return [tuple(map(float, ends[number].split(" "))) for number in numbers]
