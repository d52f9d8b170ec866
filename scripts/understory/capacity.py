"""What a run needs of the disk."""

import math
import shutil
from pathlib import Path

from understory import audio
from understory.synthesis import MORE_CONFIRMED, MORE_REJECTED
from understory.tables import InputError, Tables

WAVEFORM_BYTES = 2  # int16
SPECTROGRAM_BYTES = 2  # float16


def needed(config: dict, tables: Tables | None, folder: Path) -> int:
    """Bytes of the windows, augmented copies and spectrograms of a run.

    Test recordings are taken to be as long as the first of them.

    Parameters
    ----------
    config : dict
        The whole configuration.
    tables : Tables or None
        The data set's; None where made-up data are still to be made.
    folder : Path
        The data folder.
    """
    crop, augment, mel = config["crop"], config["augment"], config["spectrogram"]
    if tables is None:
        made = config["synthetic"]
        examples = made["train_recordings"] * (1 + MORE_CONFIRMED) + made["rejected_recordings"] * (
            1 + MORE_REJECTED
        )
        tests, seconds = made["test_recordings"], made["test_duration"]
    else:
        examples = sum(a.presence == "present" or crop["absent"] for a in tables.annotations)
        test = [recording for recording in tables.recordings if recording.subset == "test"]
        tests, seconds = len(test), 0.0
        if test:
            seconds = audio.length(folder / test[0].path, crop["sample_rate"]) / crop["sample_rate"]
    windows = tests * (1 + math.ceil(max(seconds - crop["window"], 0) / crop["hop"]))
    samples = round(crop["window"] * crop["sample_rate"])
    bins = math.prod(mel["resize"] or (mel["n_mels"], 1 + samples // mel["hop"]))
    kept = 1 + (augment["copies"] if augment["keep_waveforms"] else min(augment["copies"], 1))
    spectrograms = examples * (1 + augment["copies"]) + windows
    return round(examples * kept * samples * WAVEFORM_BYTES + spectrograms * bins * SPECTROGRAM_BYTES)


def check(folder: Path, wanted: int):
    """InputError when the disk under `folder` has no room for `wanted` bytes more than `folder` holds."""
    held = sum(file.stat().st_size for file in folder.rglob("*.npy")) if folder.is_dir() else 0
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(place).free
    if free + held < wanted:
        raise InputError(
            f"{folder}: expected room for about {wanted / 1e9:.1f} GB of windows and spectrograms, found {(free + held) / 1e9:.1f} GB. "
            "Free some, set augment.keep_waveforms: false, or fewer augment.copies"
        )
