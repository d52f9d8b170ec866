"""The windows of examples: what is sought."""

from pathlib import Path

import numpy as np

from understory.audio import inspect, read
from understory.core.errors import InputError


def starts(paths, times: tuple[float | None, float | None], settings: dict) -> list[float]:
    """Where the window of each example begins in its file, s.

    Without times it is the loudest one of those at every hop. With times it is the window at their middle, moved into the file as
    that of an annotation is; where they are longer than a window, it is the loudest one between them.

    Parameters
    ----------
    paths : sequence of str
    times : tuple of (float or None)
        Start and end, s.
    settings : dict
        `window` and `hop` (s) and `sample_rate` (Hz).

    Raises
    ------
    InputError
        A file cannot be decoded, is silent, or shorter than a window; or the times are not in it.
    """
    return [_start(Path(path), *times, settings) for path in paths]


def _start(path, begin, end, settings):
    rate, window = settings["sample_rate"], settings["window"]
    samples, there = round(window * rate), _length(path, rate, whole=begin is None)
    if there < samples:
        raise InputError(
            f"like: expected a sound of at least crop.window ({window:g} s), found {there / rate:.2f} s in {path}: give the recording "
            "that it was cut from, with start and end, --config like=FILE 'search={start: 1.5, end: 2}'"
        )
    if begin is None:
        begin, end = 0.0, there / rate
    elif not 0 <= begin < end <= there / rate:
        raise InputError(
            f"search: expected start before end, within the {there / rate:.2f} s of {path}, given {begin:g} and {end:g}"
        )
    first, last = round(begin * rate), round(end * rate)
    if last - first <= samples:
        first = min(max((first + last - samples) // 2, 0), there - samples)
        last = first + samples
    hop = round(settings["hop"] * rate)
    places = [first + start for start in read.sliding_starts(duration=last - first, samples=samples, hop=hop)]
    waves = read.read_windows(path, places, samples=samples, sample_rate=rate)
    power = [float(np.var(wave, dtype=np.float64)) for wave in waves]
    loudest = int(np.argmax(power))
    if power[loudest] < (inspect.QUIETEST / 2) ** 2:
        raise InputError(f"search: expected a sound from {begin:g} to {end:g} s of {path}, found silence")
    return places[loudest] / rate


def _length(path, rate, *, whole):
    """Samples of a file, at a rate; with `whole`, of one that can be decoded to its end. A long recording is not, for a part of it."""
    try:
        if whole:
            inspect.inspect_file(path)
        return read.length(path, rate)
    except InputError as error:
        raise InputError(f"like: {path}: {str(error).removeprefix(f'{path}: ')}") from None


def wave(path: str, start: float, settings: dict) -> np.ndarray:
    """A window of a file, float32 (samples,)."""
    rate = settings["sample_rate"]
    samples = round(settings["window"] * rate)
    return read.read_window(Path(path), start=round(start * rate), samples=samples, sample_rate=rate)
