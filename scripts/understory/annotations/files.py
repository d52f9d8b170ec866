"""Annotation files of a folder: their format by content, and the recording that each row is about.

Plain Python only: the Snakefile reads tables through it.
"""

import codecs
import csv
import os
import re
import unicodedata
from itertools import takewhile
from pathlib import Path, PurePosixPath

from understory.annotations.formats import audacity, raven, table
from understory.core.errors import InputError
from understory.core.files import visible

FORMATS = {"Raven selection tables": raven, "Audacity label tracks": audacity, "tables with a header": table}
EMPTY = "empty tables"
SOUND = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
TABLES = (".csv", ".txt", ".tsv")
# How tables of detections, of verdicts and of what a search found begin.
RESULTS = (
    b"path,start,end,label,score,",
    b"path,start,end,label,verdict,new_label,",
    b"path,start,end,label,similarity,",
)
# What programs put between a recording's name and the suffix of its table.
ADDED = (".selections", ".selection", ".table", ".birdnet", ".results", ".labels", ".annotations", ".raven")


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
            return file.read(max(map(len, RESULTS))).startswith(RESULTS)
    except OSError:
        return False


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
    InputError
        It is not text, or of no format that is known.
    """
    lines = lines_of(path)
    if not any(line.strip() for line in lines):
        return EMPTY, []
    for name, module in FORMATS.items():
        if module.matches(lines):
            return name, module.rows(lines, columns)
    raise InputError(
        f"expected Raven selections, Audacity labels or a table with a header, found {lines[0][:80]!r}"
    )


class Recordings:
    """Finding the recording that a row or a table is about.

    Parameters
    ----------
    sounds : sequence of str
        Paths relative to the folder.
    """

    def __init__(self, sounds):
        self._paths = {normal(path): path for path in sounds}
        self._named: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] = {}
        for path in sounds:
            name = normal(PurePosixPath(path).name)
            self._named.setdefault(name, []).append(path)
            self._stems.setdefault(PurePosixPath(name).stem.lower(), []).append(path)

    def of_rows(self, given, table: str) -> dict[str, str | InputError]:
        """The recording that each of the names in a table means, or what is wrong with the name.

        One that is found by its name alone is not taken for two files of that name in different folders.
        """
        found, meant = {}, {}
        for name in given:
            try:
                found[name] = self._of_row(name, table)
                meant.setdefault(found[name], []).append(name)
            except InputError as error:
                found[name] = error
        for path, names in meant.items():
            for name in names:
                others = [other for other in names if not _same(_folders(name), _folders(other))]
                if others and _shared(name, path) <= max(_shared(other, path) for other in others):
                    found[name] = InputError(
                        f"expected a recording named {name!r}, found only {path}, which may also be {others[0]!r}"
                    )
        return found

    def _of_row(self, given, table):
        """The recording that a row names, in a table's own folder, in the whole, or anywhere by as much of its path as is there.

        InputError where there is none, or several.
        """
        path = normal(given.replace("\\", "/"))
        for candidate in (str(PurePosixPath(normal(table)).parent / path), path):
            if candidate in self._paths:
                return self._paths[candidate]
        name = PurePosixPath(path).name
        found = self._named.get(name) or self._stems.get(PurePosixPath(name).stem.lower(), [])
        most = max((_shared(given, each) for each in found), default=0)
        found = [each for each in found if _shared(given, each) == most]
        return self._only(found, f"a recording named {given!r} in the data folder")

    def of_path(self, path: str) -> str:
        """The recording at a path, however its umlauts are written; InputError where there is none."""
        if (found := self._paths.get(normal(path))) is None:
            raise InputError(f"expected a recording of this path, found none: {path!r}")
        return found

    def of_table(self, table: str) -> str:
        """The recording that a table is of, by its name; InputError where there is none, or several."""
        stem = PurePosixPath(normal(table)).stem.lower()
        while True:
            if found := self._stems.get(stem) or self._named.get(stem):
                beside = [path for path in found if PurePosixPath(path).parent == PurePosixPath(table).parent]
                return self._only(beside or found, f"one recording of the name of this table, {stem!r}")
            shorter = next((stem.removesuffix(added) for added in ADDED if stem.endswith(added)), None)
            if shorter is None and stem.rpartition(".")[2].isdigit():
                shorter = stem.rpartition(".")[0]
            if not shorter:
                raise InputError(
                    f"expected a column of recordings (path), or a recording of the name of this table, {stem!r}, found neither"
                )
            stem = shorter

    @staticmethod
    def _only(found, wanted):
        if len(found) == 1:
            return found[0]
        raise InputError(f"expected {wanted}, found {', '.join(found[:5]) or 'none'}")


def _folders(name):
    """The folders that a name of a file is given with."""
    return PurePosixPath(normal(name.replace("\\", "/"))).parts[:-1]


def _same(one, other):
    """Whether two rows of folders may be the same, one of them given from further up."""
    least = min(len(one), len(other))
    return one[len(one) - least :] == other[len(other) - least :]


def _shared(name, path):
    """How many folders a name and a path have in common, from the file upwards."""
    pairs = zip(reversed(_folders(name)), reversed(_folders(path)), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


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
