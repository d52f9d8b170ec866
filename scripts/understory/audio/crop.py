"""Windows around annotations."""

import numpy as np
import pandas as pd

from understory.audio import read
from understory.data import examples
from understory.data.dataset import Dataset


def crop(tables: Dataset, recordings: pd.DataFrame, source, settings: dict):
    """Cut one window around each annotation.

    Parameters
    ----------
    tables : Dataset
        The recordings of a shard that can be used, with their annotations.
    recordings : pandas.DataFrame
        What inspection found of them.
    source : Source
    settings : dict
        `crop`: `window` (s), `sample_rate` (Hz), and `absent`, whether rejected annotations have windows as well.

    Returns
    -------
    numpy.ndarray, pandas.DataFrame
        int16 of shape (windows, samples), and a row for each.
    """
    crop = settings["crop"]
    rate, samples = crop["sample_rate"], round(crop["window"] * crop["sample_rate"])
    paths = {row.recording_id: source.path(row) for row in recordings.itertuples()}
    index = examples.place_windows(
        tables,
        examples.durations(recordings, rate),
        window=crop["window"],
        sample_rate=rate,
        absent=crop["absent"],
    )
    windows = np.empty((len(index), samples), dtype=np.int16)
    for number, (recording, start) in enumerate(zip(index.recording_id, index.start, strict=True)):
        wave = read.read_window(
            paths[recording], start=round(start * rate), samples=samples, sample_rate=rate
        )
        windows[number] = read.to_int16(wave)
    return windows, index
