"""Compare exported models with the models of the workflow, on windows of their run.

PYTHONPATH=scripts python benchmarks/export_parity.py RESULTS [--windows N] [--rounds N]

RESULTS is the folder of a finished run, results/NAME, with its export. Prints, of N windows at equal steps, how far scores and
calibrated probabilities of each file are from the workflow's own, how good both are by the labels of the windows, the size of
each file, and how many seconds of sound it scores in a second on one core. The models were trained on these windows: how good
they are is compared, and says nothing else.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import label_ranking_average_precision_score

from understory.audio import read
from understory.data import calibration, store
from understory.data.task import Task
from understory.export import package, running
from understory.inference import saved_run, score
from understory.training import predict

FILES = ("model.tflite", "model-int8.tflite", "model.onnx", "model.keras")


def windows(folder: Path, count: int, classes):
    """Windows of a run at equal steps, float32 of shape (windows, samples), and which classes are in each, as booleans."""
    waves, present = [], []
    for path in sorted((folder / "windows").glob("train-*.npy")):
        waves += list(np.load(path, mmap_mode="r", allow_pickle=False))
        present += store.read_table(path.with_suffix(".csv")).present.fillna("").tolist()
    chosen = np.unique(np.linspace(0, len(waves) - 1, count).round().astype(int))
    labels = [[name in present[number].split(";") for name in classes] for number in chosen]
    return np.stack([read.to_float(waves[number]) for number in chosen]), np.array(labels)


def of_workflow(folder: Path, waves, description):
    """The scores of windows, as the workflow computes them of a recording."""
    run = saved_run.read(folder)["run"]
    names = [name for name in sorted(run["train"]) for _ in range(run["split"]["n_splits"])]
    models = [
        predict.load(
            folder
            / f"models/{name}/fold{number % run['split']['n_splits']}/{run['models'][name]['select']}.keras",
            run["models"][name]["architecture"],
        )
        for number, name in enumerate(names)
    ]
    settings = {
        **description["scoring"],
        "combine": "geometric" if run["ensemble"]["folds"] == "geometric" else "mean",
        "features": [run["features"][run["models"][name]["features"]] for name in names],
        "folds": run["split"]["n_splits"],
    }
    return score.of_windows(iter(waves), len(waves), models, settings)


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
    some = labels.any(axis=1)
    right = labels[np.arange(len(labels)), scores.argmax(axis=1)][some].mean()
    return {
        "accuracy": round(float(right), 4),
        "average precision": round(
            float(label_ranking_average_precision_score(labels[some], scores[some])), 4
        ),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = arguments.results
    classes = Task.read(folder / "labels.json").classes
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
