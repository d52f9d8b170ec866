"""Windows of background: of recordings in which all that is heard is annotated, those in which nothing is."""

import math

import pandas as pd

from understory.core.rng import Stage, stream
from understory.data.dataset import Annotation, Dataset, example_id
from understory.data.tables.window_labels import FIELDS

COLUMNS = ("example_id", *FIELDS, "start", "stop", "present", "absent", "unknown")


def examples(
    tables: Dataset, durations: dict[str, int], *, window: float, sample_rate: int, background: int
) -> pd.DataFrame:
    """Examples of nothing, beside those of annotations.

    Which windows are taken depends on the id of the recording and on where its annotations are, and on nothing else.

    Parameters
    ----------
    tables : Dataset
        Of some recordings, with all their annotations.
    durations : dict
        Samples at `sample_rate` (Hz) of each recording.
    window : float
        Seconds.
    background : int
        Windows of each recording of `tables.background`, or as many as fit between its annotations.

    Returns
    -------
    pandas.DataFrame
        The columns of `understory.data.examples.place_windows`: an absent example without a label, whose box is its window.
    """
    samples, rows = round(window * sample_rate), []
    for name in sorted(tables.background & durations.keys()) if background else ():
        free = _free(tables.annotations_of.get(name, ()), durations[name], samples, sample_rate)
        if len(free) > background:
            chosen = stream(0, Stage.BACKGROUND, name).choice(len(free), background, replace=False)
            free = [free[number] for number in sorted(chosen)]
        for start in free:
            begin = start / sample_rate
            box = Annotation(name, "", "absent", begin, begin + window)
            rows.append((example_id(box), *box[: len(FIELDS)], begin, begin + window, "", "", ""))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def added(frame: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Examples with others, of which only the columns of the first are taken, empty where they have none, ordered by id."""
    if not len(others):
        return frame
    return pd.concat([frame, others.reindex(columns=frame.columns, fill_value="")]).sort_values(
        "example_id", ignore_index=True
    )


def _free(annotations, duration, samples, sample_rate):
    """The first samples of the windows that fit between annotations, one after the other, from each one's end."""
    starts, begin = [], 0
    edges = sorted(
        (math.floor(a.t_min * sample_rate), min(a.t_max * sample_rate, duration)) for a in annotations
    )
    for first, last in [*edges, (duration, duration)]:
        starts += range(begin, first - samples + 1, samples)
        begin = max(begin, math.ceil(last))
    # A recording that is shorter than a window makes one, with silence after its end.
    return starts if starts or edges or not duration else [0]
