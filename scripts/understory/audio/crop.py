"""Windows around annotations."""

import numpy as np
import pandas as pd

from understory.audio import background, read
from understory.core.rng import Stage, stream
from understory.data import examples
from understory.data.dataset import Dataset
from understory.data.store import Stream


def crop(tables: Dataset, recordings: pd.DataFrame, source, settings: dict, variant: int = 0):
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
        recording are of nothing. For a copy, `seed`.
    variant : int
        0: the windows of the examples. From 1: for a copy of each example, a window at random around its event, and that of the example
        where it is of background.

    Returns
    -------
    store.Stream, pandas.DataFrame
        The windows, int16 of shape (samples,), and a row for each.
    """
    crop = dict(settings["crop"])
    rate, window, number = crop["sample_rate"], crop["window"], crop.pop("background")
    samples, durations = round(window * rate), examples.durations(recordings, rate)
    paths = {row.recording_id: source.path(row) for row in recordings.itertuples()}

    def drawn(example, t_min, t_max, recording):
        return examples.random_start(
            t_min,
            t_max,
            duration=durations[recording],
            samples=samples,
            sample_rate=rate,
            rng=stream(settings["seed"], Stage.CROP, example, variant),
        )

    index = background.added(
        examples.place_windows(tables, durations, **crop, drawn=drawn if variant else None),
        background.examples(tables, durations, window=window, sample_rate=rate, background=number),
    )
    windows = (
        read.to_int16(
            read.read_window(paths[recording], start=round(start * rate), samples=samples, sample_rate=rate)
        )
        for recording, start in zip(index.recording_id, index.start, strict=True)
    )
    return Stream(windows, (samples,), np.int16), index
