"""What cheaper trainings cost in score: the demo trained in each way over several seeds.

    PYTHONPATH=scripts python benchmarks/training_candidates.py FOLDER [--seeds 1 2 3 4 5] [--cores 2]

Makes two runs of the demo for each seed in FOLDER, one with three folds and one with four, in which each way to train is a model on
the same examples; a run that is there is not made again. Prints a row of a Markdown table for each way: the processor time of the
trainings of all folds, relative to the first (the median over seeds, and their range); the mean score against the truth; and how
much higher its scores are than those of the first, seed by seed, with the 95 % interval of the mean by Student's t, against the
truth and out of fold. Out of fold, models of more folds are scored on the same recordings, and have seen more of the others.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml
from runs_of_models import ROOT, made, out_of_fold, tested
from scipy import stats

from understory.data.task import Task
from understory.evaluation import scoring


class Way(NamedTuple):
    """A way to train `sed_cnn`: folds, epochs and options."""

    folds: int
    epochs: int
    options: dict


POOLING = {"filters": [16, 32, 64, 96], "downsampling": "pooling"}
# The first is the demo's, which the others are compared with.
WAYS = {
    "pooling": Way(3, 10, POOLING),
    "pairs_of_frames": Way(3, 10, {**POOLING, "average_frames": 2}),
    "strides": Way(4, 8, {"filters": [16, 48, 96, 128], "downsampling": "strides"}),
}


def configuration(seed: int, folds: int) -> dict:
    """The settings of a run of all ways with so many folds."""
    model = yaml.safe_load((ROOT / "config.yaml").read_text())["models"]["sed_cnn"]
    models = {
        name: {**model, "options": {**model["options"], **way.options}, "epochs": way.epochs, "threads": 1}
        for name, way in WAYS.items()
        if way.folds == folds
    }
    return {
        "name": f"seed{seed}_folds{folds}",
        "seed": seed,
        "split": {"n_splits": folds},
        "models": models,
        "train": list(models),
        "report": {"examples": 0},
    }


def found(out: Path, model: str) -> tuple[float, float, float]:
    """The score of a model against the truth, the one out of fold, and the processor time of its trainings in s."""
    truth, values = tested(out, model, out / "truth.csv")
    costs = (out / "benchmarks/train_fold" / model).glob("*.tsv")
    seconds = sum(pd.read_csv(path, sep="\t")["cpu_time"].iloc[0] for path in costs)
    return scoring.score(Task.read(out / "labels.json"), truth, values), out_of_fold(out, model), seconds


def difference(values, others) -> str:
    """The mean of paired differences, and its 95 % interval."""
    more = np.subtract(values, others)
    half = stats.t.ppf(0.975, len(more) - 1) * stats.sem(more) if len(more) > 1 else np.nan
    return f"{more.mean():+.3f} ({more.mean() - half:+.3f} to {more.mean() + half:+.3f})"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    runs = {
        folds: [made(folder, configuration(seed, folds), options.cores) for seed in options.seeds]
        for folds in sorted({way.folds for way in WAYS.values()})
    }
    every = {name: np.array([found(out, name) for out in runs[way.folds]]).T for name, way in WAYS.items()}
    first = next(iter(every.values()))
    print("| way | processor time | against the truth | higher, against the truth | higher, out of fold |")
    print("| --- | --- | --- | --- | --- |")
    for name, (truth, held_out, seconds) in every.items():
        ratios = seconds / first[2]
        more = difference(truth, first[0]), difference(held_out, first[1])
        shown = f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
        print(f"| {name.replace('_', ' ')} | {shown} | {truth.mean():.3f} | {more[0]} | {more[1]} |")


if __name__ == "__main__":
    main()
