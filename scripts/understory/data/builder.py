"""Building a data set from the tables of a layout, row by row.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import csv
import math
import re
from contextlib import contextmanager
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError, NoTable
from understory.core.text import in_text, printable
from understory.data.dataset import (
    CONTROL,
    PRESENCES,
    SUBSETS,
    Annotation,
    Dataset,
    Quarantined,
    Recording,
    check_label,
)
from understory.data.tables import song_types

# A time of day, or minutes and seconds.
CLOCK = re.compile(r"\d+(:\d+){1,2}([.,]\d+)?", re.ASCII)
# Bytes of an id: with a suffix, a file name has 255 at most.
MAX_ID = 240
# What a number in a table looks like. Python's float() would take 1_000 and digits of other scripts as well.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class DatasetBuilder:
    """The recordings and annotations a reader has read so far, and the rows it could not use.

    Parameters
    ----------
    folder : Path
        The data folder, which places are relative to.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.recordings: dict[str, Recording] = {}
        self.annotations: dict[Annotation, str] = {}
        self.quarantined: list[Quarantined] = []

    def files(self, pattern: str) -> list[Path]:
        """The files or folders of a pattern such as `new/*.wav`, in order, without hidden ones."""
        return sorted(path for path in self.folder.glob(pattern) if files.visible(path.name))

    def rows(
        self,
        name: str,
        columns,
        *,
        subset: str,
        kind: str,
        id_column="recording_id",
        recording_id=None,
        delimiter=",",
    ):
        """The complete rows of a table, each with a context that quarantines it when an InputError is raised inside.

        Parameters
        ----------
        name : str
            The table's file, relative to the data folder.
        columns : sequence of str
            The columns that it has to have.
        subset : {"train", "test"}
        kind : {"recording", "annotation"}
            What a row is: what is quarantined with it.
        id_column : str
            The column with the id of a row's recording.
        recording_id : str, optional
            The id of all rows' recording, for a table of one recording.
        delimiter : str
            Between two columns, such as a tab.

        Yields
        ------
        (contextmanager, dict, str)
            The context, the row, and its place.
        """
        for line, row in read_rows(self.folder / name, columns, delimiter)[1]:
            own = recording_id if recording_id is not None else row.get(id_column) or ""
            place = f"{name}, line {line}"
            if None in row or None in row.values():
                self.quarantine(
                    subset,
                    kind,
                    own,
                    place,
                    f"expected as many values as the header has, found {len(_cells(row))}{_of_commas(row)}",
                )
                continue
            yield self.each(subset, kind, own, place), row, place

    @contextmanager
    def each(self, subset: str, kind: str, recording_id: str, place: str):
        try:
            yield
        except InputError as error:
            self.quarantine(subset, kind, recording_id, place, str(error))

    def quarantine(self, subset: str, kind: str, recording_id: str, place: str, reason: str):
        self.quarantined.append(Quarantined(subset, kind, *map(printable, (recording_id, place, reason))))

    def add_recording(self, recording: Recording):
        """Add a recording. InputError where its id or path cannot be used, or was added before."""
        check_recording(recording)
        if recording.recording_id in self.recordings:
            raise InputError("duplicate recording")
        self.recordings[recording.recording_id] = recording

    def add_annotation(self, annotation: Annotation, recording: Recording, place: str):
        """Add an annotation and its recording. InputError where one cannot be used, or the annotation was added before."""
        taken = self.recordings.get(recording.recording_id)
        if taken is None:
            check_recording(recording)
        check_annotation(annotation)
        if taken not in (None, recording):
            raise InputError(
                f"expected a recording of the {recording.subset} subset, found that it is another recording as well, "
                f"{self.recordings[recording.recording_id].path}"
            )
        if annotation in self.annotations:
            raise InputError(f"duplicate of the annotation of {self.annotations[annotation]}")
        self.annotations[annotation] = place
        self.recordings[recording.recording_id] = recording

    def build(
        self, *, classes, exhaustive: bool, folds=None, shared_windows: bool = False, unvalidated=()
    ) -> Dataset:
        """The data set; recordings of either subset in the order of their ids."""
        return Dataset(
            classes=tuple(classes),
            recordings=tuple(
                sorted(self.recordings.values(), key=lambda r: (SUBSETS.index(r.subset), r.recording_id))
            ),
            annotations=tuple(self.annotations),
            exhaustive=exhaustive,
            folds=folds,
            quarantined=tuple(self.quarantined),
            places=self.annotations,
            shared_windows=shared_windows,
            unvalidated=frozenset(unvalidated),
            types=song_types.several(self.annotations),
        )


def check_recording(recording: Recording):
    """InputError unless the recording has an id in plain text and lies in the data folder."""
    name, path = recording.recording_id, recording.path
    if not in_text(name + path):
        raise InputError(
            f"expected a name in UTF-8, found other bytes in {ascii(name)[:250]}: rename the file"
        )
    if not name or name != name.strip() or CONTROL.search(name + path) or len(name.encode()) > MAX_ID:
        raise InputError(
            f"expected a recording id in plain text of at most {MAX_ID} bytes in UTF-8, found {name[:250]!r}"
        )
    if path.startswith("/") or ".." in path.split("/"):
        raise InputError(f"expected a file within the data folder, found {path!r}")


def check_annotation(annotation: Annotation):
    """InputError where an annotation's label, presence, times or frequencies cannot be used, whatever its recording."""
    check_label(annotation.label)
    if annotation.presence not in PRESENCES:
        raise InputError(f"expected presence absent, present or unknown, found {annotation.presence!r}")
    if annotation.song_type:
        check_label(annotation.song_type, "song type")
    box = annotation
    if not (0 <= box.t_min < box.t_max and 0 <= box.f_min < box.f_max):
        raise InputError(
            f"expected start before end and the lower frequency below the upper one, none negative, found {box.label} "
            f"from {box.t_min:g} to {box.t_max:g} s and from {box.f_min:g} to {box.f_max:g} Hz"
        )


def check_there(path: Path, wanted: str):
    """NoTable where nothing is at a path, InputError where what is there is no regular file; `wanted` says what was expected."""
    if found := files.other(path):
        if found == files.NONE:
            raise NoTable(f"{path} is missing: {wanted}")
        raise InputError(f"{path}: {wanted}; found {found}")


def read_rows(
    path: Path, columns, delimiter: str = ","
) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header of a CSV file, and its rows, each with its line; every value as text.

    A row that is too long has its last values under the key None, one that is too short has None for values. One whose
    every value is blank, as spreadsheets write them below a table, is skipped.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        The columns that have to be there; others are kept as well.

    Raises
    ------
    NoTable
        The file is missing.
    InputError
        It is no regular file, is not text in UTF-8, lacks a column or has one twice.
    """
    wanted = f"expected a table with the columns {', '.join(columns)}"
    check_there(path, wanted)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=delimiter, strict=True)
            header = reader.fieldnames or []
            missing = [column for column in columns if column not in header]
            if missing:
                only = header[0] if len(header) == 1 else ""
                hint = next(
                    (
                        f"; it seems to be separated by {mark!r}, and not by {delimiter!r}"
                        for mark in ",;\t|"
                        if mark in only and mark != delimiter
                    ),
                    "",
                )
                raise InputError(
                    f"{path}: {wanted}; {', '.join(missing)} missing, found {_listed(header) or 'none'}{hint}"
                )
            if twice := sorted({column for column in header if header.count(column) > 1}):
                raise InputError(f"{path}: expected each column once, found {_listed(twice)} again")
            return list(header), [(reader.line_num, row) for row in reader if "".join(_cells(row)).strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8 (byte {error.start}): save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(
            f"{path}, after line {reader.line_num}: expected a line of a CSV file, found {error}"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {wanted}") from None


def _cells(row):
    """All values that a row has, those beyond the header as well."""
    return [value for key, value in row.items() if None not in (key, value)] + row.get(None, [])


def _of_commas(row):
    """Where a row may be too long because each decimal comma made two whole numbers of one, a hint."""
    extra = len(row.get(None, ()))
    whole = sum(cell.strip().removeprefix("-").isdigit() for cell in _cells(row))
    return "; if its numbers have decimal commas, write decimal points" if 0 < 2 * extra <= whole else ""


def _listed(names, most=30):
    text = ", ".join(repr(name) if CONTROL.search(name) else name for name in names[:most])
    return text[:500] + (" and more" if len(names) > most or len(text) > 500 else "")


def number(row: dict[str, str], column: str) -> float:
    """A finite number from a row that `read_rows` returned; InputError otherwise."""
    text = row[column].strip()
    # Minus zero is zero.
    value = float(text) + 0.0 if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        hint = (
            "; write a decimal point" if NUMBER.fullmatch(text.replace(",", ".", 1)) and "," in text else ""
        )
        hint = "; write seconds" if CLOCK.fullmatch(text) else hint
        raise InputError(f"expected a finite number in column {column}, found {row[column][:100]!r}{hint}")
    return value


def whole_number(row: dict[str, str], column: str) -> int:
    """A whole number of at least zero from a row that `read_rows` returned; InputError otherwise."""
    text = row[column].strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InputError(f"expected a whole number in column {column}, found {row[column][:100]!r}")
    return int(text)
