"""The data model: recordings, annotations and the data set that a reader makes of its layout.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from understory.core.errors import InputError
from understory.core.hashing import stable_hash

SUBSETS = ("train", "test")
# The numbers that stand for them in matrices of labels, from what counts least to what counts most where a label has several.
PRESENCES = {"unknown": -1.0, "absent": 0.0, "present": 1.0}
# Between the labels in one cell of a table.
SEPARATOR = ";"
# Columns of the tables, beside which labels may stand as columns.
TEXT_COLUMNS = (
    "example_id",
    "recording_id",
    "label",
    "presence",
    "present",
    "absent",
    "unknown",
    "present_outputs",
    "absent_outputs",
    "unknown_outputs",
    "confidences",
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
# Characters of a label.
MAX_LABEL = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Recording(NamedTuple):
    """One source: a sound file, a photograph, or a study, which is a folder; `path` is relative to the data folder."""

    recording_id: str
    path: str
    subset: str


class Annotation(NamedTuple):
    """One labelled event, in seconds and Hz; a label of presence `unknown` may be present or absent.

    A `t_max` of infinity stands for the end of the recording: a label of the recording as a whole
    has `t_min` 0 and `t_max` infinite. A box without frequencies reaches from 0 Hz to infinity. `song_type` is the type of
    the label's song or call, and `confidence` (0 to 1) that of an event that is present, where these are read.
    """

    recording_id: str
    label: str
    presence: str
    t_min: float = 0.0
    t_max: float = math.inf
    f_min: float = 0.0
    f_max: float = math.inf
    song_type: str = ""
    confidence: float = 1.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Its times and frequencies."""
        return self[3:7]

    @property
    def said(self) -> tuple:
        """What digests are of: what was read by default, and beside it what was asked for and found."""
        return self[:7] + tuple(each for each in self[7:] if each not in ("", 1.0))


class Quarantined(NamedTuple):
    """A recording or an annotation that cannot be used.

    `place` is a file of the data set, with the line in a table, and `reason` what was expected and what was found.
    """

    subset: str
    kind: str
    recording_id: str
    place: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """A data set as its reader returns it.

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
        Rows of its tables that cannot be used.
    out_of_band : tuple of Annotation
        Annotations without a part in the band of the features, which are among `quarantined`.
    places : dict
        Where annotations stand, where known; for messages only, so that a moved line is no change.
    background : frozenset of str
        Recordings in which all that is heard is annotated, so that windows without an annotation are background.
    picked : frozenset of str
        Recordings of which verdicts on detections alone tell: what is annotated in them is what was detected.
    types : dict
        The song types of each class that is annotated with several (`understory.data.tables.song_types`), in order.
    remarks : tuple of str
        What the reader says of its tables, a line each; for messages only.
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
    out_of_band: tuple[Annotation, ...] = ()
    background: frozenset[str] = frozenset()
    picked: frozenset[str] = frozenset()
    types: dict[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self):
        for label in self.classes:
            check_label(label)
        if len(set(self.classes)) != len(self.classes):
            twice = next(name for name in self.classes if self.classes.count(name) > 1)
            raise InputError(f"expected each label once, found {twice!r} again")

    def of(self, names) -> "Dataset":
        """The data set with no recordings but those named, and their annotations."""
        names = set(names)
        others = {r.recording_id for r in self.recordings} - names
        return replace(
            self,
            recordings=tuple(r for r in self.recordings if r.recording_id in names),
            annotations=tuple(a for a in self.annotations if a.recording_id in names),
            quarantined=tuple(q for q in self.quarantined if q.recording_id not in others),
            background=self.background & names,
            picked=self.picked & names,
        )

    @cached_property
    def misplaced(self) -> frozenset[str]:
        """The training recordings of which an annotation is quarantined: where an event is not where its table says, nobody knows
        where nothing is."""
        return frozenset(
            q.recording_id for q in self.quarantined if (q.subset, q.kind) == ("train", "annotation")
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

    def part(self, shard: str, count: int) -> "Dataset":
        """What jobs of one shard, of `count`, need: its recordings in the order of their ids, and their annotations.

        It has neither classes, folds nor quarantined rows, and the types of the classes in it alone.
        """
        own = self.shard(shard, count)
        annotations = [a for recording in own for a in self.annotations_of.get(recording.recording_id, ())]
        return Dataset(
            classes=(),
            recordings=tuple(own),
            annotations=tuple(annotations),
            exhaustive=self.exhaustive,
            places={a: self.places[a] for a in annotations if a in self.places},
            shared_windows=self.shared_windows,
            background=self.background & {recording.recording_id for recording in own},
            types={
                label: self.types[label]
                for label in sorted({a.label for a in annotations} & self.types.keys())
            },
        )

    def part_as_text(self) -> str:
        """A part as JSON, which `part_of_text` reads."""
        annotations = [[self.places.get(annotation), *annotation] for annotation in self.annotations]
        told = [self.exhaustive, self.shared_windows, self.recordings, annotations, sorted(self.background)]
        return json.dumps([*told, self.types])

    @classmethod
    def part_of_text(cls, text: str) -> "Dataset":
        """The part that `part_as_text` wrote; ValueError or TypeError where it is none."""
        exhaustive, shared_windows, recordings, annotations, background, types = json.loads(text)
        placed = [(Annotation(*row), place) for place, *row in annotations]
        return cls(
            classes=(),
            recordings=tuple(Recording(*row) for row in recordings),
            annotations=tuple(annotation for annotation, _ in placed),
            exhaustive=exhaustive,
            places={annotation: place for annotation, place in placed if place is not None},
            shared_windows=shared_windows,
            background=frozenset(background),
            types={label: tuple(own) for label, own in types.items()},
        )


def shard_of(recording_id: str, subset: str, count: int) -> str:
    """The name of the shard, of `count`, that a recording of `subset` belongs to, whatever else there is."""
    return f"{subset}-{stable_hash(recording_id) % count}"


def example_id(annotation: Annotation) -> str:
    """The id of an annotation's example: 16 hex digits of the annotation's content, never of its row number.

    Annotations that differ in their song types and confidences alone are of one window, which is one example.
    """
    return hashlib.sha256(repr(annotation[:7]).encode()).hexdigest()[:16]


def check_label(label: str, what: str = "label"):
    """InputError unless the text can name a class, or a song type: outputs have it as a column, or beside others in one."""
    if not label or ";" in label or CONTROL.search(label) or label != label.strip() or len(label) > MAX_LABEL:
        several = f"; write a row for each {what}" if ";" in label else ""
        raise InputError(
            f"expected a {what} in plain text of 1 to {MAX_LABEL} characters without semicolons, found {label[:50]!r}{several}"
        )
    # Types are told in one column, whatever they are called.
    if what == "label" and label in RESERVED:
        raise InputError(
            f"expected a label, found {label!r}, which is a column of the tables that are written; so are "
            + ", ".join(word for word in RESERVED if word != label)
        )
