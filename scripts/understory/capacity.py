"""What a run needs of the disk."""

import shutil
from pathlib import Path

from understory.tables import InputError

WAVEFORM_BYTES = 2  # int16
SPECTROGRAM_BYTES = 2  # float16


def needed(*, examples: int, test_windows: int, window: float, sample_rate: int, copies: int, keep_waveforms: bool, bins: int) -> int:
    """Bytes of the windows, augmented copies and spectrograms of a run.

    Parameters
    ----------
    examples, test_windows : int
        Windows of annotations, and of test recordings.
    bins : int
        Values of one spectrogram.
    """
    waveform = round(window * sample_rate) * WAVEFORM_BYTES
    kept = 1 + (copies if keep_waveforms else min(copies, 1))
    return examples * kept * waveform + (examples * (1 + copies) + test_windows) * bins * SPECTROGRAM_BYTES


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
