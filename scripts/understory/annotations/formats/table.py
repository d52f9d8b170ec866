"""Tables with a header: CSV of BirdNET-Analyzer, Kaleidoscope, perch-hoplite and crowsetta, one's own, and Raven's that a spreadsheet saved."""

import csv
import io

from understory.annotations.events import FIELDS, SPELLINGS, Event, columns_of, given, picked, texts
from understory.annotations.formats import raven
from understory.core.errors import InputError

MARKS = ",;\t"
# Columns that say how long an event lasts, where none says when it ends.
LENGTH = ("duration", "duration (s)", "duration_s")


def matches(lines) -> bool:
    return bool(lines) and max(map(lines[0].count, MARKS)) > 0


def rows(lines, columns):
    """The rows of a table with columns for start, end (or a duration) and label, as `events.SPELLINGS` names them."""
    mark, line = max(MARKS, key=lines[0].count), 1
    # With line ends, so that one within quotes is seen.
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=mark, strict=True)
    try:
        header = [name.strip() for name in next(reader)]
        own = _with_length(header, columns)
        places, lasts = (
            columns_of(header, own, ("start", "end", "label")),
            own.get("end", "").strip().lower() in LENGTH,
        )
        within = _folder(header, places)
        selections = raven.BEGIN in header and raven.END in header
        offset = raven.OFFSET if selections and raven.OFFSET in header and raven.runs_on(columns) else None
        events = []
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            fields = picked(cells, places)
            if within and fields.get("path"):
                fields["path"] = f"{picked(cells, within)['folder']}/{fields['path']}".lstrip("/")
            if lasts:
                fields["end"] = _end(fields)
            wrong = _wrong(cells, header, mark)
            if offset and not wrong and (begin := cells[header.index(offset)].strip()):
                fields, wrong = raven.in_its_file(fields, begin, wrong)
            events.append(Event(line, fields, wrong))
        if selections and (wrong := raven.running_on(header, columns, events)):
            events = [event._replace(wrong=wrong) for event in events]
    except csv.Error as error:
        raise InputError(f"after line {line}: expected a line of a table, found {error}") from None
    return events


def _with_length(header, columns):
    """The user's names of columns, with that of a duration for the end where there is no other.

    In Kaleidoscope's tables, OFFSET is where an event starts.
    """
    names = [name.lower() for name in header]
    length = next((name for name in LENGTH if name in names), None)
    if length is None or "end" in columns:
        return columns
    if "offset" in names and "start" not in columns and not set(SPELLINGS["start"]) & set(names):
        return {"start": "offset", "end": length, **columns}
    try:
        columns_of(header, columns, ("end",))
    except InputError:
        return {"end": length, **columns}
    return columns


def _folder(header, places):
    """The place of the folder that a file lies in, in Kaleidoscope's tables, whose column `IN FILE` names the file alone."""
    names = [name.lower() for name in header]
    of_file = "path" in places and names[places["path"]] == "in file"
    return {"folder": names.index("folder")} if of_file and "folder" in names else {}


def _end(fields):
    try:
        return repr(float(fields["start"]) + float(fields["end"]))
    except ValueError:
        # What is no number is said where the times are read.
        return fields["end"]


def _wrong(cells, header, mark):
    if len(cells) == len(header):
        return None
    wrong = f"expected {len(header)} values, as the header has, found {len(cells)}"
    commas = mark == "," and len(cells) > len(header)
    return wrong + "; if its numbers have decimal commas, write decimal points" * commas


def write(events) -> str:
    """A CSV file with `start,end,label`, and the other fields that any event has."""
    events = list(events)
    needed = ("start", "end", "label")
    shown = given(events, FIELDS)
    fields = [field for field in FIELDS if field in needed or field in shown]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([fields, *(texts(event, fields) for event in events)])
    return text.getvalue()
