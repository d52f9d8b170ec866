"""Tables with a header: CSV of BirdNET-Analyzer, crowsetta's generic sequences, and one's own."""

import csv

from understory.annotations.events import Event, columns_of, picked

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
