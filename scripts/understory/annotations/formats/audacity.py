"""Label tracks of Audacity: start, end and label, separated by tabs, and for spectral selections a second line with `\\`.

BirdNET-Analyzer writes them with a confidence after the label.
"""

import re

from understory.annotations.events import Event, given, texts

# Where a spectral selection has no limit on one side.
NO_LIMIT = "-1"
# BirdNET-Analyzer's label, whose other tables have a column for the scientific name: that, and the common one.
BIRDNET = re.compile(r"([A-Z][a-z]+ [a-z-]+), \S.*")


def matches(lines) -> bool:
    first = next((line for line in lines if line.strip()), "")
    cells = first.split("\t")
    return len(cells) in (2, 3, 4) and _number(cells[0]) and _number(cells[1])


def _number(text):
    try:
        # Of a decimal comma, the row says what is wrong.
        float(text.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def rows(lines, columns):
    """The labels, with the band of those that have one."""
    events = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not any(cells):
            continue
        if cells[0] == "\\":
            if events and len(cells) == 3:
                band = zip(("low", "high"), cells[1:], strict=True)
                events[-1].fields.update({name: cell for name, cell in band if not cell.startswith("-")})
            else:
                events.append(Event(number, {}, "expected a label before its frequencies, found none"))
            continue
        if len(cells) == 4 and (named := BIRDNET.fullmatch(cells[2])):
            cells[2] = named[1]
        wrong = None if 3 <= len(cells) <= 4 else f"expected start, end and label, found {len(cells)} values"
        fields = ("start", "end", "label", "confidence")
        events.append(Event(number, dict(zip(fields, cells, strict=False)), wrong))
    return events


def write(events) -> str:
    """A label track; it is of one recording, so it has no path, and no presence either."""
    events = list(events)
    fields = ["start", "end", "label", *given(events, ["confidence"])]
    lines = []
    for event in events:
        lines.append(texts(event, fields))
        if given([event], ["low", "high"]):
            lines.append(["\\", *(cell or NO_LIMIT for cell in texts(event, ["low", "high"]))])
    return "".join("\t".join(line) + "\n" for line in lines)
