"""Features of windows, or of windows slid over test recordings."""

import json

import numpy as np
import pandas as pd

from understory.audio import read
from understory.data import examples
from understory.data.store import Stream, in_order


def stored(windows: np.ndarray | Stream, index: pd.DataFrame):
    """Windows, int16 of shape (windows, samples) or a stream of them, and their table, as `compute` takes them."""
    items = windows.items if isinstance(windows, Stream) else in_order(windows)
    return (read.to_float(window) for window in items), index, windows.shape[-1]


def recorded(recordings: pd.DataFrame, source, settings: dict):
    """Windows slid over test recordings, as `compute` takes them.

    Parameters
    ----------
    recordings : pandas.DataFrame
        What inspection found of them.
    source : Source
    settings : dict
        `crop`: `window` and `hop`, s, and `sample_rate`, Hz.
    """
    crop = settings["crop"]
    rate, samples = crop["sample_rate"], round(crop["window"] * crop["sample_rate"])
    durations = examples.durations(recordings, rate)
    rows = [
        (row.recording_id, source.path(row), start)
        for row in recordings.itertuples()
        for start in read.sliding_starts(
            duration=durations[row.recording_id], samples=samples, hop=round(crop["hop"] * rate)
        )
    ]
    seconds = np.array([start for _, _, start in rows], dtype=float) / rate
    index = pd.DataFrame(
        {
            "recording_id": [recording for recording, _, _ in rows],
            "start": seconds,
            "stop": seconds + crop["window"],
        }
    )
    # Rounded as windows on disk are, so that test and training differ in nothing but the recordings.
    waves = (
        read.to_float(read.to_int16(read.read_window(path, start=start, samples=samples, sample_rate=rate)))
        for _, path, start in rows
    )
    return waves, index, samples


def spectral_steps(draw) -> int:
    """The semitones by which a draw of a chain of transforms shifts the spectrogram (`SpectralPitchShift`)."""
    if isinstance(draw, list):
        return sum(map(spectral_steps, draw))
    if isinstance(draw, dict):
        return draw.get("spectral_steps", 0) + spectral_steps(list(draw.values()))
    return 0


def compute(windows, features, options: dict, settings: dict):
    """The features of windows.

    Parameters
    ----------
    windows : tuple
        As `stored` or `recorded` gives them.
    features : module
        One of `understory.audio.features`.
    options : dict
        Its options. Of copies that `SpectralPitchShift` was applied to, `compute_shifted` of the module is asked.
    settings : dict
        `crop`: `sample_rate`, Hz.

    Returns
    -------
    store.Stream, pandas.DataFrame
        The features, float16 of shape (height, width), and a row for each.
    """
    waves, index, samples = windows
    rate = settings["crop"]["sample_rate"]
    shifts = (
        index.draw.map(lambda draw: spectral_steps(json.loads(draw))) if "draw" in index else [0] * len(index)
    )
    computed = (
        features.compute_shifted(wave, steps, sample_rate=rate, **options)
        if steps
        else features.compute(wave, sample_rate=rate, **options)
        for wave, steps in zip(waves, shifts, strict=True)
    )
    return Stream(computed, features.shape(samples, **options), np.float16), index
