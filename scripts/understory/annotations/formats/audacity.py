"""Label tracks of Audacity: start, end and label, separated by tabs, and for spectral selections a second line with `\\`."""

from understory.annotations.events import Event


def matches(lines) -> bool:
    first = next((line for line in lines if line.strip()), "")
    cells = first.split("\t")
    return len(cells) in (2, 3, 4) and _number(cells[0]) and _number(cells[1])


def _number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def rows(lines, columns):
    """The labels, with the band of those that have one; a fourth column, a confidence, is left out."""
    events = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not any(cells):
            continue
        if cells[0] == "\\":
            # Audacity writes -1 where a selection has no limit on one side.
            if events and len(cells) == 3:
                band = zip(("low", "high"), cells[1:], strict=True)
                events[-1].fields.update({name: cell for name, cell in band if not cell.startswith("-")})
            else:
                events.append(Event(number, {}, "expected a label before its frequencies, found none"))
            continue
        wrong = None if 3 <= len(cells) <= 4 else f"expected start, end and label, found {len(cells)} values"
        events.append(Event(number, dict(zip(("start", "end", "label"), cells, strict=False)), wrong))
    return events
