"""Runs of the workflow in which each way to train is a model, and the scores of single models of them."""

import subprocess
import sys
from pathlib import Path

import yaml

from understory.core import usage
from understory.data import predictions, store
from understory.data.task import Task
from understory.evaluation import ensemble, scoring

ROOT = Path(__file__).resolve().parents[1]


def made(folder: Path, settings: dict, cores: int) -> Path:
    """The folder of the results of a run up to its scores; what is there is not made again."""
    name = settings["name"]
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--profile", ROOT / "profiles/default", "--cores", cores, "--configfile", path]
    command += ["--until", "ensemble_folds"]
    with open(folder / f"{name}.log", "a") as log:
        subprocess.run([*map(str, command)], check=True, stdout=log, stderr=log, cwd=folder)
    return folder / "results" / name


def tested(out: Path, model: str, truth: Path):
    """The labels that are true of the test recordings (by `truth`, a table of a run), and a model's predictions: float64
    (recordings, classes) each."""
    task = Task.read(out / "labels.json")
    parts = [
        ensemble.by_recording(predictions.read(path, task.classes), method="max", top_k=1)
        for path in sorted((out / "predictions" / model).glob("fold*.csv"))
    ]
    mean = ensemble.combined(parts, method="mean")
    labels, told = scoring.with_truth(task, mean, store.read_table(truth))
    return labels, told.values


def out_of_fold(out: Path, model: str) -> float:
    """The score of a model's out-of-fold predictions, of its last round."""
    task = Task.read(out / "labels.json")
    last = max(out.glob("round*"), key=lambda path: int(path.name[5:]), default=out)
    paths = sorted((last / "models" / model).glob("fold*/oof.csv"))
    oof = predictions.concatenate(predictions.read(path, task.classes) for path in paths)
    rows = scoring.scored_predictions(task, oof)
    cuts = scoring.held_out_thresholds(task, rows, None)
    return scoring.score(task, scoring.labels_of(task, rows.keys), scoring.held_out(task, rows, cuts))


def training_seconds(out: Path, model: str) -> dict[str, float]:
    """By fold, the processor time of a model's trainings, those of its rounds among them, as each recorded it at its end."""
    found: dict[str, float] = {}
    for rule in ("train_fold", "train_round"):
        for path in sorted((out / usage.FOLDER / rule).glob("*.json")):
            record = usage.read(path)
            if record.wildcards["model"] == model:
                fold = record.wildcards["fold"]
                found[fold] = found.get(fold, 0.0) + record.processor_seconds
    return found
