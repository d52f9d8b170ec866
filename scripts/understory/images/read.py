"""Images of a recording: a photograph, or the slices of a study.

With `sequences` a recording is a study, a folder with a folder a sequence; without, it is a photograph.
"""

from understory.core.errors import InputError
from understory.data.dataset import SEPARATOR
from understory.images import photographs, pixels, study


def images(path, items: str, settings: dict):
    """The images of a recording: a photograph of at most `longest_side` pixels, or the items of a study.

    Parameters
    ----------
    path : Path
    items : str
        The slices that inspection chose; empty for a photograph.
    settings : dict
        The block `images` of the configuration: `longest_side` and `sequences`.

    Yields
    ------
    numpy.ndarray, dict
        uint8 or uint16 of shape (height, width, channels), and what its table says: of a slice, its `item`, `turn` and
        `windows`.
    """
    try:
        if not settings["sequences"]:
            yield pixels.limited(photographs.read(path), settings["longest_side"]), {}
            return
        for item, image, turn, windows in study.read(path, items, sequences=settings["sequences"]):
            ends = SEPARATOR.join(f"{low:.9g} {high:.9g}" for low, high in windows)
            yield image, {"item": item, "turn": turn, "windows": ends}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
