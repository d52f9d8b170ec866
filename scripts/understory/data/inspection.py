"""Setting aside the recordings that are no use, and what of the annotations lies outside theirs."""

import math
from dataclasses import replace

import pandas as pd

from understory.core.errors import InputError
from understory.data import store
from understory.data.dataset import CONTROL, Dataset, Quarantined

# Seconds that an event may reach past its recording's end: boxes are drawn by hand.
TOLERANCE = 0.5


def inspect(recordings, path_of, look, *, columns) -> tuple[pd.DataFrame, list[Quarantined]]:
    """Look recordings through.

    Parameters
    ----------
    recordings : iterable of Recording
    path_of : callable
        A recording's file or folder.
    look : callable
        What is found at such a place, a value a column, and what of it alone is set aside, as (path within it, reason);
        InputError where nothing of it can be used.
    columns : sequence of str
        What `look` finds.

    Returns
    -------
    usable : pandas.DataFrame
        `recording_id, path` and the columns, ordered by id.
    set_aside : list of Quarantined
        Of kind `recording`, or `slice` where the rest of a recording can be used.
    """
    rows, set_aside = [], []
    for recording in recordings:
        name, path, subset = recording.recording_id, recording.path, recording.subset
        try:
            facts, parts = look(path_of(recording))
            rows.append([name, path, *facts])
            set_aside += [
                Quarantined(subset, "slice", name, f"{path}/{part}", reason) for part, reason in parts
            ]
        except InputError as error:
            set_aside.append(Quarantined(subset, "recording", name, path, str(error)))
    found = pd.DataFrame(rows, columns=["recording_id", "path", *columns])
    return found.sort_values("recording_id", ignore_index=True), set_aside


def usable(tables: Dataset, recordings: pd.DataFrame) -> tuple[Dataset, list[Quarantined]]:
    """The data set without recordings that were not found usable, and without annotations outside theirs.

    A photograph or a study has no time that an annotation could lie outside of.

    Parameters
    ----------
    tables : Dataset
    recordings : pandas.DataFrame
        Those that are usable, as `inspect` gives them.

    Returns
    -------
    Dataset, list of Quarantined
        What can be used, and the annotations set aside here.
    """
    if "frames" not in recordings:
        return tables.of(recordings.recording_id), []
    facts = {
        row.recording_id: (row.path, row.frames / row.sample_rate, row.sample_rate / 2)
        for row in recordings.itertuples()
    }
    found = tables.of(facts)
    inside, outside = [], []
    for annotation in found.annotations:
        path, duration, highest = facts[annotation.recording_id]
        beyond = annotation.t_max > duration + TOLERANCE and math.isfinite(annotation.t_max)
        if annotation.t_min >= duration or beyond or annotation.f_min >= highest:
            outside.append(
                Quarantined(
                    "train",
                    "annotation",
                    annotation.recording_id,
                    tables.places.get(annotation, path),
                    f"expected an event within {duration:.4g} s and {highest:g} Hz, found {annotation.label} from "
                    f"{annotation.t_min:g} to {annotation.t_max:g} s and from {annotation.f_min:g} to {annotation.f_max:g} Hz",
                )
            )
        else:
            inside.append(annotation)
    return replace(found, annotations=tuple(inside)), outside


def table(set_aside) -> pd.DataFrame:
    """What is set aside as a table, in a fixed order; no control character is left in it."""
    rows = sorted(
        {Quarantined(*(repr(text) if CONTROL.search(text) else text for text in item)) for item in set_aside}
    )
    return pd.DataFrame(rows, columns=list(Quarantined._fields), dtype=str)


def listed(paths) -> list[Quarantined]:
    """What such tables list."""
    tables = [store.read_table(path) for path in paths]
    return [Quarantined(*row) for table in tables for row in table.itertuples(index=False)]
