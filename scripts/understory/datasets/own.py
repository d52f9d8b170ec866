"""One's own recordings: a folder of sound files, with annotation tables beside them or a folder for each class.

Recordings that a table names, or that have a table of their own, are for training; all others are predicted. Where there is
no table, a recording in a folder is an example of the class that the folder is named after. Tables are Raven selections,
Audacity labels, or have a header (`understory.annotations`).
"""

import csv
import math
from pathlib import Path, PurePosixPath

from understory.annotations import files
from understory.annotations.events import PRESENCE
from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, check_annotation, number
from understory.data.dataset import Annotation, Dataset, Recording

MEDIUM = "audio"
METRIC = "lwlrap"
UNIT = "recording"
SCORED = "example"
PARTS = ()
# Nobody asks for a number where a recording could not be read.
PRIORS = False
# The block of the configuration that `read` and `submission_template` take.
OPTIONS = "own"


def read(folder: Path, part=None, *, train=True, options=None) -> Dataset:
    """The recordings and events below a folder.

    Parameters
    ----------
    folder : Path
    part : None
        There are no parts.
    train : bool
        Without it, all recordings are predicted, and tables are not opened.
    options : dict
        `annotations` (a folder of tables within the folder, or None), `columns` (names of columns by field), `labels` (a
        table that renames labels, or None) and `exhaustive`.
    """
    options, builder = options or {}, DatasetBuilder(folder)
    sounds, tables = files.below(folder)
    if not sounds:
        raise InputError(f"{folder}: expected recordings ({', '.join(files.SOUND)}), found none")
    labels = _labels(folder, options.get("labels"))
    tables = _tables(folder, tables, options)
    annotated = set()
    if train and tables:
        events = _Events(builder, files.Recordings(sounds), labels, options.get("columns") or {})
        for path in tables:
            annotated |= events.read(path)
        events.add()
    elif train:
        annotated = _add_folders(builder, sounds, labels)
    for path in sounds:
        if path not in annotated:
            with builder.each("test", "recording", path, path):
                builder.add_recording(Recording(path, path, "test"))
    if train and not (builder.annotations or builder.quarantined):
        where = f"{len(tables)} tables without an event" if tables else "none"
        raise InputError(
            f"{folder}: expected annotations of some recordings, in tables beside them ({', '.join(files.TABLES)}; save a "
            f"spreadsheet as CSV) or by a folder for each class, found {where}"
        )
    classes = sorted({annotation.label for annotation in builder.annotations})
    return builder.build(classes=classes, exhaustive=bool(options.get("exhaustive")))


def _tables(folder, tables, options):
    """The tables that are read: without that of labels, and where a folder of annotations is named those in it."""
    tables, place = [path for path in tables if path != options.get("labels")], options.get("annotations")
    if place is None:
        return tables
    inside = [path for path in tables if PurePosixPath(path).is_relative_to(place)]
    if not inside:
        raise InputError(
            f"own.annotations: expected a folder within {folder} with tables ({', '.join(files.TABLES)}), found none in {place!r}"
        )
    return inside


def _labels(folder, path):
    """What labels are renamed to, by label; an empty one is left out."""
    if path is None:
        return {}
    try:
        lines = files.lines_of(folder / path)
        reader = csv.DictReader(lines, delimiter=";" if lines and ";" in lines[0] else ",")
        if not {"from", "to"} <= set(reader.fieldnames or ()):
            raise InputError(
                f"expected the columns from and to, found {', '.join(reader.fieldnames or ()) or 'none'}"
            )
        names = ((row["from"], row["to"] or "") for row in reader if row["from"])
        return {files.normal(old.strip()): files.normal(new.strip()) for old, new in names}
    except InputError as error:
        raise InputError(f"own.labels: {folder / path}: {error}") from None


class _Events:
    """The events of tables, each once however many tables say it."""

    def __init__(self, builder: DatasetBuilder, find: files.Recordings, labels: dict, columns: dict):
        self._builder, self._find, self._labels, self._columns = builder, find, labels, columns
        # By recording, label, presence and times, the annotation and its place.
        self._found: dict[tuple, tuple[Annotation, str]] = {}
        self._about: dict[str, str] = {}

    def read(self, path: str) -> set[str]:
        """Take the events of a table; the recordings that it is about."""
        before = set(self._about)
        try:
            _, events = files.read(self._builder.folder / path, self._columns)
        except InputError as error:
            self._builder.quarantine("train", "annotation", "", path, str(error))
            return set()
        whole, lost = None, None
        if not any("path" in event.fields for event in events):
            try:
                whole = self._find.of_table(path)
                self._about.setdefault(whole, path)
            except InputError as error:
                lost = str(error)
                if not events:
                    self._builder.quarantine("train", "annotation", "", path, lost)
        for event in events:
            place = f"{path}, line {event.line}"
            with self._builder.each("train", "annotation", whole or event.fields.get("path", ""), place):
                if wrong := event.wrong or lost:
                    raise InputError(wrong)
                self._take(whole or self._find.of_row(event.fields["path"], path), event.fields, place)
        return set(self._about) - before

    def _take(self, name, fields, place):
        self._about.setdefault(name, place)
        label = files.normal(fields["label"])
        label = self._labels.get(label, label)
        if not label and fields["label"]:
            return
        annotation = _annotation(name, label, fields)
        key = (name, label, annotation.presence, round(annotation.t_min, 2), round(annotation.t_max, 2))
        # Said twice, by one table with frequencies and by one without: the first has more to say.
        known = self._found.get(key)
        if known is None or (known[0].f_max == math.inf and annotation.f_max < math.inf):
            self._found[key] = annotation, place
        elif annotation.f_max < math.inf and annotation != known[0]:
            self._found[(*key, annotation.f_min, annotation.f_max)] = annotation, place

    def add(self):
        """Add what was taken to the data set."""
        for annotation, place in self._found.values():
            with self._builder.each("train", "annotation", annotation.recording_id, place):
                name = annotation.recording_id
                self._builder.add_annotation(annotation, Recording(name, name, "train"), place)
        for name, place in self._about.items():
            if name not in self._builder.recordings:
                with self._builder.each("train", "recording", name, place):
                    self._builder.add_recording(Recording(name, name, "train"))


def _annotation(name, label, fields):
    if (said := fields.get("presence", "").lower()) not in PRESENCE:
        raise InputError(f"expected presence {', '.join(filter(None, PRESENCE))}, found {said!r}")
    box = {"t_min": number(fields, "start"), "t_max": number(fields, "end")}
    for side, field in (("f_min", "low"), ("f_max", "high")):
        if fields.get(field):
            box[side] = number(fields, field)
    annotation = Annotation(name, label, PRESENCE[said], **box)
    # Before rows that say the same are merged, so that each of them is quarantined.
    check_annotation(annotation)
    return annotation


def _add_folders(builder, sounds, labels):
    """Add each recording in a folder as an example of the class that the folder is named after."""
    annotated = set()
    for path in sounds:
        label = files.normal(PurePosixPath(path).parent.name)
        label = labels.get(label, label)
        if label:
            annotated.add(path)
            with builder.each("train", "recording", path, path):
                builder.add_annotation(
                    Annotation(path, label, "present"), Recording(path, path, "train"), path
                )
    return annotated


def submission_template(folder: Path):
    """A column of recordings, with a row for each that is predicted and a column for each class of the models."""
    return "path", None, None
