"""Inspection of photographs and studies."""

from pathlib import Path

from understory.images import photographs, study

# What `inspect_recording` finds.
COLUMNS = ["width", "height", "items"]


def inspect_recording(path: Path, settings: dict):
    """Decode a photograph, or every slice of a study, as `understory.data.inspection.inspect` asks for.

    Parameters
    ----------
    path : Path
    settings : dict
        `images`: `sequences`, and `slices` where there are any.

    Returns
    -------
    (width, height, items), quarantined
        Of an upright photograph, in pixels, with no items; otherwise as `understory.images.study.inspect` gives them.

    Raises
    ------
    InputError
        Nothing of it can be used.
    """
    settings = settings["images"]
    if settings["sequences"]:
        return study.inspect(path, sequences=settings["sequences"], slices=settings["slices"])
    height, width, _ = photographs.read(path).shape
    return (width, height, ""), []
