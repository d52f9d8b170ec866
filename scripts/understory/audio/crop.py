"""Windows around annotations."""

import numpy as np
import pandas as pd

from understory.audio import background, read
from understory.data import examples
from understory.data.dataset import Dataset
from understory.data.store import Stream


def crop(tables: Dataset, recordings: pd.DataFrame, source, settings: dict):
    """Cut one window around each annotation, and windows of background.

    Parameters
    ----------
    tables : Dataset
        The recordings of a shard that can be used, with their annotations.
    recordings : pandas.DataFrame
        What inspection found of them.
    source : Source
    settings : dict
        `crop`: `window` (s), `sample_rate` (Hz), `absent`, whether rejected annotations have windows as well,
        `long_events`, which windows an event has that is longer than one, and `background`, how many windows of a
        recording are of nothing.

    Returns
    -------
    store.Stream, pandas.DataFrame
        The windows, int16 of shape (samples,), and a row for each.
    """
    crop = dict(settings["crop"])
    rate, window, number = crop["sample_rate"], crop["window"], crop.pop("background")
    samples, durations = round(window * rate), examples.durations(recordings, rate)
    paths = {row.recording_id: source.path(row) for row in recordings.itertuples()}
    index = background.added(
        examples.place_windows(tables, durations, **crop),
        background.examples(tables, durations, window=window, sample_rate=rate, background=number),
    )
    windows = (
        read.to_int16(
            read.read_window(paths[recording], start=round(start * rate), samples=samples, sample_rate=rate)
        )
        for recording, start in zip(index.recording_id, index.start, strict=True)
    )
    return Stream(windows, (samples,), np.int16), index
