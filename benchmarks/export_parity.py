"""Compare exported models with the models of the workflow, on windows of their run.

PYTHONPATH=scripts python benchmarks/export_parity.py RESULTS [--windows N] [--rounds N]
PYTHONPATH=scripts python benchmarks/export_parity.py RESULTS --out-of-fold

RESULTS is the folder of a finished run, results/NAME, with its export. The first prints, of N windows at equal steps, how far scores
and calibrated probabilities of each file are from the workflow's own, how good both are by the labels of the windows, the size of
each file, and how many seconds of sound it scores in a second on one core. The models were trained on these windows: how good
they are is compared, and says nothing else.

The second tells what 8-bit integers cost on windows that a model was not trained on. The model of each fold is exported by itself,
with ranges measured on the windows of the other folds, and scores the windows of its own fold. Prints accuracy and label-ranking
average precision of all of them in float32 and in integers, and their difference with its 95 % interval, by a bootstrap over
windows that draws both scores of a window together. It needs no export.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import label_ranking_average_precision_score

from understory.audio import read
from understory.data import calibration, store
from understory.data.task import Task
from understory.evaluation import intervals
from understory.export import convert, ensemble, package, running, write
from understory.inference import saved_run, score
from understory.training import predict

FILES = ("model.tflite", "model-int8.tflite", "model.onnx", "model.keras")


def every_window(folder: Path):
    """The windows of a run, int16, and the rows of their tables."""
    waves, rows = [], []
    for path in sorted((folder / "windows").glob("train-*.npy")):
        waves += list(np.load(path, mmap_mode="r", allow_pickle=False))
        rows.append(store.read_table(path.with_suffix(".csv")))
    return waves, pd.concat(rows, ignore_index=True)


def present(rows, classes):
    """Which classes are in windows, as booleans of shape (windows, classes)."""
    return np.array([[name in text.split(";") for name in classes] for text in rows.present.fillna("")])


def windows(folder: Path, count: int, classes):
    """Windows of a run at equal steps, float32 of shape (windows, samples), and which classes are in each, as booleans."""
    waves, rows = every_window(folder)
    chosen = np.unique(np.linspace(0, len(waves) - 1, count).round().astype(int))
    return np.stack([read.to_float(waves[number]) for number in chosen]), present(rows.iloc[chosen], classes)


def members(folder: Path, run: dict):
    """Of each saved model that predicts: its name, its fold, itself, and the block of its features."""
    for name in sorted(run["train"]):
        own = run["models"][name]
        for fold in range(run["split"]["n_splits"]):
            path = folder / f"models/{name}/fold{fold}/{own['select']}.keras"
            yield name, fold, predict.load(path, own["architecture"]), run["features"][own["features"]]


def of_workflow(folder: Path, waves, description):
    """The scores of windows, as the workflow computes them of a recording."""
    run = saved_run.read(folder)["run"]
    _, _, models, features = zip(*members(folder, run), strict=True)
    settings = {
        **description["scoring"],
        "combine": "geometric" if run["ensemble"]["folds"] == "geometric" else "mean",
        "features": list(features),
        "folds": run["split"]["n_splits"],
    }
    return score.of_windows(iter(waves), len(waves), list(models), settings)


def of_member(model, features, run, measured, waves):
    """The scores of windows by one model alone, exported in float32 and in 8-bit integers."""
    own = {key: run["crop"][key] for key in ("sample_rate", "window")}
    made = ensemble.build([model], {**own, "features": [features], "combine": "mean", "folds": 1})
    for content in (convert.to_litert(made), convert.to_int8(made, measured)):
        with tempfile.TemporaryDirectory() as place:
            path = Path(place, "model.tflite")
            package.describe(path, content, {})
            yield of_file(path, waves, rounds=1)[0]["scores"]


def out_of_fold(folder: Path, classes):
    """What 8-bit integers cost on the windows of the fold that a model was not trained on, by model."""
    run, (waves, rows) = saved_run.read(folder)["run"], every_window(folder)
    folds = store.read_table(folder / "folds.csv").set_index("example_id").fold
    fold_of, found = folds.loc[rows.example_id].to_numpy(), {}
    for name, fold, model, features in members(folder, run):
        others, inside = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        chosen = others[:: max(1, len(others) // write.MEASURED)][: write.MEASURED]
        measured = [read.to_float(waves[number]) for number in chosen]
        sound = [read.to_float(waves[number]) for number in inside]
        labels = present(rows.iloc[inside], classes)
        scores = of_member(model, features, run, measured, sound)
        found.setdefault(name, []).append([each_quality(part, labels) for part in scores])
        print(f"{name}, fold {fold}: {len(inside)} windows", flush=True)
    return {name: compared(np.concatenate(parts, axis=2)) for name, parts in found.items()}


def each_quality(scores, labels):
    """Of each window that has a label, whether its highest score is right, and its average precision: shape (2, windows)."""
    scores, labels = (part[labels.any(axis=1)] for part in (scores, labels))
    right = labels[np.arange(len(labels)), scores.argmax(axis=1)].astype(float)
    rows = zip(labels[:, None], scores[:, None], strict=True)
    return np.stack([right, [label_ranking_average_precision_score(*row) for row in rows]])


def compared(values):
    """Float32 and integers, by the values of each window, of shape (2, 2, windows), and how far the integers are below."""
    found = {"windows": values.shape[2]}
    for name, (float32, int8) in zip(("accuracy", "average precision"), values.swapaxes(0, 1), strict=True):
        lost = float32 - int8
        interval = intervals.resampled_interval(
            lambda times, lost=lost: np.average(lost, weights=times), len(lost), seed=0, name=name
        )
        found[name] = {
            "float32": round(float(float32.mean()), 4),
            "int8": round(float(int8.mean()), 4),
            "lost": round(float(lost.mean()), 4),
            "interval": [round(float(end), 4) for end in interval[:2]],
        }
    return found


def of_file(path: Path, waves, rounds: int):
    """The outputs of an exported file, and the seconds that a window takes: the least of some rounds over all windows."""
    if path.suffix == ".keras":
        model = predict.load(path, None)
        parts = [model(waves[first : first + 8]) for first in range(0, len(waves), 8)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, None
    run, _ = running.load(path)
    parts, seconds = [], []
    for _ in range(rounds):
        begun = time.process_time()
        parts = [run(wave[None]) for wave in waves]
        seconds.append((time.process_time() - begun) / len(waves))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, min(seconds)


def probabilities(scores, description):
    """Calibrated probabilities, NaN where there are none."""
    known = calibration.of(description["calibration"] or {"classes": {}}, "calibration.json")
    none = calibration.ClassCalibration("", "none", (), (), None, None, None, 0, None)
    classes = description["task"]["classes"]
    columns = [calibration.probability(known.get(name, none), scores[:, n]) for n, name in enumerate(classes)]
    return np.stack(columns, axis=1)


def quality(scores, labels):
    """Accuracy and label-ranking average precision of the windows that have a label."""
    names = ("accuracy", "average precision")
    return {
        name: round(float(each.mean()), 4)
        for name, each in zip(names, each_quality(scores, labels), strict=True)
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out-of-fold", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.results
    classes = Task.read(folder / "labels.json").classes
    if arguments.out_of_fold:
        print(json.dumps(out_of_fold(folder, classes), indent=1))
        return
    waves, labels = windows(folder, arguments.windows, classes)
    description = package.read(folder / "export" / FILES[0])[1]
    expected = of_workflow(folder, waves, description)
    likely = probabilities(expected, description)
    found = {"windows": len(waves), "workflow": quality(expected, labels), "files": {}}
    for name in FILES:
        path = folder / "export" / name
        if not path.exists():
            continue
        outputs, seconds = of_file(path, waves, arguments.rounds)
        apart = np.abs(outputs["scores"] - expected)
        own = {"bytes": path.stat().st_size, "largest difference of a score": float(apart.max())}
        own["mean difference of a score"] = float(apart.mean())
        if "probabilities" in outputs:
            calibrated = ~np.isnan(likely).all(axis=0)
            own["calibrated classes"] = int(calibrated.sum())
            apart = np.abs(outputs["probabilities"] - likely)[:, calibrated]
            own["largest difference of a probability"] = float(apart.max())
        if seconds:
            own["times real time"] = round(description["scoring"]["window"] / seconds)
        found["files"][name] = {**own, **quality(outputs["scores"], labels)}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
