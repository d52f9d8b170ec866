"""One's own recordings: a folder of sound files, with annotation tables beside them or a folder for each class.

Recordings that a table names, or that have a table of their own, are for training; all others are predicted. Where there is
no table, a recording in a folder is an example of the class that the folder is named after. Tables are Raven selections,
Audacity labels, or have a header (`understory.annotations`).
"""

import math
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from understory.annotations import files, verdicts
from understory.annotations.events import annotation_of
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.text import listed
from understory.data.builder import DatasetBuilder, check_annotation, number
from understory.data.dataset import Annotation, Dataset, Recording

MEDIUM = "audio"
METRIC = "lwlrap"
UNIT = "recording"
SCORED = "example"
PARTS = ()
READS = ("song_types", "confidence")
# Nobody asks for a number where a recording could not be read.
PRIORS = False
# The block of the configuration that `read` and `submission_template` take.
OPTIONS = "own"
# The label of a recording in which nothing was heard, in BirdNET-Analyzer's tables and elsewhere.
NOTHING = "nocall"


def read(folder: Path, part=None, *, train=True, options=None, song_types=False, confidence=False) -> Dataset:
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
        table that renames labels, or None), `exhaustive`, `min_confidence`, `verdicts` (files of verdicts on detections),
        `reviewed` (the folder that their paths are relative to, or None for this one) and `contents` (the index of what files
        hold, as `FileDigests` takes it).
    song_types, confidence : bool
        Whether song types, and the confidences of present events, are read as well.
    """
    builder = DatasetBuilder(folder)
    options = {**(options or {}), "song_types": song_types, "confidence": confidence}
    sounds, tables = files.below(folder)
    if not sounds:
        raise InputError(f"{folder}: expected recordings ({', '.join(files.SOUND)}), found none")
    labels = files.renamed(folder, options.get("labels"))
    tables = _tables(folder, tables, options)
    annotated, remarks, known, heard = (
        _add_annotated(builder, sounds, tables, labels, options) if train else (set(), [], set(), set())
    )
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
    exhaustive = bool(options.get("exhaustive"))
    for name in sorted(heard & builder.recordings.keys()) if exhaustive else ():
        # Here only detections are known: what no verdict says of is unknown, and not absent.
        for label in classes:
            builder.add_annotation(Annotation(name, label, "unknown"), builder.recordings[name], "verdicts")
    dataset = builder.build(classes=classes, exhaustive=exhaustive)
    background = frozenset(known if exhaustive else ())
    return replace(dataset, background=background, remarks=(*remarks, *_rare(dataset)))


def _add_annotated(builder, sounds, tables, labels, options):
    """Add what is annotated, and what verdicts say; the recordings that this is about, what is said of the tables, the
    recordings of which it is known where nothing is, if annotations are exhaustive, and those of which only verdicts tell."""
    events = _Events(builder, files.Recordings(sounds), labels, options)
    if tables:
        for path in tables:
            events.read(path)
        annotated = set(events.about)
        remarks, known = events.remarks(len(sounds)), annotated - events.doubtful
    else:
        annotated = known = _add_folders(builder, sounds, labels, options["song_types"])
        named = listed(sorted({annotation.label for annotation in builder.annotations}))
        remarks = [
            f"no annotation tables: {len(annotated)} recordings are of the class that their folder is named after: {named}"
        ]
    contents = FileDigests(options.get("contents"))
    reviewed = verdicts.Reviewed(builder.folder, sounds, options.get("reviewed"), contents)
    judged = events.judge(options.get("verdicts") or (), reviewed)
    events.add()
    return annotated | judged, [*remarks, *events.judged], known, judged - annotated


def _tables(folder, tables, options):
    """The tables that are read: without that of labels and what this workflow wrote, and where a folder of annotations is named
    those in it."""
    results = Path("results").resolve()
    tables = [
        path
        for path in tables
        if path != options.get("labels")
        and not Path(folder, path).resolve().is_relative_to(results)
        and not files.is_result(folder / path)
    ]
    place = options.get("annotations")
    if place is None:
        return tables
    inside = [path for path in tables if PurePosixPath(path).is_relative_to(place)]
    if not inside:
        raise InputError(
            f"own.annotations: expected a folder within {folder} with tables ({', '.join(files.TABLES)}), found none in {place!r}"
        )
    return inside


class _Events:
    """The events of tables, each once however many tables say it.

    Attributes
    ----------
    about : dict
        Recordings that are annotated, with a place that says so.
    doubtful : set of str
        Recordings of which a row or a table cannot be used, so that it is not known where nothing is.
    judged : list of str
        Sentences about the verdicts that are taken.
    """

    def __init__(self, builder: DatasetBuilder, find: files.Recordings, labels: dict, options: dict):
        self._builder, self._find, self._labels = builder, find, labels
        self._columns = options.get("columns") or {}
        self._least = options.get("min_confidence") or 0
        self._typed, self._confident = options["song_types"], options["confidence"]
        # By recording, label, presence, song type and times, the annotation and its place.
        self._found: dict[tuple, tuple[Annotation, str]] = {}
        self.about: dict[str, str] = {}
        self.doubtful: set[str] = set()
        self.judged: list[str] = []
        # By format, how many tables and rows there are, and what became of the rows.
        self._read: dict[str, Counter] = {}

    def read(self, path: str):
        """Take the events of a table."""
        try:
            kind, events = files.read(self._builder.folder / path, self._columns)
        except InputError as error:
            self._read.setdefault("other tables", Counter()).update({"files": 1, "quarantined": 1})
            self._builder.quarantine("train", "annotation", "", path, str(error))
            with suppress(InputError):
                self.doubtful.add(self._find.of_table(path))
            return
        counts = self._read.setdefault(kind, Counter())
        counts.update({"files": 1, "rows": len(events)} if events else {"files": 1})
        named = {event.fields["path"] for event in events if "path" in event.fields}
        found = self._find.of_rows(sorted(named), path)
        if not named:
            try:
                found[None] = self._find.of_table(path)
                self.about.setdefault(found[None], path)
            except InputError as error:
                found[None] = error
                if not events:
                    counts["quarantined"] += 1
                    self._builder.quarantine("train", "annotation", "", path, str(error))
        for event in events:
            counts[self._row(event, found.get(event.fields.get("path")), path)] += 1

    def _row(self, event, name, path):
        """Take one row, which `name` is the recording of; what became of it."""
        place = f"{path}, line {event.line}"
        known = isinstance(name, str)
        try:
            if event.wrong:
                raise InputError(event.wrong)
            if not known:
                raise name
            return self._take(name, event.fields, place)
        except InputError as error:
            given = name if known else event.fields.get("path", "")
            self._builder.quarantine("train", "annotation", given, place, str(error))
            self.doubtful |= {name} if known else set()
            return "quarantined"

    def _take(self, name, fields, place):
        self.about.setdefault(name, place)
        label = files.normal(fields["label"])
        label, song_type = self._labels.get(label, (label, ""))
        if not label and fields["label"]:
            return "left out by own.labels"
        if label.lower() == NOTHING:
            return NOTHING
        became = "events of a second channel (mixed with the first)" if "channel" in fields else "events"
        annotation = annotation_of(name, label, fields, self._least)
        if self._typed:
            annotation = annotation._replace(song_type=song_type or files.normal(fields.get("song_type", "")))
            check_annotation(annotation)
        if self._confident and annotation.presence == "present" and fields.get("confidence"):
            annotation = annotation._replace(confidence=number(fields, "confidence"))
        return became if self._keep(annotation, place) else "said before"

    def judge(self, paths, reviewed: verdicts.Reviewed) -> set[str]:
        """Take the annotations that verdicts become; the recordings that these are about."""
        found = verdicts.last(paths, reviewed, self._builder)
        known = [annotation for annotation, _ in self._found.values() if annotation.presence == "present"]
        kept, merged = verdicts.annotations(found, known, self._builder)
        self.judged = verdicts.remarks(found, merged)
        for annotation, place in kept:
            self.about.setdefault(annotation.recording_id, place)
            self._keep(annotation, place)
        return {name for name, _, _ in found}

    def _keep(self, annotation, place):
        """Whether an annotation says what no other said before."""
        name, label = annotation.recording_id, annotation.label
        times = round(annotation.t_min, 2), round(annotation.t_max, 2)
        key = (name, label, annotation.presence, annotation.song_type, *times)
        first = self._found.get(key)
        # Said twice, by one table with frequencies and by one without: the first has more to say.
        more = first is None or annotation.f_max < first[0].f_max == math.inf
        if not more and annotation.f_max < math.inf and annotation[:-1] != first[0][:-1]:
            key, more = (*key, annotation.f_min, annotation.f_max), True
        former = self._found.get(key)
        kept, its_place = (annotation, place) if more else first
        confidence = max(annotation.confidence, former[0].confidence) if former else annotation.confidence
        self._found[key] = kept._replace(confidence=confidence), its_place
        return first is None

    def add(self):
        """Add what was taken to the data set."""
        for annotation, place in self._found.values():
            with self._builder.each("train", "annotation", annotation.recording_id, place):
                name = annotation.recording_id
                self._builder.add_annotation(annotation, Recording(name, name, "train"), place)
        for name, place in self.about.items():
            if name not in self._builder.recordings:
                with self._builder.each("train", "recording", name, place):
                    self._builder.add_recording(Recording(name, name, "train"))

    def remarks(self, recordings: int) -> list[str]:
        """A line for each format, and how many of the recordings are annotated."""
        lines = [
            f"{kind}: " + ", ".join(f"{what} {number}" for what, number in counts.items())
            for kind, counts in sorted(self._read.items())
        ]
        return [
            *lines,
            f"{len(self.about)} of {recordings} recordings are annotated; the others are predicted",
        ]


def _rare(dataset):
    """A line about classes that are present in one recording only."""
    recordings = {}
    for annotation in dataset.annotations:
        if annotation.presence == "present":
            recordings.setdefault(annotation.label, set()).add(annotation.recording_id)
    if rare := sorted(label for label, names in recordings.items() if len(names) == 1):
        yield (
            f"{listed(rare)}: annotated as present in one recording only, so that no model that has learnt from it is tested "
            "on another; annotate a second one"
        )


def _add_folders(builder, sounds, labels, typed):
    """Add each recording in a folder as an example of the class that the folder is named after, of a song type if these are read."""
    annotated = set()
    for path in sounds:
        label = files.normal(PurePosixPath(path).parent.name)
        label, song_type = labels.get(label, (label, ""))
        if label:
            annotated.add(path)
            annotation = Annotation(path, label, "present", song_type=song_type if typed else "")
            with builder.each("train", "recording", path, path):
                builder.add_annotation(annotation, Recording(path, path, "train"), path)
    return annotated


def submission_template(folder: Path):
    """A column of recordings, with a row for each that is predicted and a column for each class of the models."""
    return "path", None, None
