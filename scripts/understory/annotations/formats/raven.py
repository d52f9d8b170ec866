"""Selection tables of Raven (Cornell Lab of Ornithology): separated by tabs, a row for each view of a selection."""

from understory.annotations.events import SPELLINGS, Event, columns_of, given, picked, texts

BEGIN, END, OFFSET = "Begin Time (s)", "End Time (s)", "File Offset (s)"
# How the names begin of columns of measurements and of the table itself, which are no labels.
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
    "min",
    "dur",
    "inband",
    "energy",
    "freq",
    "time",
    "center",
    "bw",
    "q1",
    "q3",
    "agg",
    "sample",
    "length",
    "snr",
    "notes",
)
# Columns that hold other fields.
OTHERS = (*SPELLINGS["presence"], *SPELLINGS["confidence"])


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
    found = [
        _row(line, text, header, places, columns) for line, text in enumerate(lines[1:], 2) if text.strip()
    ]
    if wrong := running_on(header, columns, [event for event, _, _ in found]):
        found = [(event._replace(wrong=wrong), *others) for event, *others in found]
    events, taken = [], {}
    for event, number, view in found:
        # A selection has a row for each of its views.
        fields = event.fields
        key = (number, fields.get("path"), fields["start"], fields["end"], fields["label"])
        if not (number and view) or key not in taken:
            taken[key] = len(events)
            events.append(event)
        elif view.startswith("Spectrogram"):
            events[taken[key]] = event
    return events


def runs_on(columns: dict[str, str]) -> bool:
    """Whether times are those that run on over the files of a table, and not those of another column that the user named."""
    return columns.get("start", BEGIN).strip().lower() == BEGIN.lower()


def running_on(header: list[str], columns: dict[str, str], events) -> str | None:
    """What is wrong with a table of several recordings whose times run on over them; None where nothing is."""
    paths = {event.fields["path"] for event in events if event.fields.get("path")}
    if OFFSET in header or "start" in columns or len(paths) < 2:
        return None
    return (
        f"expected a column {OFFSET}, as {BEGIN} runs on over the recordings of one table, found none: have Raven save it, "
        "or set own.columns.start where the times count from the begin of each"
    )


def _row(line, text, header, places, columns):
    """A row as an event, the number of the selection, and the view that the row is of."""
    cells = [cell.strip() for cell in text.split("\t")]
    fields, wrong = picked(cells, places), None
    if len(cells) > len(header):
        wrong = f"expected as many values as the header has ({len(header)}), found {len(cells)}"
    others = dict(zip(header, cells, strict=False))
    if (offset := others.get(OFFSET)) and runs_on(columns):
        fields, wrong = in_its_file(fields, offset, wrong)
    view = others.get("View", "")
    if view.startswith("Waveform"):
        # A view without a frequency axis.
        fields = {field: text for field, text in fields.items() if field not in ("low", "high")}
    if (channel := others.get("Channel") or "1") != "1":
        fields["channel"] = channel
    return Event(line, fields, wrong), others.get("Selection", ""), view


def write(events, more=()) -> str:
    """A selection table of one recording, or of several that are not opened as one: times count from each file's begin.

    `more` names columns that are added, and the values that events have for them.
    """
    events = list(events)
    own = {"path": "Begin Path", "presence": "Presence", "confidence": "Confidence"}
    others = given(events, own)
    header = ["Selection", "View", "Channel", BEGIN, END, "Low Freq (Hz)", "High Freq (Hz)", "Annotation"]
    header += [*(own[field] for field in others), *[OFFSET] * ("path" in others), *more]
    lines = [header]
    for number, event in enumerate(events, 1):
        line = [str(number), "Spectrogram 1", "1"]
        line += texts(event, ["start", "end", "low", "high", "label", *others])
        lines.append(line + texts(event, ["start"]) * ("path" in others) + texts(event, more))
    return "".join("\t".join(line) + "\n" for line in lines)


def _label(header):
    """The column of labels, where it has a name of its own: the only one that is no measurement, beside one of song types."""
    names = [name.lower() for name in header]
    if any(name in names for name in SPELLINGS["label"]):
        return {}
    others = [name for name in header if name and not name.lower().startswith((*MEASURED, *OTHERS))]
    labels = [name for name in others if name.lower() not in SPELLINGS["song_type"]] or others
    return {"label": labels[0]} if len(labels) == 1 else {}


def in_its_file(fields: dict[str, str], offset: str, wrong: str | None) -> tuple[dict[str, str], str | None]:
    """The fields of a selection with times from the begin of its file, where it begins at `offset`; and what is wrong with the row."""
    if fields["start"] == offset:
        return fields, wrong
    try:
        start, length = float(offset), float(fields["end"]) - float(fields["start"])
    except ValueError:
        return fields, wrong or f"expected numbers for begin, end and file offset, found {offset!r}"
    return {**fields, "start": repr(start), "end": repr(start + length)}, wrong
