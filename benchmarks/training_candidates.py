"""What faster networks cost in score: the demo trained with each candidate over several seeds.

    PYTHONPATH=scripts python benchmarks/training_candidates.py FOLDER [--seeds 1 2 3 4 5] [--cores 2]

Makes a run of the demo for each seed in FOLDER, in which each candidate is a model on the same examples and folds; a run that is
there is not made again. Prints a row of a Markdown table for each candidate: the examples that one thread trains on in a second
of processor time, relative to the first (the median of five rounds in which all take turns, and their range); the mean score
against the truth; and how much higher its scores are than those of the first, seed by seed, with the 95 % interval of the mean by
Student's t, against the truth and out of fold.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import yaml
from runs_of_models import ROOT, made, out_of_fold, tested
from scipy import stats

from understory.data.task import Task
from understory.evaluation import scoring

# Options of sed_cnn, by the name of the model. The first is what the others are compared with.
CANDIDATES = {"sed_cnn": {}, "pairs": {"average_frames": 2}}
# Bands and frames of an example, classes, examples of a batch.
SHAPE, CLASSES, BATCH = (128, 938, 1), 24, 16


def configuration(seed: int) -> dict:
    """The settings of a run of all candidates."""
    model = yaml.safe_load((ROOT / "config.yaml").read_text())["models"]["sed_cnn"]
    models = {
        name: {**model, "options": {**model["options"], **options}, "threads": 1}
        for name, options in CANDIDATES.items()
    }
    return {
        "name": f"seed{seed}",
        "seed": seed,
        "models": models,
        "train": list(models),
        "report": {"examples": 0},
    }


def scores(out: Path, model: str) -> tuple[float, float]:
    """The scores of one model against the truth, and out of fold."""
    truth, values = tested(out, model, out / "truth.csv")
    return scoring.score(Task.read(out / "labels.json"), truth, values), out_of_fold(out, model)


def speeds(rounds: int = 5, steps: int = 5) -> dict[str, np.ndarray]:
    """Examples that are trained on in a second of processor time, in each round, by candidate."""
    from understory.training import runtime

    runtime.configure(threads=1, seed=0)
    import keras

    from understory.training import fit, models

    rng, built = np.random.default_rng(0), {}
    inputs = rng.random((BATCH, *SHAPE)).astype(np.float32)
    labels = (rng.random((BATCH, CLASSES)) < 0.1).astype(np.float32)
    loss = fit.loss_and_targets({"name": "binary_crossentropy", "unknown_weight": 0.3})[0]
    for name, options in CANDIDATES.items():
        built[name] = models.build("sed_cnn", SHAPE, CLASSES, options)
        built[name].compile(keras.optimizers.Adam(0.003), loss=loss)
        built[name].train_on_batch(inputs, labels)
    found = {name: [] for name in CANDIDATES}
    for _ in range(rounds):
        for name, model in built.items():
            start = time.process_time()
            for _ in range(steps):
                model.train_on_batch(inputs, labels)
            found[name].append(steps * BATCH / (time.process_time() - start))
    return {name: np.array(values) for name, values in found.items()}


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
    outs = [made(folder, configuration(seed), options.cores) for seed in options.seeds]
    found = {name: np.array([scores(out, name) for out in outs]).T for name in CANDIDATES}
    speed, first = speeds(), next(iter(CANDIDATES))
    print(
        "| network | examples a second | against the truth | higher, against the truth | higher, out of fold |"
    )
    print("| --- | --- | --- | --- | --- |")
    for name, each in found.items():
        ratios = speed[name] / speed[first]
        more = [difference(*pair) for pair in zip(each, found[first], strict=True)]
        shown = f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
        print(f"| {name} | {shown} | {each[0].mean():.3f} | {more[0]} | {more[1]} |")


if __name__ == "__main__":
    main()
