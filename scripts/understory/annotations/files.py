"""Annotation files of a folder: their format by content, and the recording that each row is about.

Plain Python only: the Snakefile reads tables through it.
"""

import codecs
import os
import unicodedata
from pathlib import Path, PurePosixPath

from understory.annotations.formats import audacity, raven, table
from understory.core.errors import InputError
from understory.core.files import visible

FORMATS = {"Raven selections": raven, "Audacity labels": audacity, "a table": table}
SOUND = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
TABLES = (".csv", ".txt", ".tsv")
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
        return data.decode("utf-16" if wide else "utf-8-sig").splitlines()
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
        return "an empty table", []
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

    def of_row(self, given: str, table: str) -> str:
        """The recording that a row names, in a table's own folder, in the whole, or anywhere by a name that is there once.

        InputError where there is none, or several.
        """
        path = normal(given.replace("\\", "/"))
        for candidate in (str(PurePosixPath(normal(table)).parent / path), path):
            if candidate in self._paths:
                return self._paths[candidate]
        name = PurePosixPath(path).name
        found = self._named.get(name) or self._stems.get(PurePosixPath(name).stem.lower(), [])
        return self._only(found, f"a recording named {given!r}")

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
