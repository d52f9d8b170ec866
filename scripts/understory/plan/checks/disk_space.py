"""Estimate the disk space that a run needs, and check that it is there."""

import math
import os
import shutil
from contextlib import suppress
from pathlib import Path

from understory.audio import read
from understory.core.errors import InputError
from understory.data.dataset import Dataset
from understory.data.source import Source, reader
from understory.plan import data_counts
from understory.plan.config import copies_by_features
from understory.plan.job_settings import Medium
from understory.synthetic.soundscapes import MORE_CONFIRMED, MORE_REJECTED, SAMPLE_RATE

WAVEFORM_BYTES = 2  # int16
FEATURE_BYTES = 2  # float16
# Bytes of a compressed pixel: all channels of a photograph as JPEG, and a channel of a slice of 16 bits, or of 8.
PHOTOGRAPH, SLICE, GREY = 0.8, 1.3, 0.8
# Height over width of a photograph whose longer side is known, as most cameras have it.
ASPECT = 3 / 4
# Pixels of a synthetic slice.
PIXELS = 64**2


def needed(config: dict, tables: Dataset | None, source: Source) -> int:
    """Bytes of the windows, augmented copies and features of a run, and of sound recordings still to be made.

    All recordings of sound of a subset are assumed to be as long as the first that can be read, and all studies to have as many
    slices as the first that is there, each as large as its largest file.

    Parameters
    ----------
    config : dict
        The whole configuration.
    tables : Dataset or None
        The data set's; None where synthetic data are still to be made.
    source : Source
        Where the recordings are.
    """
    medium = Medium(reader(config["dataset"]).MEDIUM, config)
    estimate = _audio if medium.name == "audio" else _images
    recorded, examples, tests, window, feature = estimate(config, medium, tables, source)
    copies = copies_by_features(config)
    most = max(copies.values(), default=0)
    kept = most if config["augment"]["keep_copies"] else min(most, 1)
    # Windows that are cut for copies are deleted when these are made.
    cut = config["augment"]["random_crop"] and most > 0
    stored = 1 + (kept if medium.copies_written else 0) + cut
    features = sum((examples * (1 + count) + tests) * feature(name) for name, count in copies.items())
    return round(recorded + examples * stored * window + features)


def _audio(config, medium, tables, source):
    """Bytes of recordings still to be made, the numbers of examples and test windows, and bytes of a window and of features."""
    crop, synthetic = config["crop"], config["synthetic"]
    recorded = 0.0
    if tables is None:
        train, rejected, tests = (synthetic[f"{kind}_recordings"] for kind in ("train", "rejected", "test"))
        examples = train * (1 + MORE_CONFIRMED) + rejected * (1 + MORE_REJECTED)
        seconds = synthetic["test_duration"]
        recorded = (train + rejected) * synthetic["train_duration"] + tests * seconds
    else:
        examples = data_counts.examples(
            config, tables, _seconds(tables, source, "train", crop["sample_rate"])
        )
        tests = sum(recording.subset == "test" for recording in tables.recordings)
        seconds = _seconds(tables, source, "test", crop["sample_rate"])
    return (
        recorded * SAMPLE_RATE * WAVEFORM_BYTES,
        examples,
        tests * medium.windows(seconds),
        medium.samples * WAVEFORM_BYTES,
        lambda name: math.prod(medium.shape(name)) * FEATURE_BYTES,
    )


def _seconds(tables, source, subset, sample_rate):
    """The length of the first recording of a subset that can be read; 0 where there is none."""
    for recording in tables.recordings:
        if recording.subset == subset and source is not None:
            # What is wrong with it, the job says that needs it.
            with suppress(InputError):
                return read.length(source.path(recording), sample_rate) / sample_rate
    return 0.0


def _images(config, medium, tables, source):
    """The same of images; synthetic ones are small beside what is made of them."""
    settings, synthetic = config["images"], config["synthetic"]
    if tables is None:
        examples = synthetic["train_recordings"] + synthetic["rejected_recordings"]
        tests = synthetic["test_recordings"]
    else:
        presences = ("present", "absent") if config["crop"]["absent"] else ("present",)
        examples = len({(a.recording_id, a.label) for a in tables.annotations if a.presence in presences})
        tests = sum(recording.subset == "test" for recording in tables.recordings)
    items, window = 1, PHOTOGRAPH * ASPECT * settings["longest_side"] ** 2
    if settings["sequences"]:
        items, pixels = _slices(settings, tables, source)
        window = SLICE * len(settings["sequences"]) * pixels

    def feature(name):
        height, width, channels = medium.shape(name)
        return height * width * (channels * GREY if settings["sequences"] else PHOTOGRAPH)

    return 0, examples * items, tests * items, window, feature


def _slices(settings, tables, source):
    """How many slices are taken of a study, and their pixels."""
    # Not above: pydicom takes long to import, and photographs do without.
    from understory.images import study

    for recording in tables.recordings if tables else ():
        for sequence in settings["sequences"]:
            stack, _ = study.numbered(Path(source.path(recording), sequence))
            if stack:
                largest = max(path.stat().st_size for path in stack.values())
                return len(study.chosen(len(stack), **settings["slices"])) or 1, largest // 2
    return settings["slices"]["all_below"], PIXELS


def check(folder: Path, wanted: int):
    """InputError when the disk under `folder` has no room for `wanted` bytes, less those that `folder` holds already."""
    held = sum(file.stat().st_size for file in folder.rglob("*.npy")) if os.path.isdir(folder) else 0
    place = next(parent for parent in (folder, *folder.absolute().parents) if os.path.isdir(parent))
    free = shutil.disk_usage(place).free
    if free + held < wanted:
        raise InputError(
            f"{folder}: expected room for about {wanted / 1e9:.1f} GB of windows and features, found {(free + held) / 1e9:.1f} GB. "
            "Free some, set augment.keep_copies: false, or fewer augment.copies"
        )
