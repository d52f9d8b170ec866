"""The tables of detections: CSV, Raven and Audacity."""

import csv
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from understory.annotations.formats import audacity, raven
from understory.core.files import replacing
from understory.inference import recorder_names

# Bytes that a file's name may have, and characters of it that stay where it would have more.
LONGEST_NAME, KEPT = 255, 100


class Detection(NamedTuple):
    """An event in a recording.

    Attributes
    ----------
    path : str
        The recording, relative to the folder of recordings.
    start, end : float
        Seconds from its beginning.
    label : str
    score : float
        The highest smoothed score within the event.
    probability : float or None
        Calibrated; None where there is no calibration of the class.
    threshold : float
        The smoothed score from which on there is an event.
    low, high : float or None
        The band in which the class was labelled, Hz; None where it was labelled without one.
    """

    path: str
    start: float
    end: float
    label: str
    score: float
    probability: float | None
    threshold: float
    low: float | None
    high: float | None


def seconds(value: float) -> str:
    """A time, to the millisecond."""
    return repr(round(float(value), 3) + 0.0)


def _number(value):
    return "" if value is None else f"{value:.9g}"


def write_detections(path, detections: Iterable[Detection]):
    """Write `detections.csv`."""
    with replacing(path) as new, open(new, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Detection._fields)
        for each in detections:
            numbers = map(_number, (each.score, each.probability, each.threshold, each.low, each.high))
            writer.writerow([each.path, seconds(each.start), seconds(each.end), each.label, *numbers])


def read_detections(path) -> list[Detection]:
    """What `write_detections` wrote."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        return [
            Detection(
                name, float(start), float(end), label, *(float(text) if text else None for text in others)
            )
            for name, start, end, label, *others in rows
        ]


def stems(paths) -> dict[str, str]:
    """By recording, the path that its tables are named by: without its suffix, unless another has the same without it."""
    short = {path: str(PurePosixPath(path).with_suffix("")) for path in paths}
    count = Counter(each.casefold() for each in short.values())
    return {path: path if count[each.casefold()] > 1 else each for path, each in short.items()}


def _place(folder, stem, ending):
    """The file of a table, in folders like those of the recording; a name that is too long is cut."""
    place = Path(folder, *PurePosixPath(stem).parts[:-1])
    place.mkdir(parents=True, exist_ok=True)
    name = PurePosixPath(stem).name
    if len((name + ending).encode()) > LONGEST_NAME:
        name = f"{name[: KEPT // 2]}-{sha256(name.encode()).hexdigest()[:8]}"
    return place / (name + ending)


def write_raven(folder: Path, stem: str, detections: list[Detection], band: tuple[float, float]):
    """Write the selection table of a recording for Raven; `band` is that of classes without a band of their own, Hz."""
    events = [
        {
            **_event(each, band if each.high is None else (each.low, each.high)),
            "Score": _number(each.score),
            # By a name that does not say how sure whoever checks the table is.
            "Model Probability": _number(each.probability),
        }
        for each in detections
    ]
    text = raven.write(events, more=("Score", "Model Probability"))
    _place(folder, stem, ".Table.1.selections.txt").write_text(text, encoding="utf-8")


def write_audacity(folder: Path, stem: str, detections: list[Detection]):
    """Write the label track of a recording for Audacity; a class with a band has a second line with it."""
    text = audacity.write(_event(each, (each.low, each.high)) for each in detections)
    _place(folder, stem, ".txt").write_text(text, encoding="utf-8")


def _event(each, band):
    """A detection as formats of annotations take it."""
    low, high = map(_number, band)
    return {
        "start": seconds(each.start),
        "end": seconds(each.end),
        "label": each.label,
        "low": low,
        "high": high,
    }


class Summary:
    """Events and seconds by label, recording and hour, which an event belongs to as a whole by its start."""

    def __init__(self):
        self._events, self._seconds = Counter(), Counter()

    def add(self, detection: Detection):
        key = detection.label, detection.path, recorder_names.hour(detection.path, detection.start)
        self._events[key] += 1
        self._seconds[key] += detection.end - detection.start

    def rows(self) -> list[list]:
        """`label, recording, hour, events, seconds`, in order."""
        return [[*key, count, seconds(self._seconds[key])] for key, count in sorted(self._events.items())]
