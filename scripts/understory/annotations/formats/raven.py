"""Selection tables of Raven (Cornell Lab of Ornithology): separated by tabs, a row for each view of a selection."""

from understory.annotations.events import SPELLINGS, Event, columns_of, given, picked, texts

BEGIN, END, OFFSET = "Begin Time (s)", "End Time (s)", "File Offset (s)"
# Columns of measurements and of the table itself, which are no labels.
MEASURED = (
    "selection",
    "view",
    "channel",
    "begin",
    "end",
    "low",
    "high",
    "file",
    "delta",
    "peak",
    "avg",
    "max",
    "dur",
)


def matches(lines) -> bool:
    return bool(lines) and BEGIN in lines[0].split("\t") and END in lines[0].split("\t")


def rows(lines, columns):
    """The selections: of the two views of one, that of the spectrogram, which has frequencies.

    `Begin Time (s)` runs on over the files of a list of sounds; where `File Offset (s)` is given, an event begins there in its
    file and lasts as long as from begin to end.
    """
    header = [name.strip() for name in lines[0].split("\t")]
    own = {"start": BEGIN, "end": END, **columns}
    if "label" not in columns:
        own |= _label(header)
    places = columns_of(header, own, ("start", "end", "label"))
    view, number, offset = (_place(header, name) for name in ("View", "Selection", OFFSET))
    events, taken = [], {}
    for line, text in enumerate(lines[1:], 2):
        cells = [cell.strip() for cell in text.split("\t")]
        if not any(cells):
            continue
        fields, wrong = picked(cells, places), None
        if len(cells) > len(header):
            wrong = f"expected as many values as the header has ({len(header)}), found {len(cells)}"
        if offset is not None and offset < len(cells) and cells[offset]:
            fields, wrong = _in_its_file(fields, cells[offset], wrong)
        # A selection has a row for each of its views.
        key = (cells[number], fields.get("path")) if number is not None and number < len(cells) else line
        shown = cells[view] if view is not None and view < len(cells) else ""
        if key in taken and view is not None:
            if shown.startswith("Spectrogram"):
                events[taken[key]] = Event(line, fields, wrong)
            continue
        taken[key] = len(events)
        events.append(Event(line, fields, wrong))
    return events


def write(events) -> str:
    """A selection table of one recording, or of several that are not opened as one: times count from each file's begin."""
    events = list(events)
    own = {"path": "Begin Path", "presence": "Presence", "confidence": "Confidence"}
    others = given(events, own)
    header = ["Selection", "View", "Channel", BEGIN, END, "Low Freq (Hz)", "High Freq (Hz)", "Annotation"]
    header += [own[field] for field in others] + [OFFSET] * ("path" in others)
    lines = [header]
    for number, event in enumerate(events, 1):
        line = [str(number), "Spectrogram 1", "1"]
        line += texts(event, ["start", "end", "low", "high", "label", *others])
        lines.append(line + texts(event, ["start"]) * ("path" in others))
    return "".join("\t".join(line) + "\n" for line in lines)


def _place(header, name):
    return header.index(name) if name in header else None


def _label(header):
    """The column of labels, where it has a name of its own: the only one that is no measurement."""
    names = [name.lower() for name in header]
    if any(name in names for name in SPELLINGS["label"]):
        return {}
    others = [name for name in header if name and not name.lower().startswith(MEASURED)]
    return {"label": others[0]} if len(others) == 1 else {}


def _in_its_file(fields, offset, wrong):
    if fields["start"] == offset:
        return fields, wrong
    try:
        start, length = float(offset), float(fields["end"]) - float(fields["start"])
    except ValueError:
        return fields, wrong or f"expected numbers for begin, end and file offset, found {offset!r}"
    return {**fields, "start": repr(start), "end": repr(start + length)}, wrong
