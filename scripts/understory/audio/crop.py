"""Windows around annotations."""

import numpy as np
import pandas as pd

from understory.audio import read
from understory.data import examples
from understory.data.dataset import Dataset
from understory.data.store import Stream


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
        `crop`: `window` (s), `sample_rate` (Hz), `absent`, whether rejected annotations have windows as well, and
        `long_events`, which windows an event has that is longer than one.

    Returns
    -------
    store.Stream, pandas.DataFrame
        The windows, int16 of shape (samples,), and a row for each.
    """
    crop = settings["crop"]
    rate, samples = crop["sample_rate"], round(crop["window"] * crop["sample_rate"])
    paths = {row.recording_id: source.path(row) for row in recordings.itertuples()}
    index = examples.place_windows(tables, examples.durations(recordings, rate), **crop)
    windows = (
        read.to_int16(
            read.read_window(paths[recording], start=round(start * rate), samples=samples, sample_rate=rate)
        )
        for recording, start in zip(index.recording_id, index.start, strict=True)
    )
    return Stream(windows, (samples,), np.int16), index
