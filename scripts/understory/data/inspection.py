"""Quarantining recordings that cannot be used, and annotations that lie outside their recording."""

import math
from dataclasses import replace

import pandas as pd

from understory.core.errors import InputError
from understory.data import store
from understory.data.dataset import CONTROL, Dataset, Quarantined

# Seconds that an event may reach past its recording's end: boxes are drawn by hand.
TOLERANCE = 0.5
# The same of an event of which at least a third lies in the recording: the last segment of a detector, or a selection over the end.
SEGMENT, OUTSIDE = 3.0, 2 / 3


def inspect(recordings, path_of, look, *, columns) -> tuple[pd.DataFrame, list[Quarantined]]:
    """Inspect recordings.

    Parameters
    ----------
    recordings : iterable of Recording
    path_of : callable
        A recording's file or folder.
    look : callable
        Called with such a path; returns a value a column and the quarantined parts of the recording as (path within it,
        reason). Raises InputError where the recording cannot be used at all.
    columns : sequence of str
        Names of the values that `look` returns.

    Returns
    -------
    usable : pandas.DataFrame
        `recording_id, path` and the columns, ordered by id.
    quarantined : list of Quarantined
        Of kind `recording`, or `slice` where the rest of the recording is usable.
    """
    rows, quarantined = [], []
    for recording in recordings:
        name, path, subset = recording.recording_id, recording.path, recording.subset
        try:
            facts, parts = look(path_of(recording))
            rows.append([name, path, *facts])
            quarantined += [
                Quarantined(subset, "slice", name, f"{path}/{part}", reason) for part, reason in parts
            ]
        except InputError as error:
            quarantined.append(Quarantined(subset, "recording", name, path, str(error)))
    found = pd.DataFrame(rows, columns=["recording_id", "path", *columns])
    return found.sort_values("recording_id", ignore_index=True), quarantined


def usable(tables: Dataset, recordings: pd.DataFrame) -> tuple[Dataset, list[Quarantined]]:
    """The data set without unusable recordings and without annotations outside their recording.

    Images and studies have no time axis: none of their annotations is outside.

    Parameters
    ----------
    tables : Dataset
    recordings : pandas.DataFrame
        The usable ones, as `inspect` returns them.

    Returns
    -------
    Dataset, list of Quarantined
        The usable data set, and the annotations quarantined here.
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
        tolerated = max(TOLERANCE, min(SEGMENT, OUTSIDE * (annotation.t_max - annotation.t_min)))
        beyond = annotation.t_max > duration + tolerated and math.isfinite(annotation.t_max)
        if annotation.t_min >= duration or beyond or annotation.f_min >= highest:
            outside.append(
                Quarantined(
                    "train",
                    "annotation",
                    annotation.recording_id,
                    tables.places.get(annotation, path),
                    f"expected an event within {duration:.4g} s and {highest:g} Hz, found {annotation.label} from "
                    f"{annotation.t_min:g} to {annotation.t_max:g} s{_band(annotation)}"
                    + _in_milliseconds(annotation, duration),
                )
            )
        else:
            inside.append(annotation)
    # Where an event is not where its table says, nobody knows where nothing is.
    background = found.background - {item.recording_id for item in outside}
    return replace(found, annotations=tuple(inside), background=background), outside


def _band(annotation):
    """The frequencies of an event, where it has some."""
    if not math.isfinite(annotation.f_max):
        return f" and from {annotation.f_min:g} Hz" if annotation.f_min else ""
    return f" and from {annotation.f_min:g} to {annotation.f_max:g} Hz"


def _in_milliseconds(annotation, duration):
    """A hint where an event that lies outside its recording may have its times in milliseconds."""
    likely = annotation.t_min >= duration and 10 <= annotation.t_max <= 1000 * (duration + TOLERANCE)
    return "; are its times in milliseconds? They are in seconds" if likely else ""


def table(quarantined) -> pd.DataFrame:
    """Quarantine entries as a table in a fixed order; places and reasons with control characters are escaped.

    Ids stay as they are: a test recording that is quarantined has a row in the submission by its id.
    """
    rows = sorted(
        {item._replace(place=_escaped(item.place), reason=_escaped(item.reason)) for item in quarantined}
    )
    return pd.DataFrame(rows, columns=list(Quarantined._fields), dtype=str)


def _escaped(text):
    return repr(text) if CONTROL.search(text) else text


def listed(paths) -> list[Quarantined]:
    """The entries of such tables."""
    tables = [store.read_table(path) for path in paths]
    return [Quarantined(*row) for table in tables for row in table.itertuples(index=False)]
