"""The export of a run: its models as one file each for Keras, LiteRT and ONNX, and their card."""

import hashlib
import json
from pathlib import Path

import numpy as np

from understory.audio import read
from understory.core import choices
from understory.core.errors import InputError
from understory.core.files import replacing
from understory.data import calibration
from understory.data.task import Task
from understory.export import card, convert, ensemble, package, request
from understory.inference import detections
from understory.training import predict, saving

# Windows that the ranges of values are measured on, for integers.
MEASURED = 100
# The files of an export, and what each is.
KERAS, FLOAT, INT8, ONNX = "model.keras", "model.tflite", "model-int8.tflite", "model.onnx"
CARD = "README.md"
KINDS = {
    FLOAT: "LiteRT, float32",
    INT8: "LiteRT, 8-bit integers between the features and the scores",
    ONNX: "ONNX, float32",
    KERAS: "Keras, float32",
}


def write(folder: Path, paths: list[Path], inputs: dict, windows: list[Path], settings: dict, versions: dict):
    """Write the files of an export.

    Parameters
    ----------
    folder : Path
    paths : list of Path
        The saved models.
    inputs : dict
        Paths of `labels` (labels.json), and of `calibration` and `scores`, None where there are none.
    windows : list of Path
        Arrays of windows, int16; without any, no file of integers is written.
    settings : dict
        `detecting`, `export`, `name`, `scoring`, and `trained`: the model and fold of each path.
    versions : dict
        Of packages.
    """
    task, export, scoring = Task.read(inputs["labels"]), settings["export"], settings["scoring"]
    content, scores = _content(inputs["calibration"]), _content(inputs["scores"])
    known = calibration.of(content, inputs["calibration"]) if content else {}
    fitted = any(each.method != "none" for each in known.values())
    members = [_best(scores, settings["trained"])] if export["members"] == "best" else range(len(paths))
    model = _model(paths, members, task, known if fitted else None, scoring)
    # Of a former export.
    for name in (INT8, ONNX):
        (folder / name).unlink(missing_ok=True)
    saving.save(model, folder / KERAS)
    made = {FLOAT: convert.to_litert(model)}
    if windows:
        made[INT8] = convert.to_int8(model, measured(windows))
    description = {
        "calibration": content,
        "detecting": settings["detecting"],
        "name": settings["name"],
        "scoring": {key: scoring[key] for key in ("hop", "sample_rate", "window")},
        "task": task.told(),
    }
    for name, data in made.items():
        package.describe(folder / name, data, description)
    if export["onnx"]:
        converted = choices.load(request.FORMATS, request.ONNX).convert(model, description)
        with replacing(folder / ONNX) as new:
            new.write_bytes(converted)
    facts = {
        "best": export["members"] == "best",
        "files": [[name, KINDS[name], *_facts(folder / name)] for name in KINDS if (folder / name).exists()],
        "licence": export["licence"],
        "models": [settings["trained"][number][0] for number in members],
        "name": settings["name"],
        "notes": [*_notes(windows, export), *_weights(settings, members)],
        "probabilities": fitted,
        "scores": scores,
        "scoring": scoring,
        "versions": {name: versions[name] for name in card.PACKAGES if name in versions},
    }
    criteria = detections.criteria(task, known, settings["detecting"], content and content["settings"])
    with replacing(folder / CARD) as new:
        new.write_text(card.text(facts, criteria, known), encoding="utf-8")


def _content(path):
    """What a JSON file holds; None where there is none."""
    return json.loads(Path(path).read_text(encoding="utf-8")) if path else None


def _model(paths, members, task, known, scoring):
    """One model of some of the saved models."""
    chosen = {key: [scoring[key][number] for number in members] for key in ("architectures", "features")}
    # The best one alone has no weight.
    chosen |= {"weights": scoring.get("weights") if len(members) == len(paths) else None}
    return ensemble.build(
        [
            predict.load(paths[number], name)
            for number, name in zip(members, chosen["architectures"], strict=True)
        ],
        {**scoring, **chosen, "folds": min(scoring["folds"], len(members))},
        silent=[task.classes.index(label) for label in task.untrained],
        calibrations=known and [known.get(label) for label in task.classes],
    )


def measured(paths: list[Path]) -> list[np.ndarray]:
    """At most `MEASURED` windows of some arrays, at equal steps: float32 of shape (samples,)."""
    arrays = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
    places = [(number, row) for number, array in enumerate(arrays) for row in range(len(array))]
    step = max(1, len(places) // MEASURED)
    return [read.to_float(arrays[number][row]) for number, row in places[::step][:MEASURED]]


def _best(scores, trained):
    """The number of the model with the highest validation score."""
    if scores is None:
        raise InputError(
            "export.members: expected scores.json in the folder of the run to take the best, found none"
        )
    by_member = {(each["model"], each["fold"]): each["score"] for each in scores["folds"]}
    return max(range(len(trained)), key=lambda number: by_member[tuple(trained[number])])


def _facts(path):
    data = path.read_bytes()
    return [f"{len(data):,}", hashlib.sha256(data).hexdigest()]


def _weights(settings, members):
    """A sentence about the weights of the models, where they have some."""
    names = sorted({name for name, _ in settings["trained"]})
    if "weights" not in settings["scoring"] or len(members) < len(settings["trained"]):
        return []
    own = zip(names, settings["scoring"]["weights"], strict=True)
    return [f"Weights of the models: {', '.join(f'{name} {weight:.2f}' for name, weight in own)}."]


def _notes(windows, export):
    """Sentences about files that are not there."""
    if not export["int8"]:
        return [f"There is no {INT8}, as configured."]
    return (
        []
        if windows
        else [f"There is no {INT8}: the run whose models these are has no windows left to measure it on."]
    )
