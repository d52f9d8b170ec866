"""Annotation files of a folder: their format by content, and their lines.

Plain Python only: the Snakefile reads tables through it.
"""

import codecs
import csv
import os
import re
import unicodedata
from pathlib import Path, PurePosixPath

from understory.annotations.formats import audacity, raven, table
from understory.core.errors import InputError, NoTable
from understory.core.files import visible

FORMATS = {"Raven selection tables": raven, "Audacity label tracks": audacity, "tables with a header": table}
EMPTY = "empty tables"
SOUND = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
TABLES = (".csv", ".txt", ".tsv")
# What columns tables have that this workflow wrote, whatever a spreadsheet made of them: of detections, of verdicts, of what a search
# found, of what to label next; and of recordings, of hours, of what failed and of thresholds, beside detections.
RESULTS = (
    {"path", "start", "end", "label", "score", "probability", "threshold"},
    {"path", "start", "end", "label", "verdict", "new_label"},
    {"path", "start", "end", "label", "similarity"},
    {"path", "start", "end", "label", "score", "doubt", "rank"},
    {"path", "seconds", "began", "events"},
    {"label", "recording", "hour", "events", "seconds"},
    {"path", "reason"},
    {"label", "threshold", "why"},
)
# Bytes in which a header ends.
HEADER = 4096


def normal(name: str) -> str:
    """A name by which files and labels are compared: systems write an umlaut as one character or as two."""
    return unicodedata.normalize("NFC", name)


def below(folder: Path) -> tuple[list[str], list[str]]:
    """The sound files and the tables in a folder and all folders in it, as paths relative to it, in order."""
    sounds, tables = [], []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if visible(name))
        inside = PurePosixPath(Path(place).relative_to(folder))
        for name in sorted(filter(visible, names)):
            suffix = PurePosixPath(name).suffix.lower()
            path = str(inside / name)
            sounds += [path] * (suffix in SOUND)
            tables += [path] * (suffix in TABLES)
    return sounds, tables


def is_result(path: Path) -> bool:
    """Whether a file is a table that this workflow made, such as one of detections, and none of annotations."""
    try:
        with open(path, "rb") as file:
            data = file.read(HEADER)
    except OSError:
        return False
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    header = re.split("[\r\n]", data.decode("utf-16" if wide else "utf-8-sig", "replace"))[0]
    cells = {cell.strip(' "') for cell in re.split("[,;\t]", header)}
    # Others have columns of their own beside a few of these.
    return any(result <= cells if "start" in result else result == cells for result in RESULTS)


def lines_of(path: Path) -> list[str]:
    """The lines of a text file in UTF-8 or UTF-16; InputError where it is neither."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from None
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" in data[:1000]:
        raise InputError(
            "expected text in UTF-8, or UTF-16 with its byte order mark, found zero bytes: save it as UTF-8"
        )
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        # Not splitlines(), which breaks lines at form feeds as well.
        return re.split(r"\r\n|\n|\r", data.decode("utf-16" if wide else "utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"expected text in UTF-8 or UTF-16, found other bytes at {error.start}: save it as UTF-8"
        ) from None


def read(path: Path, columns: dict[str, str]):
    """The format of an annotation file, and its events.

    Raises
    ------
    NoTable
        It is of no format that is known.
    InputError
        It is not text, or a row cannot be used.
    """
    lines = lines_of(path)
    if not any(line.strip() for line in lines):
        return EMPTY, []
    for name, module in FORMATS.items():
        if module.matches(lines):
            return name, module.rows(lines, columns)
    raise NoTable(
        f"expected Raven selections, Audacity labels or a table with a header, found {lines[0][:80]!r}"
    )


def renamed(folder: Path, path: str | None) -> dict[str, tuple[str, str]]:
    """What labels are renamed to, and their song types, by label; one that is renamed to nothing is left out.

    Parameters
    ----------
    folder : Path
    path : str or None
        A CSV file within it with the columns `from` and `to`, and `song_type` if types are told; without it no label is renamed.

    Raises
    ------
    InputError
        It is no such table.
    """
    if path is None:
        return {}
    try:
        lines = lines_of(folder / path)
        reader = csv.DictReader(lines, delimiter=";" if lines and ";" in lines[0] else ",")
        if not {"from", "to"} <= set(reader.fieldnames or ()):
            raise InputError(
                f"expected the columns from and to, found {', '.join(reader.fieldnames or ()) or 'none'}"
            )
        rows = [[row.get(name) or "" for name in ("from", "to", "song_type")] for row in reader]
        names = ([normal(cell.strip()) for cell in row] for row in rows if row[0])
        return {old: (new, song_type) for old, new, song_type in names}
    except InputError as error:
        raise InputError(f"own.labels: {folder / path}: {error}") from None
