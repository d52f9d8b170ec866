"""The data model: what every reader turns its public layout into.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import csv
import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

SUBSETS = ("train", "test")
PRESENCES = ("present", "absent")
# Columns of the tables, beside which labels may stand as columns.
TEXT_COLUMNS = ("example_id", "recording_id", "label", "presence", "present", "absent", "draw", "shard")
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
)


class InputError(ValueError):
    """Something a person gave is wrong. The message says what, what was expected, and what was found."""


class Recording(NamedTuple):
    """One source file; `path` is relative to the data folder."""

    recording_id: str
    path: str
    subset: str


class Annotation(NamedTuple):
    """One labelled event, in seconds and Hz.

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
    folds : dict or None
        The data set's own fold of each training recording, numbered from 0; None where it has none.
    """

    classes: tuple[str, ...]
    recordings: tuple[Recording, ...]
    annotations: tuple[Annotation, ...]
    exhaustive: bool
    folds: dict[str, int] | None = None

    def __post_init__(self):
        wrong = [label for label in self.classes if not label or ";" in label or label in RESERVED]
        if wrong:
            raise InputError(
                f"labels: expected text without semicolons that is none of {', '.join(RESERVED)}, found {', '.join(map(repr, wrong))}"
            )
        for kind, names in (
            ("recording", [r.recording_id for r in self.recordings]),
            ("label", self.classes),
        ):
            if len(set(names)) != len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise InputError(f"expected each {kind} once, found {twice!r} again")

    def without(self, names: set[str]) -> "Tables":
        """The data set without some recordings and their annotations."""
        return replace(
            self,
            recordings=tuple(r for r in self.recordings if r.recording_id not in names),
            annotations=tuple(a for a in self.annotations if a.recording_id not in names),
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


def example_ids(annotations) -> list[str]:
    """An id for each annotation's example: 16 hex digits of the annotation's content, never of its row number.

    Of several annotations that are equal in everything, the second and later get a suffix of their own.
    """
    seen: dict[str, int] = {}
    ids = []
    for annotation in annotations:
        content = hashlib.sha256(repr(tuple(annotation)).encode()).hexdigest()[:16]
        seen[content] = seen.get(content, 0) + 1
        ids.append(content if seen[content] == 1 else f"{content}-{seen[content]}")
    return ids


def read_rows(path: Path, columns) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, every value as text.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        The columns that have to be there; others are kept as well.

    Raises
    ------
    InputError
        The file is missing, is not text in UTF-8, lacks a column, or has a row of another length.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            header = reader.fieldnames or []
            missing = [column for column in columns if column not in header]
            if missing:
                raise InputError(
                    f"{path}: expected the columns {', '.join(columns)}; {', '.join(missing)} missing, found {', '.join(header) or 'none'}"
                )
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise InputError(
                        f"{path}, line {reader.line_num}: expected {len(header)} values, as in its header"
                    )
                rows.append(row)
            return rows
    except FileNotFoundError:
        raise InputError(
            f"{path} is missing: expected a table with the columns {', '.join(columns)}"
        ) from None
    except (IsADirectoryError, NotADirectoryError):
        raise InputError(
            f"{path} is no file: expected a table with the columns {', '.join(columns)}"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8 (byte {error.start}): save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file: {error}") from None


def number(row: dict[str, str], column: str, path: Path) -> float:
    """A finite number from a row that `read_rows` returned; InputError otherwise."""
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{path}: expected a finite number in column {column}, found {row[column]!r} in the row {', '.join(row.values())}"
        )
    return value
