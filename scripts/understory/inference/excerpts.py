"""The sound around an event."""

from pathlib import Path

import numpy as np

from understory.audio import read

# Seconds before and after an event, and seconds of sound at most.
CONTEXT, LONGEST = 1.0, 10.0


def around(path: Path, start: float, end: float, settings: dict) -> tuple[float, np.ndarray]:
    """Where an excerpt begins, s, and its sound, float32 (samples,): the event with what is before and after it.

    Parameters
    ----------
    path : Path
    start, end : float
        Seconds; of a long event, its beginning is in the excerpt.
    settings : dict
        `sample_rate`, Hz.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    rate = settings["sample_rate"]
    first = max(0, round((start - CONTEXT) * rate))
    last = min(read.length(path, rate), round((end + CONTEXT) * rate), first + round(LONGEST * rate))
    wave = read.read_window(path, start=first, samples=max(1, last - first), sample_rate=rate)
    return first / rate, wave
