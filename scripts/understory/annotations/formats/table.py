"""Tables with a header: CSV of BirdNET-Analyzer, crowsetta's generic sequences, and one's own."""

import csv
import io

from understory.annotations.events import FIELDS, Event, columns_of, given, picked, texts

MARKS = ",;\t"


def matches(lines) -> bool:
    return bool(lines) and max(map(lines[0].count, MARKS)) > 0


def rows(lines, columns):
    """The rows of a table with columns for start, end and label, as `events.SPELLINGS` names them."""
    mark = max(MARKS, key=lines[0].count)
    reader = csv.reader(lines, delimiter=mark)
    header = [name.strip() for name in next(reader)]
    places = columns_of(header, columns, ("start", "end", "label"))
    events = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        wrong = None
        if len(cells) != len(header):
            wrong = f"expected {len(header)} values, as the header has, found {len(cells)}"
            if mark == "," and len(cells) > len(header):
                wrong += "; if its numbers have decimal commas, write decimal points"
        events.append(Event(reader.line_num, picked(cells, places), wrong))
    return events


def write(events) -> str:
    """A CSV file with `start,end,label`, and the other fields that any event has."""
    events = list(events)
    needed = ("start", "end", "label")
    shown = given(events, FIELDS)
    fields = [field for field in FIELDS if field in needed or field in shown]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([fields, *(texts(event, fields) for event in events)])
    return text.getvalue()
