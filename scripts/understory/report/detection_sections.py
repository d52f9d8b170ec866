"""The section of the report about detections: how far to trust their probabilities and thresholds."""

from understory.core.text import counted, listed
from understory.report import figures
from understory.report.class_sections import LISTED
from understory.report.formatting import number
from understory.report.results import Results
from understory.report.template import Figure, Note, Section, Table


def detections(results: Results) -> list[Section]:
    """One section, or none where detections are not scored."""
    found = results.detection_scores
    if found is None:
        return []
    words = results.words
    text = (
        f"The training {words.recordings} are searched for events as new ones are, each {words.recording} by the models that did "
        f"not train on it: {counted(found['recordings'], words.recording, words.recordings)}, {found['hours']:.3g} hours. An event "
        "is correct if it overlaps one that is annotated as present."
    )
    if not found["exhaustive"]:
        text += " Events of which nothing is annotated, neither present nor absent, are left out."
    blocks = [
        text,
        *_thresholds(results),
        *_reliability(found),
        *_events(found),
        *_background(found),
        *_probes(found),
    ]
    return [Section("detections", "Detections", blocks)]


def _share(low, high):
    return f"{low:.2f}–{high:.2f}"


def _thresholds(results):
    """The threshold of each class, or why it has none."""
    found, calibrations = results.detection_scores, results.calibrations
    names = [label for label in results.task.classes if label in calibrations]
    rows = []
    for label in names[:LISTED]:
        each = calibrations[label]
        told = each.reason if each.reason else f"{each.precision:.2f} ({_share(*each.interval)})"
        threshold = "none" if each.threshold is None else f"{each.threshold:.3f}"
        rows.append([label, told, f"{each.events:,}", threshold, each.method])
    fixed, lacking = found["threshold"], sum(calibrations[label].threshold is None for label in names)
    text = (
        f"The threshold of a class is the lowest score from which on {100 * found['precision']:g} % of its events are correct, in all "
        f"{results.words.recordings} together. The table has the share that is correct in {results.words.recordings} without a part "
        "in the choice."
    )
    if fixed is not None:
        text += (
            f" New {results.words.recordings} are searched with detect.threshold instead: the tables of detected and annotated events, "
            f"of false alarms and of sounds that hold no event are of events with a score of at least {fixed:g}."
        )
    elif lacking:
        text += (
            f" {counted(lacking, 'class has', 'classes have')} no threshold of {len(names):,}: what is detected of "
            f"{'it' if lacking == 1 else 'them'} has a score of at least {found['fallback']:g}, and no probability."
        )
    yield text
    yield Table(
        "Threshold and precision of each class",
        [
            "class",
            "precision (95 % interval), or why there is no threshold",
            "examples",
            "threshold",
            "calibration",
        ],
        rows,
        text=2,
    )
    yield Note(
        "Examples: events, at any score, that annotations say are correct or wrong. Precision: each recording is judged at the "
        "threshold that the other folds choose, so that the threshold is not judged by what it was chosen for. The interval allows "
        "for events of one recording that are alike."
    )
    if len(names) > LISTED:
        yield Note(f"The table lists {LISTED:,} of {len(names):,} classes; calibration.json has all.")


def _reliability(found):
    """The reliability diagram."""
    told = found["reliability"]
    svg = figures.reliability(
        told["probability"],
        told["correct"],
        told["low"],
        told["high"],
        told["detections"],
    )
    caption = (
        "Share of events that are correct, by their calibrated probability, with 95 % intervals over recordings; below, the number of events. On the "
        "dashed line both agree. Probabilities are those of maps fitted to the other folds."
    )
    error, alt = told["error"], "Share of correct events over calibrated probability"
    shown = error is not None
    yield Figure("reliability", svg, caption, alt, shown=shown)
    if not shown:
        yield Note("No class has enough events for probabilities.")
        return
    low, high = told["interval"]
    yield Note(
        f"Expected calibration error: {error:.3f} (95 % interval {low:.3f}–{high:.3f}), the mean distance of a probability from the "
        "share that is correct. It is above 0 by chance even where probabilities are right."
    )


def _events(found):
    """Precision, recall and F1 of events and segments."""
    kinds = {
        f"events, intersection over union at least {least}": each for least, each in found["events"].items()
    }
    kinds[f"segments of {found['segments']['seconds']:g} s"] = found["segments"]
    head = ["unit", "annotated", "detected", "both", "precision", "recall", "F1", "95 % of F1"]
    rows = [
        [
            name,
            *(f"{each[key]:,}" for key in ("annotated", "detected", "both")),
            *(_number(each[key]) for key in ("precision", "recall", "f1")),
            "none" if each["f1_interval"] is None else _share(*each["f1_interval"]),
        ]
        for name, each in kinds.items()
    ]
    yield Table("Detected and annotated events of all classes", head, rows)
    yield Note(
        "Each annotated event is matched with at most one detected event. A call that is much shorter than the window is found, but "
        "its event is as long as the windows that hear it, so that the intersection is small: segments or the precision above say "
        "more then."
    )


def _background(found):
    """False alarms where nothing is annotated."""
    told = found["background"]
    if told is None:
        yield Note(
            "False alarms: no background is known. It is where all that is heard is annotated (own.exhaustive: true)."
        )
        return
    kinds = {"all classes": told["every_class"]}
    if told["own_threshold"]:
        kinds["classes with a threshold of their own"] = told["own_threshold"]
    names = [label for label, each in found["classes"].items() if each["background"]["alarms"]]
    worst = sorted(names, key=lambda label: -found["classes"][label]["background"]["alarms"])
    kinds |= {label: found["classes"][label]["background"] for label in worst[:10]}
    rows = [
        [
            name,
            f"{each['alarms']:,}",
            f"{each['per_hour']:.3g}",
            "–".join(f"{bound:.3g}" for bound in each["interval"]),
        ]
        for name, each in kinds.items()
    ]
    yield Table("False alarms on background", ["class", "false alarms", "an hour", "95 % interval"], rows)
    more = f" The {len(worst[:10])} classes with most of them are listed." if len(worst) > 10 else ""
    yield Note(
        f"Background: {told['every_class']['hours']:.3g} hours of the training recordings in which nothing is annotated. Intervals "
        f"are those of a Poisson distribution.{more}"
    )


def _probes(found):
    """What sounds without an event are taken for."""
    classes = len(found["classes"])
    rows = [
        [name, listed(each["classes"], 5) or "none", f"{len(each['classes'])} of {classes}"]
        for name, each in found["probes"].items()
    ]
    yield Table("Sounds that hold no event", ["sound", "detected", "classes"], rows, text=2)
    yield Note(
        "A minute of each is searched by all models together. A class that is detected in one of them is likely to be detected in "
        "rain, wind or a broken microphone."
    )


def _number(value):
    return "none" if value is None else number(value)
