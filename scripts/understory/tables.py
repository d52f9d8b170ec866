"""The data model: what every reader turns its public layout into.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import csv
import hashlib
import json
import math
import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from understory import files

SUBSETS = ("train", "test")
PRESENCES = ("present", "absent", "unknown")
# Columns of the tables, beside which labels may stand as columns.
TEXT_COLUMNS = (
    "example_id",
    "recording_id",
    "label",
    "presence",
    "present",
    "absent",
    "unknown",
    "items",
    "item",
    "draw",
    "shard",
    "path",
    "content",
    "subset",
    "kind",
    "place",
    "reason",
)
RESERVED = (
    *TEXT_COLUMNS,
    "fold",
    "start",
    "stop",
    "t_min",
    "t_max",
    "f_min",
    "f_max",
    "variant",
    "part",
    "row",
    "sample_rate",
    "channels",
    "frames",
)
# What a number in a table looks like. Python's float() would take 1_000 and digits of other scripts as well.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Bytes of an id: with a suffix, a file name has 255 at most.
MAX_ID = 240
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class InputError(ValueError):
    """Something a person gave is wrong. The message says what, what was expected, and what was found."""


class NoTable(InputError):  # noqa: N818
    """A table is not there: the folder may be laid out in another way."""


class Recording(NamedTuple):
    """One source: a sound file, a photograph, or a study, which is a folder; `path` is relative to the data folder."""

    recording_id: str
    path: str
    subset: str


class Annotation(NamedTuple):
    """One labelled event, in seconds and Hz; a label of unknown presence is not even known to be absent.

    A `t_max` of infinity stands for the end of the recording: a label of the recording as a whole
    has `t_min` 0 and `t_max` infinite. A box without frequencies reaches from 0 Hz to infinity.
    """

    recording_id: str
    label: str
    presence: str
    t_min: float = 0.0
    t_max: float = math.inf
    f_min: float = 0.0
    f_max: float = math.inf


class Quarantined(NamedTuple):
    """A recording or an annotation that is set aside.

    `place` is where it stands (a file of the data set, with its line in a table) and `reason` what was
    expected and what was found.
    """

    subset: str
    kind: str
    recording_id: str
    place: str
    reason: str


@dataclass(frozen=True)
class Tables:
    """A data set as its reader understood it.

    Attributes
    ----------
    classes : tuple of str
        Every label, in the order of the model's outputs.
    recordings : tuple of Recording
        Every source file the tables name, whether or not it is there.
    annotations : tuple of Annotation
        The labelled events of the training recordings.
    exhaustive : bool
        True where a label that is not given is known to be absent; False where it is unknown.
    shared_windows : bool
        True where all annotations of one recording with the same box make one example that has all their labels;
        False where each makes one of its own.
    unvalidated : frozenset of str
        Recordings that train in every fold and are never validated against.
    folds : dict or None
        The data set's own fold of each training recording, numbered from 0; None where it has none.
    quarantined : tuple of Quarantined
        What its tables hold that cannot be used, and is in none of the above.
    places : dict
        Where annotations stand, as far as is known. It counts for nothing but messages: a line that moved is no change.
    """

    classes: tuple[str, ...]
    recordings: tuple[Recording, ...]
    annotations: tuple[Annotation, ...]
    exhaustive: bool
    folds: dict[str, int] | None = None
    quarantined: tuple[Quarantined, ...] = ()
    places: dict[Annotation, str] = field(default_factory=dict, compare=False)
    shared_windows: bool = False
    unvalidated: frozenset[str] = frozenset()

    def __post_init__(self):
        for label in self.classes:
            check_label(label)
        if len(set(self.classes)) != len(self.classes):
            twice = next(name for name in self.classes if self.classes.count(name) > 1)
            raise InputError(f"expected each label once, found {twice!r} again")

    def of(self, names) -> "Tables":
        """The data set with no recordings but those named, and their annotations."""
        names = set(names)
        others = {r.recording_id for r in self.recordings} - names
        return replace(
            self,
            recordings=tuple(r for r in self.recordings if r.recording_id in names),
            annotations=tuple(a for a in self.annotations if a.recording_id in names),
            quarantined=tuple(q for q in self.quarantined if q.recording_id not in others),
        )

    @cached_property
    def annotations_of(self) -> dict[str, list[Annotation]]:
        """The annotations of each recording that has any, in a fixed order."""
        found: dict[str, list[Annotation]] = {}
        for annotation in sorted(self.annotations):
            found.setdefault(annotation.recording_id, []).append(annotation)
        return found

    @cached_property
    def _dealt(self) -> dict[tuple[str, int], dict[str, list[Recording]]]:
        return {}

    def shard(self, shard: str, count: int) -> list[Recording]:
        """The recordings of a shard, of `count`, in the order of their ids."""
        subset = shard.split("-")[0]
        if (subset, count) not in self._dealt:
            dealt = self._dealt[subset, count] = {}
            for recording in sorted(r for r in self.recordings if r.subset == subset):
                dealt.setdefault(shard_of(recording.recording_id, subset, count), []).append(recording)
        return self._dealt[subset, count].get(shard, [])

    def part(self, shard: str, count: int) -> "Tables":
        """What jobs of one shard, of `count`, need: its recordings in the order of their ids, and their annotations.

        Neither classes, folds nor what is set aside are in it.
        """
        own = self.shard(shard, count)
        annotations = [a for recording in own for a in self.annotations_of.get(recording.recording_id, ())]
        return Tables(
            classes=(),
            recordings=tuple(own),
            annotations=tuple(annotations),
            exhaustive=self.exhaustive,
            places={a: self.places[a] for a in annotations if a in self.places},
            shared_windows=self.shared_windows,
        )

    def part_as_text(self) -> str:
        """A part as JSON, which `part_of_text` reads."""
        annotations = [[self.places.get(annotation), *annotation] for annotation in self.annotations]
        return json.dumps([self.exhaustive, self.shared_windows, self.recordings, annotations])

    @classmethod
    def part_of_text(cls, text: str) -> "Tables":
        """The part that `part_as_text` wrote; ValueError or TypeError where it is none."""
        exhaustive, shared_windows, recordings, annotations = json.loads(text)
        placed = [(Annotation(*row), place) for place, *row in annotations]
        return cls(
            classes=(),
            recordings=tuple(Recording(*row) for row in recordings),
            annotations=tuple(annotation for annotation, _ in placed),
            exhaustive=exhaustive,
            places={annotation: place for annotation, place in placed if place is not None},
            shared_windows=shared_windows,
        )

    def check_folds(self, n_splits: int):
        """InputError unless the data set has no folds of its own, or `n_splits`, numbered without a gap."""
        if self.folds is None:
            return
        names = {recording.recording_id for recording in self.recordings}
        found = sorted({fold for recording, fold in self.folds.items() if recording in names})
        if found != list(range(len(found))):
            raise InputError(
                f"folds of the data set: expected numbers without a gap, found {', '.join(str(f + 1) for f in found)}"
            )
        if len(found) != n_splits:
            raise InputError(
                f"split.n_splits: expected {len(found)}, the data set's own number of folds, given {n_splits}"
            )


def stable_hash(text: str) -> int:
    """A 64-bit integer of a text, the same in every process, version and machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def shard_of(recording_id: str, subset: str, count: int) -> str:
    """The name of the shard, of `count`, that a recording of `subset` belongs to, whatever else there is."""
    return f"{subset}-{stable_hash(recording_id) % count}"


def example_id(annotation: Annotation) -> str:
    """The id of an annotation's example: 16 hex digits of the annotation's content, never of its row number."""
    return hashlib.sha256(repr(tuple(annotation)).encode()).hexdigest()[:16]


def check_label(label: str):
    """InputError unless the text can name a class: outputs have it as a column, or beside others in one."""
    if not label or ";" in label or CONTROL.search(label) or label != label.strip():
        raise InputError(f"expected a label in plain text without semicolons, found {label[:250]!r}")
    if label in RESERVED:
        raise InputError(
            f"expected a label, found {label!r}, which is a column of the tables that are written; so are "
            + ", ".join(word for word in RESERVED if word != label)
        )


def check_recording(recording: Recording):
    """InputError unless the recording has an id in plain text and lies in the data folder."""
    name, path = recording.recording_id, recording.path
    if not name or name != name.strip() or CONTROL.search(name + path) or len(name.encode()) > MAX_ID:
        raise InputError(
            f"expected a recording id in plain text of at most {MAX_ID} bytes in UTF-8, found {name[:250]!r}"
        )
    if path.startswith("/") or ".." in path.split("/"):
        raise InputError(f"expected a file within the data folder, found {path!r}")


class Gathering:
    """What a reader has found so far: what can be used, and what is set aside with its reason.

    Parameters
    ----------
    folder : Path
        The data folder, which `place` is told from.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.recordings: dict[str, Recording] = {}
        self.annotations: dict[Annotation, str] = {}
        self.quarantined: list[Quarantined] = []

    def rows(self, name: str, columns, *, subset: str, kind: str, id_column: str = "recording_id"):
        """The usable rows of a table, each with the context that sets it aside when an InputError is raised in it.

        Yields
        ------
        (contextmanager, dict, str)
            The context, the row, and its place.
        """
        for line, row in read_rows(self.folder / name, columns)[1]:
            place = f"{name}, line {line}"
            if None in row or None in row.values():
                self.set_aside(
                    subset,
                    kind,
                    row.get(id_column) or "",
                    place,
                    f"expected as many values as the header has, found {len(_cells(row))}{_of_commas(row)}",
                )
                continue
            yield self.each(subset, kind, row[id_column], place), row, place

    @contextmanager
    def each(self, subset: str, kind: str, recording_id: str, place: str):
        try:
            yield
        except InputError as error:
            self.set_aside(subset, kind, recording_id, place, str(error))

    def set_aside(self, subset: str, kind: str, recording_id: str, place: str, reason: str):
        self.quarantined.append(Quarantined(subset, kind, recording_id, place, reason))

    def record(self, recording: Recording):
        """Take a recording. InputError where its id or path cannot be used, or was taken before."""
        check_recording(recording)
        if recording.recording_id in self.recordings:
            raise InputError("expected each recording once, found this one again")
        self.recordings[recording.recording_id] = recording

    def annotate(self, annotation: Annotation, recording: Recording, place: str):
        """Take an annotation and its recording. InputError where one cannot be used, or the annotation was taken before."""
        taken = self.recordings.get(recording.recording_id)
        if taken is None:
            check_recording(recording)
        check_label(annotation.label)
        if taken not in (None, recording):
            raise InputError(
                f"expected a recording of the {recording.subset} subset, found that it is another recording as well, "
                f"{self.recordings[recording.recording_id].path}"
            )
        box = annotation
        if not (0 <= box.t_min < box.t_max and 0 <= box.f_min < box.f_max):
            raise InputError(
                f"expected 0 <= t_min < t_max and 0 <= f_min < f_max, found {box.label} from {box.t_min:g} to {box.t_max:g} s "
                f"and from {box.f_min:g} to {box.f_max:g} Hz"
            )
        if annotation in self.annotations:
            raise InputError(
                f"expected each annotation once, found the one of {self.annotations[annotation]} again"
            )
        self.annotations[annotation] = place
        self.recordings[recording.recording_id] = recording

    def tables(
        self, *, classes, exhaustive: bool, folds=None, shared_windows: bool = False, unvalidated=()
    ) -> Tables:
        """The data set; recordings of either subset in the order of their ids."""
        return Tables(
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
        )


def read_rows(path: Path, columns) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header of a CSV file, and its rows, each with its line; every value as text.

    A row that is too long has its last values under the key None, one that is too short has None for values. One whose
    every value is blank, as spreadsheets leave them behind a table, is passed over.

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
    if found := files.other(path):
        if found == files.NONE:
            raise NoTable(f"{path} is missing: {wanted}")
        raise InputError(f"{path}: {wanted}; found {found}")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            header = reader.fieldnames or []
            missing = [column for column in columns if column not in header]
            if missing:
                only = header[0] if len(header) == 1 else ""
                hint = next(
                    (
                        f"; it seems to be separated by {mark!r}: save it with commas"
                        for mark in ";\t|"
                        if mark in only
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
        raise InputError(f"expected a finite number in column {column}, found {row[column][:100]!r}")
    return value


def whole_number(row: dict[str, str], column: str) -> int:
    """A whole number of at least zero from a row that `read_rows` returned; InputError otherwise."""
    text = row[column].strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InputError(f"expected a whole number in column {column}, found {row[column][:100]!r}")
    return int(text)
