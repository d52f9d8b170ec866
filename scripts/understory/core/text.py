"""Parts of messages: numbers of things, lists that are cut short, and the valid name that is closest to one that is not.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import difflib


def listed(names, most: int = 20) -> str:
    """Names in a row, separated by commas; of more than `most`, the first ones and how many more there are."""
    names = list(map(str, names))
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things; `many` is the plural of `one` where that is not `one` with an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def in_text(name: str) -> bool:
    """Whether a name can be written to a table: it is UTF-8, as some names on disk are not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    """A name as it can be written and printed."""
    return name if in_text(name) else ascii(name)


def did_you_mean(name: str, valid, prefix: str = "") -> str:
    """`; did you mean NAME?` with the closest valid name after a prefix, or nothing where none is close."""
    close = difflib.get_close_matches(str(name), list(map(str, valid)), n=1, cutoff=0.6)
    return f"; did you mean {prefix}{close[0]}?" if close else ""
