"""What the windows and folds of the demo are worth: the demo run in each way over several seeds.

    PYTHONPATH=scripts python benchmarks/training_candidates.py FOLDER [--seeds 1 2 3] [--cores 2]

Makes a run of the demo for each way and seed in FOLDER; a run that is there is not made again. Prints a row of a Markdown table for
each way: the processor time of the trainings of all folds, relative to the first (the median over seeds, and their range); the mean
score against the truth and its range; and how much higher it is than that of the first, seed by seed, with the 95 % interval of the
mean by Student's t.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from runs_of_models import made, tested, training_seconds
from scipy import stats

from understory.data.task import Task
from understory.evaluation import scoring


class Way(NamedTuple):
    """Length of a window (s), folds and epochs."""

    window: float
    folds: int
    epochs: int


# The first is what the others are compared with.
WAYS = {
    "windows of 10 s, three folds, ten epochs": Way(10, 3, 10),
    "windows of 5 s, four folds, seven epochs": Way(5, 4, 7),
}


def configuration(seed: int, way: Way) -> dict:
    """The settings of a run."""
    return {
        "name": f"seed{seed}_window{way.window}_folds{way.folds}",
        "seed": seed,
        "crop": {"window": way.window, "hop": way.window / 2},
        "split": {"n_splits": way.folds},
        "models": {"sed_cnn": {"epochs": way.epochs, "threads": 1}},
        "report": {"examples": 0},
    }


def found(out: Path) -> tuple[float, float]:
    """The score of a run against the truth, and the processor time of its trainings in s."""
    seconds = sum(training_seconds(out, "sed_cnn").values())
    truth, values = tested(out, "sed_cnn", out / "truth.csv")
    return scoring.score(Task.read(out / "labels.json"), truth, values), seconds


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
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    every = {
        name: np.array(
            [found(made(folder, configuration(seed, way), options.cores)) for seed in options.seeds]
        ).T
        for name, way in WAYS.items()
    }
    first = next(iter(every.values()))
    print("| way | processor time | against the truth | higher |\n| --- | --- | --- | --- |")
    for name, (truth, seconds) in every.items():
        ratios = seconds / first[1]
        spent = f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
        scored = f"{truth.mean():.3f} ({truth.min():.3f} to {truth.max():.3f})"
        print(f"| {name} | {spent} | {scored} | {difference(truth, first[0])} |")


if __name__ == "__main__":
    main()
