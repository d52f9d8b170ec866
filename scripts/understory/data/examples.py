"""Examples: the windows that are cut around annotations and along test recordings."""

import math

import numpy as np
import pandas as pd

from understory.core.errors import InputError
from understory.data.dataset import Dataset
from understory.data.tables.window_labels import FIELDS, annotated, with_labels


def annotation_examples(tables: Dataset, *, absent: bool) -> pd.DataFrame:
    """One row an example: `example_id, recording_id, label, presence` and its box, ordered by id.

    Each annotation makes one, or, where `tables.shared_windows`, all those of a recording with the same box; what is
    unknown makes none. The label of several is the rarest of the present ones among all examples of `tables`, and of
    those as rare the first in the alphabet; a box without a present one is absent, and has the rarest absent label.
    A part of a data set may so give an example another label than the whole does.

    With `absent` false, the rejected annotations are left out. One that lies within a longer present event of its label, such as a
    recording that is labelled as a whole, makes no example: its window would have that label.
    """
    frame = annotated(tables)
    if not tables.shared_windows:
        frame = frame[~_overruled(frame)]
    frame = frame[["example_id", *FIELDS]]
    frame = frame[frame.presence.isin(["present", "absent"] if absent else ["present"])]
    if tables.shared_windows:
        count = frame.groupby(["presence", "label"]).example_id.transform("nunique")
        order = frame.assign(absent=frame.presence == "absent", count=count).sort_values(
            ["absent", "count", "label"]
        )
        frame = frame.loc[order.drop_duplicates("example_id").index]
    # A box that is annotated with several song types of a class is one.
    return frame.drop_duplicates("example_id").sort_values("example_id", ignore_index=True)


def _overruled(frame):
    """Which annotations are absent ones within longer present ones of the same label, song type and band."""
    keys, found = ["recording_id", "label"], []
    present, absent = (frame[frame.presence == presence] for presence in ("present", "absent"))
    both = present.set_index(keys).index.isin(absent.set_index(keys).index)
    groups = dict(iter(present[both].groupby(keys)))
    # One by one: of a long recording there may be thousands of both.
    for key, own in absent.groupby(keys):
        if (others := groups.get(key)) is None:
            continue
        begins, ends, lows, highs = others[["t_min", "t_max", "f_min", "f_max"]].to_numpy().T
        types = others.song_type.to_numpy()
        for row in own.itertuples():
            inside = (begins <= row.t_min) & (row.t_max <= ends) & (ends - begins > row.t_max - row.t_min)
            inside &= (lows < row.f_max) & (row.f_min < highs)
            inside &= (types == "") | (row.song_type == "") | (types == row.song_type)
            if inside.any():
                found.append(row.Index)
    return frame.index.isin(found)


def of_items(frame: pd.DataFrame, recordings: pd.DataFrame) -> pd.DataFrame:
    """Examples of recordings of which several items are taken, one row an item.

    Parameters
    ----------
    frame : pandas.DataFrame
        Examples, with `example_id` and `recording_id`.
    recordings : pandas.DataFrame
        Their recordings, of studies with `items`, separated by spaces.

    Returns
    -------
    pandas.DataFrame
        `frame`; of studies with the column `item`, and ids of the form `EXAMPLE-ITEM`.
    """
    if "items" not in recordings or not recordings["items"].any():
        return frame
    items = dict(zip(recordings.recording_id, recordings["items"].str.split(" "), strict=True))
    frame = frame.assign(item=frame.recording_id.map(items)).explode("item", ignore_index=True)
    return frame.assign(example_id=frame.example_id + "-" + frame["item"])


def durations(recordings: pd.DataFrame, sample_rate: int) -> dict[str, int]:
    """The length of each recording in samples at `sample_rate`, from its own `frames` and `sample_rate`."""
    lengths = recordings.frames.astype(int) * sample_rate // recordings.sample_rate.astype(int)
    return dict(zip(recordings.recording_id, map(int, lengths), strict=True))


def centred_start(t_min: float, t_max: float, *, duration: int, samples: int, sample_rate: int) -> int:
    """The first sample of the window centred on an event and clamped to its recording.

    Parameters
    ----------
    t_min, t_max : float
        Seconds; an infinite `t_max` is the recording's end.
    duration, samples : int
        Lengths of the recording and of the window, in samples at `sample_rate`.
    """
    end = min(t_max, duration / sample_rate)
    centre = round((min(t_min, end) + end) / 2 * sample_rate)
    return int(np.clip(centre - samples // 2, 0, max(duration - samples, 0)))


def random_start(
    t_min: float, t_max: float, *, duration: int, samples: int, sample_rate: int, rng: np.random.Generator
) -> int:
    """The first sample of a window of which the event is a part, or which is a part of the event where that is longer, drawn
    evenly and clamped to its recording.

    Parameters
    ----------
    t_min, t_max, duration, samples
        As for `centred_start`.
    """
    end = round(min(t_max * sample_rate, duration))
    begin = min(round(t_min * sample_rate), end)
    low, high = np.clip(sorted((begin, end - samples)), 0, max(duration - samples, 0))
    return int(rng.integers(low, high + 1))


def event_starts(
    t_min: float, t_max: float, *, duration: int, samples: int, sample_rate: int, long_events: str
) -> list[int]:
    """The first samples of the windows of an event.

    Parameters
    ----------
    t_min, t_max, duration, samples
        As for `centred_start`.
    long_events : {"middle", "cover"}
        Of an event longer than a window: the one at its middle, or as few as cover it, evenly spaced.
    """
    end = round(min(t_max * sample_rate, duration))
    begin = min(round(t_min * sample_rate), end)
    count = math.ceil((end - begin) / samples) if long_events == "cover" else 1
    if count <= 1:
        return [centred_start(t_min, t_max, duration=duration, samples=samples, sample_rate=sample_rate)]
    starts = np.linspace(begin, end - samples, count).round().astype(int)
    return [int(start) for start in np.clip(starts, 0, max(duration - samples, 0))]


def of_windows(
    frame: pd.DataFrame, durations: dict[str, int], *, window: float, sample_rate: int, long_events: str
) -> pd.DataFrame:
    """Examples of recordings of sound, one row a window.

    Parameters
    ----------
    frame : pandas.DataFrame
        Examples, with `example_id`, `recording_id` and their box.
    durations : dict
        Samples at `sample_rate` (Hz) of each recording.
    window : float
        Seconds.
    long_events : str
        As for `event_starts`.

    Returns
    -------
    pandas.DataFrame
        `frame` with `start` (seconds); ids of the form `EXAMPLE-NUMBER` where an event has several windows.
    """
    starts = [
        event_starts(
            t_min,
            t_max,
            duration=durations[recording],
            samples=round(window * sample_rate),
            sample_rate=sample_rate,
            long_events=long_events,
        )
        for recording, t_min, t_max in zip(frame.recording_id, frame.t_min, frame.t_max, strict=True)
    ]
    numbers = [number if len(each) > 1 else None for each in starts for number in range(len(each))]
    frame = frame.loc[frame.index.repeat([len(each) for each in starts])].reset_index(drop=True)
    frame["example_id"] = [
        name if number is None else f"{name}-{number}"
        for name, number in zip(frame.example_id, numbers, strict=True)
    ]
    frame["start"] = np.array([start for each in starts for start in each], dtype=float) / sample_rate
    return frame


def place_windows(
    tables: Dataset,
    durations: dict[str, int],
    *,
    window: float,
    sample_rate: int,
    absent: bool,
    long_events: str = "middle",
    drawn=None,
) -> pd.DataFrame:
    """The windows of a shard's annotations.

    Parameters
    ----------
    tables : Dataset
        Of some recordings, with all their annotations.
    durations : dict
        Samples at `sample_rate` of each recording.
    window : float
        Seconds.
    absent : bool
        Whether rejected annotations have windows as well.
    long_events : str
        As for `event_starts`.
    drawn : callable, optional
        Given the id, box and recording of a window, `example_id, t_min, t_max, recording_id`, where it starts instead, in samples.

    Returns
    -------
    pandas.DataFrame
        `annotation_examples`, one row a window, with `start` and `stop` (seconds) and the labels `present`, `absent` and `unknown` of
        every annotation that overlaps the window, separated by semicolons, each once: a label that is present and
        something else is present, and one that is absent and unknown is absent. Where `tables.types` has any, `present_outputs`,
        `absent_outputs` and `unknown_outputs` list the outputs of a network, with those of song types in the place of their class,
        which is absent where all of them are. Where an event has a confidence below 1, `confidences` has the highest one of each label
        that is listed as present, or output where these are listed; it is empty where all are 1.
    """
    frame = of_windows(
        annotation_examples(tables, absent=absent),
        durations,
        window=window,
        sample_rate=sample_rate,
        long_events=long_events,
    )
    if drawn is not None:
        columns = (frame[column] for column in ("example_id", "t_min", "t_max", "recording_id"))
        frame["start"] = np.array(list(map(drawn, *columns)), dtype=float) / sample_rate
    frame["stop"] = frame.start + window
    return with_labels(frame, tables)


def of_shards(indexes, folds: pd.DataFrame | None = None) -> pd.DataFrame:
    """The tables of several shards as one, with the place of each row.

    Parameters
    ----------
    indexes : iterable of pandas.DataFrame
        The tables of the shards, in the order of their arrays.
    folds : pandas.DataFrame or None
        The examples with their folds. `label` is taken from it where it is given: of a window with several labels it is
        the rarest in the whole data set, which a shard does not know.

    Returns
    -------
    pandas.DataFrame
        The rows of the shards, one after the other, with `part`, the number of the shard, and `row`, the row in it, as
        int32.

    Raises
    ------
    InputError
        `folds` lacks an example.
    """
    table = pd.concat(
        [
            index.assign(part=np.int32(part), row=np.arange(len(index), dtype=np.int32))
            for part, index in enumerate(indexes)
        ],
        ignore_index=True,
    )
    if folds is not None:
        place = pd.Index(folds.example_id).get_indexer(table.example_id)
        if missing := set(table.example_id[place < 0]):
            raise InputError(
                f"folds.csv: expected every example, {len(missing)} are missing, such as {min(missing)}: delete the "
                "file to have it made again"
            )
        table["label"] = folds.label.array.take(place)
    return table
