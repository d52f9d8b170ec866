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
            data = file.read(HEADER)
    except OSError:
        return False
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    header = re.split("[\r\n]", data.decode("utf-16" if wide else "utf-8-sig", "replace"))[0]
    cells = {cell.strip(' "') for cell in re.split("[,;\t]", header)}
    return any(result <= cells for result in RESULTS)


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
        # As tables are called, in any case of letters.
        self._lowered: dict[str, list[str]] = {}
        # Folders of recordings, by the name of the last one.
        self._places: dict[str, list[tuple[str, ...]]] = {}
        for folders in sorted({_folders(path) for path in sounds} - {()}):
            self._places.setdefault(folders[-1], []).append(folders)
        for path in sounds:
            name = normal(PurePosixPath(path).name)
            self._named.setdefault(name, []).append(path)
            self._lowered.setdefault(name.lower(), []).append(path)
            self._stems.setdefault(PurePosixPath(name).stem.lower(), []).append(path)

    def of_rows(self, given) -> dict[tuple[str, str], str | InputError]:
        """The recording that each of some names means, or what is wrong with the name.

        One that is found by its name alone is not taken for two files of that name in different folders.

        Parameters
        ----------
        given : sequence of (str, str)
            Names, each with the table that it stands in.
        """
        found, meant = {}, {}
        for name, place in given:
            try:
                path = found[name, place] = self._of_row(name, place)
                # Beside its table, a name needs no folders.
                whole = str(PurePosixPath(normal(place)).parent / normal(name.replace("\\", "/")))
                folders = _folders(whole if whole in self._paths else name)
                meant.setdefault(path, {}).setdefault(folders, []).append((name, place))
            except InputError as error:
                found[name, place] = error
        for path, rows in meant.items():
            found.update(self._doubtful(path, rows))
        return found

    @staticmethod
    def _doubtful(path, rows):
        """Names that were found by the name of the file alone, where other names say that it is another file.

        Within a table, where another row names the same recording by other folders; in another table, where that names the recording
        by its own folder, and this one neither does so nor lies there.
        """
        own = _folders(path)
        shared = {folders: _shared(folders, path) for folders in rows}
        known = next((row for folders in rows if shared[folders] for row in rows[folders]), None)
        by_table: dict[str, list] = {}
        for folders, names in rows.items():
            for name, place in names:
                by_table.setdefault(place, []).append((folders, name))
        for place, names in by_table.items():
            beside = _folders(place) == own
            for folders, name in names:
                other = next(
                    (
                        (each, place)
                        for others, each in names
                        if shared[folders] <= shared[others] and not _same(folders, others)
                    ),
                    None if beside or _same(folders, own) else known,
                )
                if other is not None:
                    wrong = f"found only {path}, which may also be {other[0]!r} of {other[1]}"
                    yield (name, place), InputError(f"expected a recording named {name!r}, {wrong}")

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
        folders = _folders(given)
        shared = {each: _shared(folders, each) for each in found}
        most = max(shared.values(), default=0)
        found = [each for each in found if shared[each] == most]
        beside = [each for each in found if _folders(each) == _folders(table)]
        found = beside if len(found) > 1 and len(beside) == 1 else found
        found = self._only(found, f"a recording named {given!r} in the data folder")
        return found if folders else self._not_of_another_place(found, table)

    def of_path(self, path: str) -> str:
        """The recording at a path, however its umlauts are written; InputError where there is none."""
        if (found := self._paths.get(normal(path))) is None:
            raise InputError(f"expected a recording of this path, found none: {path!r}")
        return found

    def of_table(self, table: str) -> str:
        """The recording that a table is of, by its name; InputError where there is none, or several."""
        stem = PurePosixPath(normal(table)).stem.lower()
        while True:
            if found := self._stems.get(stem) or self._lowered.get(stem):
                beside = [path for path in found if PurePosixPath(path).parent == PurePosixPath(table).parent]
                own = self._only(beside or found, f"one recording of the name of this table, {stem!r}")
                return self._not_of_another_place(own, table)
            shorter = next((stem.removesuffix(added) for added in ADDED if stem.endswith(added)), None)
            if shorter is None and stem.rpartition(".")[2].isdigit():
                shorter = stem.rpartition(".")[0]
            if not shorter:
                raise InputError(
                    f"expected a column of recordings (path), or a recording of the name of this table, {stem!r}, found neither"
                )
            stem = shorter

    def _not_of_another_place(self, found, table):
        """A recording that was found by the name of its file; InputError where the table lies with the recordings of another folder.

        Recorders give files of all sites the same names, and that of the table's own site may be missing.
        """
        folders = _folders(table)
        places = self._places.get(folders[-1], []) if folders else []
        nearest = max(places, key=lambda place: len(_ending(folders, place)), default=())
        shared = len(_ending(folders, _folders(found)))
        below = _folders(found)[: len(folders)] == folders
        if below or len(_ending(folders, nearest)) <= shared:
            return found
        raise InputError(
            f"expected a recording of this name in {'/'.join(nearest)!r}, as the table lies in {'/'.join(folders)!r}, found only {found}"
        )

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


def _shared(folders, path):
    """How many folders a name and a path have in common, from the file upwards."""
    return len(_ending(folders, _folders(path)))


def _ending(one, other):
    """The folders that two rows of folders end in."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return list(takewhile(lambda pair: pair[0] == pair[1], pairs))


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
