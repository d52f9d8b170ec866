"""Detections: the events of all new recordings, with their thresholds, probabilities and bands."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from understory.core import files
from understory.data import calibration
from understory.data.calibration import ClassCalibration
from understory.data.task import Task
from understory.inference import events, recorder_names, tables
from understory.inference.events import Scored
from understory.inference.tables import Detection

# The threshold of a class without one of its own.
FALLBACK = 0.5
# Settings that a threshold was chosen for.
CHOSEN_FOR = ("hop", "low", "merge_gap", "min_duration", "precision", "smoothing")
# What is written.
FILES = ("audacity", "detections", "raven", "recordings", "summary")


class Criterion(NamedTuple):
    """From which smoothed score on there is an event of a class, and why; what gives its probability, and its band (Hz).

    A calibration of None gives no probability.
    """

    label: str
    threshold: float
    why: str
    calibration: ClassCalibration | None
    band: tuple[float, float] | None


def criteria(
    task: Task, known: dict[str, ClassCalibration], settings: dict, calibrated: dict | None = None
) -> list[Criterion]:
    """The criterion of each class.

    The threshold is the configured one, or else that of the class' calibration. A class whose calibration has none, or that has no
    calibration, has `FALLBACK` and no probability. Nothing is detected of the class of sound without any class, and of classes
    without an example.

    Parameters
    ----------
    task : Task
    known : dict
        The calibrations by label.
    settings : dict
        Those of detection.
    calibrated : dict, optional
        The settings that thresholds were chosen for.
    """
    found, other = [], differing(settings, calibrated or {})
    for label in task.classes:
        own, fixed = known.get(label), settings["threshold"]
        if label in (task.none, *task.untrained):
            using, threshold, why = None, math.inf, "not detected"
        elif fixed is not None:
            using, threshold, why = own, fixed, "as configured"
        elif own is not None and own.threshold is not None:
            using, threshold, why = own, own.threshold, f"chosen out of fold{other}"
        else:
            reason = "not calibrated" if own is None else own.reason
            using, threshold, why = None, FALLBACK, f"no threshold of its own: {reason}"
        band = (task.bands or {}).get(label)
        found.append(Criterion(label, threshold, why, using, tuple(band) if band else None))
    return found


def differing(settings: dict, calibrated: dict) -> str:
    """What is said of settings that differ from those for which the thresholds of a calibration were chosen; "" where none does."""
    others = [
        f"{key} {calibrated[key]} in place of {settings[key]}"
        for key in CHOSEN_FOR
        if key in calibrated and calibrated[key] != settings[key]
    ]
    return f" with {', '.join(others)}: precision may be another" if others else ""


def of_recording(scored: Scored, chosen: list[Criterion], settings: dict) -> list[Detection]:
    """The detections in a recording, in the order of start, end and class."""
    found = events.find(
        scored.starts, scored.stops, scored.scores, [each.threshold for each in chosen], settings
    )
    detections = []
    for event in found:
        own = chosen[event.column]
        likely = (
            None if own.calibration is None else float(calibration.probability(own.calibration, event.score))
        )
        detections.append(
            Detection(
                scored.path,
                event.start,
                event.end,
                own.label,
                event.score,
                None if likely is None or math.isnan(likely) else likely,
                own.threshold,
                *(own.band or (None, None)),
            )
        )
    return detections


def write(
    recordings: Iterable[Scored], chosen: list[Criterion], settings: dict, places: dict[str, Path]
) -> int:
    """Write the tables of the detections in recordings, which are in the order of their paths; the number of detections.

    Parameters
    ----------
    recordings : iterable of Scored
    chosen : list of Criterion
        One for each class, in the order of the scores.
    settings : dict
        As `events.find` takes them, and `band`, the frequencies that the models are fed (Hz).
    places : dict
        A path for each of `FILES`; those of Raven and Audacity are folders.
    """
    summary, every, heard = tables.Summary(), {}, []
    for scored in recordings:
        own = of_recording(scored, chosen, settings)
        if own:
            every[scored.path] = own
        start = recorder_names.began(scored.path)
        began = "" if start is None else start.isoformat(sep=" ")
        heard.append([scored.path, tables.seconds(scored.stops[-1]), began, len(own)])
        for each in own:
            summary.add(each)
    tables.write_detections(places["detections"], (each for own in every.values() for each in own))
    files.write_rows(places["summary"], ["label", "recording", "hour", "events", "seconds"], summary.rows())
    files.write_rows(places["recordings"], ["path", "seconds", "began", "events"], heard)
    for folder in (places["raven"], places["audacity"]):
        folder.mkdir(parents=True, exist_ok=True)
    for path, stem in tables.stems(every).items():
        tables.write_raven(places["raven"], stem, every[path], settings["band"])
        tables.write_audacity(places["audacity"], stem, every[path])
    return sum(map(len, every.values()))


def write_thresholds(path, chosen: list[Criterion]):
    """Write the table of the thresholds of the classes, with the reason of each."""
    rows = [[each.label, f"{each.threshold:.9g}", each.why] for each in chosen]
    files.write_rows(path, ["label", "threshold", "why"], rows)
