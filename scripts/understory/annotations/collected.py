"""The annotations that the tables and the verdicts of a folder say together.

Plain Python only: the Snakefile reads tables through it.
"""

import math
from collections import Counter
from contextlib import suppress

from understory.annotations import files, verdicts
from understory.annotations.events import annotation_of
from understory.annotations.recordings import Recordings
from understory.core.errors import InputError, NoTable
from understory.data.builder import DatasetBuilder, check_annotation, number
from understory.data.dataset import Annotation, Recording

# The label of a recording in which nothing was heard, in BirdNET-Analyzer's tables and elsewhere.
NOTHING = "nocall"


class Collected:
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

    def __init__(self, builder: DatasetBuilder, find: Recordings, labels: dict, options: dict):
        self._builder, self._find, self._labels = builder, find, labels
        # How many labels become each one.
        self._into = Counter(new for old, (new, _) in labels.items() if new and old != new)
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

    def read(self, paths, *, notes: bool) -> list[str]:
        """Take the events of tables. A name of a recording in one of them is compared with those in all others.

        With `notes`, where all of them are text files (.txt) of no format of annotations, and none is called as a recording is, these
        files are returned, and nothing is taken.
        """
        read, unread = {}, {}
        for path in paths:
            try:
                read[path] = files.read(self._builder.folder / path, self._columns)
            except InputError as error:
                unread[path] = error, self._called(path)
        if notes and not read and all(_is_note(path, *each) for path, each in unread.items()):
            return list(unread)
        for path, (error, name) in unread.items():
            self._read.setdefault("other tables", Counter()).update({"files": 1, "quarantined": 1})
            self._builder.quarantine("train", "annotation", "", path, str(error))
            self.doubtful |= {name} if name else set()
        rows = {
            (event.fields["path"], path)
            for path, (_, events) in read.items()
            for event in events
            if "path" in event.fields and not event.wrong
        }
        found = self._find.of_rows(sorted(rows))
        for path, (kind, events) in read.items():
            self._take_all(path, kind, events, found)
        return []

    def _called(self, path):
        """The recording that a table is called as; None where there is none."""
        with suppress(InputError):
            return self._find.of_table(path)

    def _take_all(self, path, kind, events, found):
        counts = self._read.setdefault(kind, Counter())
        counts.update({"files": 1, "rows": len(events)} if events else {"files": 1})
        own = None
        if not any("path" in event.fields for event in events):
            try:
                own = self._find.of_table(path)
                self.about.setdefault(own, path)
            except InputError as error:
                own = error
                if not events:
                    counts["quarantined"] += 1
                    self._builder.quarantine("train", "annotation", "", path, str(error))
        for event in events:
            name = found.get((event.fields["path"], path)) if "path" in event.fields else own
            counts[self._row(event, name, path)] += 1

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
        judged = verdicts.last(paths, reviewed, self._builder)
        renamed = [(name, self._renamed(said), place) for name, said, place in judged]
        found = [each for each in renamed if each[1]]
        for name, _, place in renamed:
            self.about.setdefault(name, place)
        known = [annotation for annotation, _ in self._found.values()]
        made = verdicts.annotations(found, known, self._builder)
        self.judged = verdicts.remarks(judged, made)
        self._found = {key: value for key, value in self._found.items() if value[0] not in made.replaced}
        for annotation, place in made.kept:
            self.about.setdefault(annotation.recording_id, place)
            self._keep(annotation, place)
        return {name for name, _, _ in renamed}

    def _renamed(self, said):
        """A verdict whose labels are renamed as those of tables are; None where nothing is left of it.

        A label that another is renamed to is one of the labels of later models, and stays. Of a label that is one of several that become
        the same, or a type of it, a rejection does not say that the others are not there.
        """
        label = files.normal(said.label)
        if label not in self._labels or label in self._into:
            return self._relabelled(said)
        new, song_type = self._labels[label]
        if not new and said.verdict != "relabel":
            return None
        said = self._relabelled(said._replace(label=new))
        narrower = not new or song_type or self._into[new] > 1
        if narrower and said.verdict == "relabel":
            return said._replace(label=said.new_label, verdict="accept", new_label="")
        if narrower and said.verdict == "reject":
            return said._replace(verdict="unsure") if new else None
        return said

    def _relabelled(self, said):
        """A verdict whose new label is renamed as those of tables are; a rejection where it is none then."""
        if said.verdict != "relabel":
            return said
        label = files.normal(said.new_label)
        label = self._labels.get(label, (label, ""))[0]
        if not label or label.lower() == NOTHING:
            return said._replace(verdict="reject", new_label="")
        return said._replace(new_label=label)

    def _keep(self, annotation, place):
        """Whether an annotation says what no other said before."""
        name, label = annotation.recording_id, annotation.label
        times = round(annotation.t_min, 2), round(annotation.t_max, 2)
        key = (name, label, annotation.presence, annotation.song_type, *times)
        first = self._found.get(key)
        # Said twice, by one table with frequencies and by one without: the first has more to say.
        more = first is None or annotation.f_max < first[0].f_max == math.inf
        if not more and annotation.f_max < math.inf and _hertz(annotation) != _hertz(first[0]):
            key, more = (*key, *_hertz(annotation)), True
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


def _hertz(annotation):
    """The frequencies of an annotation that has some, as programs round them."""
    return round(annotation.f_min), round(annotation.f_max)


def _is_note(path, error, name):
    """Whether a file that cannot be read as a table is none: a text of no format that is not called as a recording is."""
    return isinstance(error, NoTable) and name is None and path.lower().endswith(".txt")
