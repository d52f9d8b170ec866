"""What a run needs of the disk."""

import math
import os
import shutil
from pathlib import Path

from understory.audio import read
from understory.core.errors import InputError
from understory.data.dataset import Dataset
from understory.data.source import Source, reader
from understory.plan import disk_space_images, job_resources
from understory.plan.config import copies_by_features
from understory.synthetic.soundscapes import MORE_CONFIRMED, MORE_REJECTED, SAMPLE_RATE

WAVEFORM_BYTES = 2  # int16
FEATURE_BYTES = 2  # float16


def needed(config: dict, tables: Dataset | None, source: Source) -> int:
    """Bytes of the windows, augmented copies and features of a run, and of recordings still to be made.

    Test recordings are taken to be as long as the first of them that can be read.

    Parameters
    ----------
    config : dict
        The whole configuration.
    tables : Dataset or None
        The data set's; None where made-up data are still to be made.
    source : Source
        Where the recordings are.
    """
    if reader(config["dataset"]).MEDIUM == "images":
        return disk_space_images.needed(config, tables, source)
    crop, augment = config["crop"], config["augment"]
    recorded = 0.0
    if tables is None:
        made = config["synthetic"]
        examples = made["train_recordings"] * (1 + MORE_CONFIRMED) + made["rejected_recordings"] * (
            1 + MORE_REJECTED
        )
        tests, seconds = made["test_recordings"], made["test_duration"]
        recorded = (made["train_recordings"] + made["rejected_recordings"]) * made[
            "train_duration"
        ] + tests * seconds
    else:
        examples = sum(a.presence == "present" or crop["absent"] for a in tables.annotations)
        test = [recording for recording in tables.recordings if recording.subset == "test"]
        tests, seconds = len(test), 0.0
        for recording in test:
            try:
                seconds = read.length(source.path(recording), crop["sample_rate"]) / crop["sample_rate"]
                break
            except InputError:  # said by the job that needs the recording
                continue
    windows = tests * (1 + math.ceil(max(seconds - crop["window"], 0) / crop["hop"]))
    samples = round(crop["window"] * crop["sample_rate"])
    copies = copies_by_features(config)
    kept = 1 + (max(copies.values()) if augment["keep_copies"] else min(max(copies.values()), 1))
    waveforms = examples * kept * samples + recorded * SAMPLE_RATE
    values = sum(
        (examples * (1 + count) + windows) * job_resources.values(config["features"][fed], samples)
        for fed, count in copies.items()
    )
    return round(waveforms * WAVEFORM_BYTES + values * FEATURE_BYTES)


def check(folder: Path, wanted: int):
    """InputError when the disk under `folder` has no room for `wanted` bytes more than `folder` holds."""
    held = sum(file.stat().st_size for file in folder.rglob("*.npy")) if os.path.isdir(folder) else 0
    place = next(parent for parent in (folder, *folder.absolute().parents) if os.path.isdir(parent))
    free = shutil.disk_usage(place).free
    if free + held < wanted:
        raise InputError(
            f"{folder}: expected room for about {wanted / 1e9:.1f} GB of windows and features, found {(free + held) / 1e9:.1f} GB. "
            "Free some, set augment.keep_copies: false, or fewer augment.copies"
        )
