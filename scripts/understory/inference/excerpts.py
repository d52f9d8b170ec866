"""The sound around an event."""

from pathlib import Path

import numpy as np

from understory.audio import read


def around(
    path: Path, start: float, end: float, *, sample_rate: int, context: float, longest: float
) -> tuple[float, np.ndarray]:
    """Where an excerpt begins, s, and its sound, float32 (samples,): the event with what is before and after it.

    Parameters
    ----------
    path : Path
    start, end : float
        Seconds.
    sample_rate : int
        Hz.
    context : float
        Seconds before and after the event.
    longest : float
        Seconds of the excerpt at most; of a long event, its beginning is in it.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    first = max(0, round((start - context) * sample_rate))
    last = min(
        read.length(path, sample_rate),
        round((end + context) * sample_rate),
        first + round(longest * sample_rate),
    )
    wave = read.read_window(path, start=first, samples=max(1, last - first), sample_rate=sample_rate)
    return first / sample_rate, wave
