"""The card of exported models: what they are, how good they are and how they are run, in Markdown."""

from understory.core.text import counted
from understory.data.calibration import ClassCalibration
from understory.inference.detections import Criterion

# Packages whose versions decide over the files, as far as they were needed.
PACKAGES = ("ai-edge-litert", "keras", "numpy", "onnx", "onnxruntime", "tensorflow", "tf2onnx")
HEAD = """# {name}

{count} that {score} windows of {window:g} s of sound at {rate} Hz for {classes}, in one file.
{members} trained by Understory{folds}.

## Files

{files}

- Input `waveform`: float32 of shape (1, {samples}), samples within ±1 of one channel at {rate} Hz. Features are computed in the model.
- Output `scores`: float32 of shape (1, {number}), from 0 to 1, in the order of the classes below.
{probabilities}- The `.tflite` files hold the classes, thresholds and settings of detection as well, as `understory.json` (`unzip -p FILE`); an
  `.onnx` file holds them among its metadata.
- A `.keras` and an `.onnx` file take any number of windows in the first axis. {layers}

## Use

    understory-detect {tflite} RECORDINGS --output FOLDER

finds events as `snakemake detections` does and writes the same tables. The command is part of Understory, and needs Python with
NumPy, soundfile, soxr and ai-edge-litert alone; with an `.onnx` file onnxruntime in the place of ai-edge-litert.

## Scores

{scores}

## Classes

{table}

{precision}

## Data

Licence of the recordings: {licence}.

## Versions

{versions}
"""


def text(facts: dict, criteria: list[Criterion], known: dict[str, ClassCalibration]) -> str:
    """The card.

    Parameters
    ----------
    facts : dict
        `name`; `models`: the architecture of each; `best`: whether the best was taken of several; `scoring`: `window`, s, and
        `sample_rate`, Hz; `probabilities`: whether the models have that output; `files`: name, what it is, bytes and SHA-256 of each, the LiteRT file
        first; `notes`: sentences about
        files that are not there; `scores`: `scores.json`, or None; `licence`: str or None; `versions`: by package.
    criteria : list of Criterion
        Of the classes, in the order of the scores.
    known : dict
        The calibrations by label; empty where there are none.
    """
    scoring, models, own = facts["scoring"], facts["models"], facts["scores"]
    rate = scoring["sample_rate"]
    files = _table(["file", "what it is", "bytes", "SHA-256"], facts["files"])
    return HEAD.format(
        name=facts["name"],
        count=f"{counted(len(models), 'model')} ({', '.join(sorted(set(models)))})",
        score="score" if len(models) > 1 else "scores",
        members="They were" if len(models) > 1 else "It was",
        folds=", and it is the one with the best validation score, which makes that score optimistic"
        if facts["best"]
        else "",
        window=scoring["window"],
        rate=rate,
        samples=round(scoring["window"] * rate),
        classes=counted(len(criteria), "class", "classes"),
        number=len(criteria),
        files="\n\n".join([files, *facts["notes"]]),
        probabilities=PROBABILITIES if facts["probabilities"] else "",
        layers=LAYERS,
        tflite=facts["files"][0][0],
        scores=_scores(own, facts["best"]) if own else "Not known: the folder of the run has no scores.json.",
        table=_table(HEADER, [_row(each, known.get(each.label)) for each in criteria]),
        precision=PRECISION if known else "Nothing was calibrated: no precision is known.",
        licence=facts["licence"] or "not stated",
        versions=_table(["package", "version"], facts["versions"].items()),
    )


PROBABILITIES = """- Output `probabilities`: float32 of the same shape, the share of detections with such a score that are correct; NaN for a class
  without a calibration.
"""
PRECISION = (
    "Precision is the share of correct detections among held-out ones, with its 95 % interval, where the threshold is the one that was "
    "chosen for it."
)
LAYERS = "`import understory.training.layers` registers the layers that Keras does not have."
HEADER = ["class", "threshold", "why", "precision", "95 % interval", "judged detections", "band (Hz)"]


def _row(criterion, own):
    # What was measured at another threshold says nothing of this one.
    measured = own is not None and own.threshold == criterion.threshold
    precision = f"{own.precision:.3f}" if measured and own.precision is not None else ""
    interval = " to ".join(f"{end:.3f}" for end in own.interval) if measured and own.interval else ""
    return [
        criterion.label,
        f"{criterion.threshold:.4g}",
        criterion.why,
        precision,
        interval,
        "" if own is None else own.events,
        "" if criterion.band is None else " to ".join(f"{end:.0f}" for end in criterion.band),
    ]


def _scores(found, best):
    """The scores of a run, which are those of all its models together but for the folds'."""
    every = " of all models of the run" if best else ""
    rows = [
        [f"out of fold{every} ({found['metric']})", f"{found['oof']:.4f}", _interval(found["oof_interval"])]
    ]
    rows += [[f"{each['model']}, fold {each['fold']}", f"{each['score']:.4f}", ""] for each in found["folds"]]
    if found["truth"] is not None:
        rows.append([f"against the truth{every} ({found['metric']})", f"{found['truth']:.4f}", ""])
    # Those of a run of an earlier version are not known.
    caveats = [f"- {each}" for each in found.get("caveats", [])]
    return "\n\n".join(
        [_table(["what", "score", "95 % interval"], rows), *["\n".join(caveats)] * bool(caveats)]
    )


def _interval(found):
    return f"{found['low']:.4f} to {found['high']:.4f}"


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    # A bar within a cell would end it.
    return "\n".join(
        f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )
