"""What a run on photographs or studies needs of the disk."""

import math
from pathlib import Path

from understory.data.dataset import Dataset
from understory.data.source import Source
from understory.plan.config import copies_by_features

# Bytes of a compressed pixel, of all its channels: a photograph as JPEG, and a channel of a slice of 16 bits, or of 8.
PHOTOGRAPH, SLICE, GREY = 0.8, 1.3, 0.8
# Height over width of a photograph whose longer side is known, as most cameras have it.
ASPECT = 3 / 4
# Pixels of a slice where none is there to be looked at, as made-up ones have.
PIXELS = 64**2


def needed(config: dict, tables: Dataset | None, source: Source) -> int:
    """Bytes of the pictures, augmented copies and features of a run.

    All studies are taken to have as many slices as the first that is there, and these to be as large as its largest file.

    Parameters
    ----------
    config : dict
        The whole configuration.
    tables : Dataset or None
        The data set's; None where made-up data are still to be made.
    source : Source
        Where the recordings are.
    """
    augment, settings = config["augment"], config["images"]
    if tables is None:
        made = config["synthetic"]
        examples, tests = made["train_recordings"] + made["rejected_recordings"], made["test_recordings"]
    else:
        kept = ("present", "absent") if config["crop"]["absent"] else ("present",)
        examples = len({(a.recording_id, a.label) for a in tables.annotations if a.presence in kept})
        tests = sum(recording.subset == "test" for recording in tables.recordings)
    items, window = 1, PHOTOGRAPH * ASPECT * settings["longest_side"] ** 2
    if settings["sequences"]:
        items, pixels = _slices(settings, tables, source)
        window = SLICE * len(settings["sequences"]) * pixels
    copies = copies_by_features(config)
    most = max(copies.values(), default=0)
    windows = examples * items * (1 + (most if augment["keep_copies"] else min(most, 1))) * window
    features = sum(
        items * (examples * (1 + count) + tests) * _feature(config["features"][fed], settings["sequences"])
        for fed, count in copies.items()
    )
    return round(windows + features)


def _feature(features, sequences):
    """Bytes of one picture as a model is given it."""
    pixels = math.prod(features["size"])
    return pixels * (len(features["channels"] or sequences) * GREY if sequences else PHOTOGRAPH)


def _slices(settings, tables, source):
    """How many slices are taken of a study, and their pixels."""
    # Not above: whoever has photographs need not import it.
    from understory.images import dicom

    most = settings["slices"]
    for recording in tables.recordings if tables else ():
        for sequence in settings["sequences"]:
            stack, _ = dicom.numbered(Path(source.path(recording), sequence))
            if stack:
                largest = max(path.stat().st_size for path in stack.values())
                return len(dicom.chosen(len(stack), **most)) or 1, largest // 2
    return most["all_below"], PIXELS
