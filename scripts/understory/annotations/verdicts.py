"""Verdicts on detections, as the review page writes them, and the annotations that they become.

Plain Python only: the Snakefile reads tables through it.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from understory.annotations.recordings import Recordings
from understory.core import file_digests
from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, check_annotation, number, read_rows, whole_number
from understory.data.dataset import Annotation
from understory.data.source import ELSEWHERE

COLUMNS = ("path", "start", "end", "label", "verdict", "new_label")
WORDS = ("accept", "reject", "relabel", "unsure")
DRAWN = ("stratum", "stratum_events", "stratum_order")
# What the recording held that was reviewed, as `file_digests.short` says it; files of older pages have no such column.
CONTENT = "digest"
# A text that a spreadsheet takes for a formula has an apostrophe before it.
GUARDED = re.compile(r"'[=+\-@\t\r']")


class Verdict(NamedTuple):
    """A verdict on a detection, from `start` to `end` (s) of the recording at `path`; `new_label` of a relabelled one."""

    path: str
    start: float
    end: float
    label: str
    verdict: str
    new_label: str

    @property
    def annotations(self) -> list[tuple[str, str]]:
        """The label and the presence of each annotation that it becomes."""
        presence = {"accept": "present", "unsure": "unknown"}.get(self.verdict, "absent")
        relabelled = [(self.new_label, "present")] if self.verdict == "relabel" else []
        return [(self.label, presence), *relabelled]


def rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """The rows of a file of verdicts, each with its place; also those of detections without a verdict.

    InputError where there is no such file, or it is another table.
    """
    try:
        _, found = read_rows(path, COLUMNS)
    except InputError as error:
        raise InputError(f"verdicts: {error}") from None
    return [
        (f"{path.name}, line {line}", {key: _plain(value) for key, value in row.items()})
        for line, row in found
    ]


def verdict(row: dict[str, str]) -> Verdict | None:
    """The verdict of a row, None where there is none yet; InputError where it cannot be used."""
    if None in row or None in row.values():
        raise InputError("expected as many values as the header has, found another number")
    if (word := row["verdict"].strip()) not in ("", *WORDS):
        raise InputError(f"expected a verdict, {', '.join(WORDS)} or nothing, found {word[:50]!r}")
    new_label = row["new_label"].strip()
    if (word == "relabel") != bool(new_label):
        found = repr(new_label[:50]) if new_label else "none"
        raise InputError(
            f"expected a new label of what is relabelled, and of nothing else, found {found} of {word!r}"
        )
    made = Verdict(row["path"], number(row, "start"), number(row, "end"), row["label"], word, new_label)
    return made if word else None


class Sampled(NamedTuple):
    """A detection that was drawn for a review: who is asked what the sample says needs those without a verdict as well.

    `inclusion` is the probability with which it was drawn, of `stratum_events` detections in its `stratum`; `stratum_order` is its
    place among those that were drawn of the stratum, from 1 on, or 0 where an older page does not tell; `review` names the page.
    """

    path: str
    start: float
    end: float
    label: str
    verdict: str
    inclusion: float
    stratum: int
    stratum_events: int
    stratum_order: int
    review: str


def sampled(path: Path) -> Iterator[Sampled]:
    """The detections of a file of verdicts that were drawn at random; rows that cannot be used are printed."""
    for place, row in rows(path):
        try:
            judged = verdict(row)
            if row.get("inclusion"):
                drawn = {"stratum_order": "0", **row}
                numbers = number(row, "inclusion"), *(whole_number(drawn, key) for key in DRAWN)
                event = row["path"], number(row, "start"), number(row, "end"), row["label"]
                yield Sampled(*event, judged.verdict if judged else "", *numbers, row.get("review", ""))
        except InputError as error:
            print(f"{place}: {error}")


def _plain(value):
    return value[1:] if isinstance(value, str) and GUARDED.match(value) else value


class Reviewed:
    """Where the recordings lie that verdicts are about.

    Parameters
    ----------
    data : Path
        The data folder.
    sounds : sequence of str
        The recordings in it, relative to it.
    others : str or None
        The folder that the paths of verdicts are relative to; None for the data folder.
    contents : FileDigests
        What recordings hold.
    """

    def __init__(self, data: Path, sounds, others: str | None, contents: file_digests.FileDigests):
        self._inside, self._sounds = Recordings(sounds), sounds
        # As they were given, which is how an index of what files hold names them.
        self._folder = data
        self._elsewhere = data if others is None else os.path.expanduser(others)
        self._data, self._others = map(os.path.realpath, (self._folder, self._elsewhere))
        self._contents = contents

    def find(self, path: str) -> str:
        """The id of the recording at a path of a verdict: its path in the data folder, or that in the other folder after
        `recordings:`, so that neither depends on where the folders lie. InputError where there is none.
        """
        inside = os.path.relpath(os.path.join(self._others, path), self._data)
        if not inside.startswith(".."):
            return self._inside.of_path(inside)
        folder, name = os.path.split(os.path.join(self._others, path))
        if (linked := self._links.get(os.path.realpath(folder))) is not None:
            return self._inside.of_path(os.path.join(linked, name))
        if ".." in path.split("/") or not os.path.isfile(os.path.join(self._others, path)):
            raise InputError(
                f"expected a recording of this path in the folder of recordings, found none: {path!r}; name the folder of those "
                "that were reviewed (reviewed=FOLDER) if it is another"
            )
        return f"{ELSEWHERE}{path}"

    @cached_property
    def _links(self):
        """By where a folder of the data really lies, its path in the data folder: it may be a link to another disk."""
        folders = sorted({os.path.dirname(path) for path in self._sounds})
        return {os.path.realpath(os.path.join(self._data, folder)): folder for folder in folders}

    def contents(self, names) -> dict[str, str]:
        """By id of a recording, what it holds, as `file_digests.short` says it."""
        folders = [self._elsewhere if name.startswith(ELSEWHERE) else self._folder for name in names]
        held = self._contents.identities(
            os.path.join(folder, name.removeprefix(ELSEWHERE))
            for folder, name in zip(folders, names, strict=True)
        )
        return dict(zip(names, map(file_digests.short, held), strict=True))


def last(paths, reviewed: Reviewed, builder: DatasetBuilder) -> list[tuple[str, Verdict, str]]:
    """The verdicts of files in their order, each with the id of its recording and its place; of several on one detection, the last.

    A row that cannot be used is quarantined, as is one whose recording holds something else now than when it was reviewed.
    """
    found, judged = [], {}
    for place, row in (each for path in paths for each in rows(Path(path))):
        with builder.each("train", "annotation", row["path"] or "", place):
            if said := verdict(row):
                found.append((reviewed.find(said.path), said, place, row.get(CONTENT)))
    held = reviewed.contents(sorted({name for name, *_, wanted in found if wanted}))
    for name, said, place, wanted in found:
        with builder.each("train", "annotation", said.path, place):
            # What cannot be read is quarantined as a recording.
            if wanted and held[name] and held[name] != wanted:
                raise InputError(
                    f"expected the recording that was reviewed, of {wanted[:50]}, found another one of its name, of "
                    f"{held[name]}: put the reviewed one back, name its folder (reviewed=FOLDER), or review this one"
                )
            judged.pop(said[:4], None)
            judged[said[:4]] = name, said, place
    return list(judged.values())


class Annotated(NamedTuple):
    """What verdicts become.

    Attributes
    ----------
    kept : list of (Annotation, str)
        Annotations, each with its place.
    merged : int
        How many accepted detections are of a call that is annotated anyway.
    replaced : set of Annotation
        Those of tables that verdicts contradict.
    """

    kept: list[tuple[Annotation, str]]
    merged: int
    replaced: set[Annotation]


def annotations(found, known, builder: DatasetBuilder) -> Annotated:
    """The annotations that verdicts become.

    A verdict replaces what a table or an earlier verdict says otherwise of the same class, where at least half of that lies in the
    detection: later models find a call again with another start and end. Where it does not reject, at least half of the detection
    lies in it as well: that a class is heard in a long event does not say that it is heard in a short one within it. A detection of a call that is annotated as present
    already, or that an earlier detection is of, makes no second annotation:
    one of the same class and recording, such that at least half of the shorter one of both lies in the other. (The evaluation of
    detections allows a margin of a window as well, but annotations may not depend on how long windows are.)

    Parameters
    ----------
    found : list
        As `last` gives them, the later ones last.
    known : iterable of Annotation
        Those of tables. A label of a recording as a whole is none: it does not say where a call is.
    builder : DatasetBuilder
        It quarantines what cannot be used.
    """
    # By recording and label, what is said of it, each with its place; None of what a table says.
    said: dict[tuple, dict[Annotation, str | None]] = {}
    for each in known:
        said.setdefault(each[:2], {})[each] = None
    replaced, merged = set(), 0
    for name, judged, place in found:
        with builder.each("train", "annotation", name, place):
            made = [
                Annotation(name, label, presence, judged.start, judged.end)
                for label, presence in judged.annotations
            ]
            for annotation in made:
                check_annotation(annotation)
            for annotation in made:
                own = said.setdefault(annotation[:2], {})
                contrary = [other for other in own if _contradicts(annotation, other)]
                replaced.update(other for other in contrary if own.pop(other) is None)
                merged += annotation.presence == "present" and own.get(annotation, place) is None
                own.setdefault(annotation, place)
    kept = []
    for own in said.values():
        calls = [each for each, place in own.items() if place is None and each.presence == "present"]
        for annotation, place in sorted((each, place) for each, place in own.items() if place is not None):
            present = annotation.presence == "present"
            if present and any(_one_call(annotation, other) for other in calls):
                merged += 1
                continue
            kept.append((annotation, place))
            calls += [annotation] * present
    return Annotated(sorted(kept), merged, replaced)


def _contradicts(later, earlier):
    """Whether a later annotation says otherwise of an earlier one, of which at least half lies in it; and where the later one is not
    absent, at least half of it in the earlier one."""
    if later.presence == earlier.presence:
        return False
    common = min(later.t_max, earlier.t_max) - max(later.t_min, earlier.t_min)
    lengths = [each.t_max - each.t_min for each in (later, earlier)]
    return 2 * common >= (lengths[1] if later.presence == "absent" else max(lengths))


def _one_call(one, other):
    """Whether at least half of the shorter one of two events lies in the other."""
    common = min(one.t_max, other.t_max) - max(one.t_min, other.t_min)
    shorter = min(one.t_max - one.t_min, other.t_max - other.t_min)
    return 2 * common >= shorter


def remarks(found, annotated: Annotated) -> list[str]:
    """What is said of the verdicts that `last` found, and of what became of them."""
    said = Counter(each.verdict for _, each, _ in found)
    counts = ", ".join(f"{count} {word}" for word, count in sorted(said.items()))
    lines = [f"verdicts: {said.total()} are taken ({counts})"] if said else []
    if annotated.merged:
        lines.append(
            f"verdicts: {annotated.merged} accepted detections are of calls that are annotated already"
        )
    if annotated.replaced:
        first = min(annotated.replaced)
        lines.append(
            f"verdicts: {len(annotated.replaced)} annotations of tables are replaced, as verdicts say otherwise; the first is "
            f"{first.label} in {first.recording_id} from {first.t_min:g} to {first.t_max:g} s"
        )
    return lines
