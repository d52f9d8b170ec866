"""Events as annotation tables say them, before anything is known of the recordings.

A format is a module of `understory.annotations.formats` with

- `matches(lines)`: whether the lines of a file are of this format;
- `rows(lines, columns)`: its rows as `Event`. `columns` maps fields to the user's own names of columns;
- `write(events)`: the text of a file of this format. Each event is a mapping of `FIELDS` to text or numbers, as `Event.fields`
  is; what is missing or empty is left out. `rows` of its lines gives the same fields again.

Plain Python only: the Snakefile reads tables through it.
"""

from typing import NamedTuple

from understory.core.errors import InputError
from understory.core.text import did_you_mean, listed
from understory.data.builder import check_annotation, number
from understory.data.dataset import Annotation

FIELDS = ("path", "start", "end", "label", "low", "high", "presence", "confidence", "song_type")
# The names that columns have in the tables of common programs, in lower case. Of several, the first counts.
SPELLINGS = {
    "path": (
        "path",
        "file",
        "filename",
        "file name",
        "file_name",
        "filepath",
        "file path",
        "recording",
        "notated_path",
        "begin path",
        "begin file",
        "in file",
    ),
    "start": (
        "start",
        "start (s)",
        "start_s",
        "start time (s)",
        "start_time_s",
        "start_time",
        "start_offset_s",
        "onset_s",
        "onset",
        "t_min",
        "begin time (s)",
    ),
    "end": (
        "end",
        "end (s)",
        "end_s",
        "end time (s)",
        "end_time_s",
        "end_time",
        "end_offset_s",
        "offset_s",
        "offset",
        "stop",
        "t_max",
    ),
    "label": (
        "label",
        "annotation",
        "species",
        "scientific name",
        "scientific_name",
        "common name",
        "common_name",
        "class",
        "species code",
        "species ebird code",
        "manual id",
    ),
    "low": ("low", "low_hz", "low freq (hz)", "f_min", "freq_low"),
    "high": ("high", "high_hz", "high freq (hz)", "f_max", "freq_high"),
    "presence": ("presence", "label_type", "verdict"),
    "confidence": ("confidence", "probability"),
    "song_type": ("song_type", "song type", "songtype", "songtype_id", "call_type", "call type"),
}
PRESENCE = {
    "": "present",
    "present": "present",
    "positive": "present",
    "absent": "absent",
    "negative": "absent",
    "unknown": "unknown",
    "uncertain": "unknown",
}


class Event(NamedTuple):
    """A row of a table: its line, the fields as text, and what is wrong with it, or None.

    `fields` may also hold `channel`, where that is not the first.
    """

    line: int
    fields: dict[str, str]
    wrong: str | None = None


def columns_of(header: list[str], own: dict[str, str], needed) -> dict[str, int]:
    """The place of each field in a table's header.

    Parameters
    ----------
    header : list of str
    own : dict
        The user's own names of columns by field.
    needed : sequence of str
        The fields that have to be there.

    Raises
    ------
    InputError
        A field that is needed has no column, a column comes twice, or the user names one that is not there.
    """
    names = [name.strip().lower() for name in header]
    places = {}
    for field in FIELDS:
        if field in own and own[field].strip().lower() not in names:
            hint = did_you_mean(own[field], header)
            raise InputError(
                f"expected the column {own[field]!r} (own.columns.{field}), found {listed(header)}{hint}"
            )
        spelled = (own[field].strip().lower(),) if field in own else SPELLINGS[field]
        if found := [name for name in spelled if name in names]:
            if names.count(found[0]) > 1:
                raise InputError(
                    f"expected one column {header[names.index(found[0])]!r}, found {listed(header)}"
                )
            places[field] = names.index(found[0])
    if missing := [field for field in needed if field not in places]:
        raise InputError(
            f"expected a column for {' and '.join(missing)}, found {listed(header)}: name it under own.columns, such as "
            f"columns: {{{missing[0]}: NAME}}"
        )
    return places


def picked(cells: list[str], places: dict[str, int]) -> dict[str, str]:
    """The fields of a row; a cell that is missing is empty."""
    return {field: cells[place].strip() if place < len(cells) else "" for field, place in places.items()}


def given(events, fields) -> list[str]:
    """Those of some fields that any event has."""
    return [field for field in fields if any(event.get(field, "") not in ("", None) for event in events)]


def texts(event, fields) -> list[str]:
    """The fields of an event as text, empty where it has none."""
    return ["" if event.get(field) is None else str(event[field]) for field in fields]


def annotation_of(name: str, label: str, fields: dict[str, str], least: float) -> Annotation:
    """The annotation that a row is; with a confidence below `least`, whether it is there is unknown."""
    if (said := fields.get("presence", "").lower()) not in PRESENCE:
        raise InputError(f"expected presence {', '.join(filter(None, PRESENCE))}, found {said!r}")
    presence = PRESENCE[said]
    if fields.get("confidence"):
        confidence = number(fields, "confidence")
        if not 0 <= confidence <= 1:
            raise InputError(f"expected a confidence from 0 to 1, found {fields['confidence']}")
        presence = presence if confidence >= least else "unknown"
    box = {"t_min": number(fields, "start"), "t_max": number(fields, "end")}
    for side, field in (("f_min", "low"), ("f_max", "high")):
        if fields.get(field):
            box[side] = number(fields, field)
    made = Annotation(name, label, presence, **box)
    # Before rows that say the same are merged, so that each of them is quarantined.
    check_annotation(made)
    return made
