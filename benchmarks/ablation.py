"""What each ingredient of a training is worth: soundscapes of real clips whose truth is complete and whose labels are sparse.

    PYTHONPATH=scripts python benchmarks/ablation.py CLIPS FOLDER [--seeds 1 2 3] [--cores 2] [--models NAME...]

CLIPS is ESC-10, laid out as ESC-50. Makes a run for each seed in FOLDER, in which each way to train is a model on the same recordings
and folds: noise with rain or sea waves in which clips of the eight other classes sound, at 0 to 20 dB. Of a training recording one
confirmed event is known, or one rejected one; of a test recording, built from other clips, everything. A run that is there is
not made again, and one that was interrupted goes on. Prints a row of a Markdown table for each model: lwlrap and the mean
average precision of the classes against the truth, how much higher both are than the first model's, with 95 % intervals over
recordings drawn with replacement within each seed, the score out of fold, and the minutes that the training of a fold took.
"""

import argparse
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from runs_of_models import ROOT, made, out_of_fold, tested
from sklearn.metrics import average_precision_score

from understory.core import rng
from understory.core.rng import Stage
from understory.evaluation.metrics import lwlrap

RESAMPLES = 1000
SETTINGS = {
    "synthetic": {
        "background": ["rain", "sea_waves"],
        "train_recordings": 240,
        "rejected_recordings": 60,
        "test_recordings": 120,
        "max_snr": 20,
    },
    "shards": {"train": 2, "test": 1},
    "split": {"n_splits": 2},
    "crop": {"window": 5, "hop": 2.5, "sample_rate": 24_000},
    "features": {"log_mel": {"n_fft": 1024, "hop": 384, "n_mels": 64, "fmin": 80, "fmax": 11_500}},
    "report": {"examples": 0},
}
NETWORK = {"options": {"filters": [16, 32, 48, 64], "dense": 64}, "epochs": 20}
FRESH = [
    {"time_roll": {}},
    {"time_mask": {"masks": 2, "max_share": 0.1}},
    {"frequency_mask": {"masks": 2, "max_share": 0.1}},
]
ALL = {"mixup": 0.5, "augment": FRESH, "average_weights": 0.8}


def unknown(weight):
    return {"loss": {"name": "binary_crossentropy", "unknown_weight": weight}}


# What differs from the settings of config.yaml, by the name of the model. The first is what the others are compared with.
MODELS = {
    "default": {},
    "unknown_taken_for_absent": unknown(1.0),
    "unknown_weight_a_tenth": unknown(0.1),
    "unknown_left_out": unknown(0.0),
    "focal": {"loss": {"name": "focal", "unknown_weight": 0.3}},
    "without_copies": {"copies": 0, "epochs": 2 * NETWORK["epochs"]},
    "mixup": {"mixup": 0.5},
    "mixup_of_all_labels": {"mixup": 0.5, "mixup_labels": "union"},
    "fresh_augmentation": {"augment": FRESH},
    "averaged_weights": {"average_weights": 0.8},
    "all_three": ALL,
    "all_three_without_mixup": {**ALL, "mixup": 0},
    "all_three_without_fresh_augmentation": {**ALL, "augment": []},
    "all_three_without_averaged_weights": {**ALL, "average_weights": None},
    "all_three_in_twice_the_epochs": {**ALL, "epochs": 2 * NETWORK["epochs"]},
}


def configuration(clips: Path, seed: int, chosen) -> dict:
    """The settings of a run of all models."""
    model = yaml.safe_load((ROOT / "config.yaml").read_text())["models"]["sed_cnn"]
    models = {name: {**model, **NETWORK, **MODELS[name]} for name in chosen}
    for each in models.values():
        each["options"] = {**model["options"], **each["options"]}
    return {
        **SETTINGS,
        "synthetic": {**SETTINGS["synthetic"], "clips": str(clips)},
        "name": f"seed{seed}",
        "seed": seed,
        "models": models,
        "train": list(models),
    }


def precisions(truth, values) -> float:
    """The mean average precision of the classes that are in the recordings, from 0 to 1."""
    there = (truth > 0).any(axis=0)
    return average_precision_score(truth[:, there] > 0, values[:, there], average="macro")


def scored(pairs, metric, draws=None) -> float:
    """The mean of a score over seeds; with `draws`, of the recordings drawn."""
    draws = draws or [slice(None)] * len(pairs)
    return float(
        np.mean(
            [metric(truth[draw], values[draw]) for (truth, values), draw in zip(pairs, draws, strict=True)]
        )
    )


def differences(pairs, others, metric) -> str:
    """How much higher a score is than another model's, and the 95 % interval over recordings drawn with replacement."""
    found = []
    for number in range(RESAMPLES):
        draw = rng.stream(number, Stage.INTERVAL, "ablation")
        drawn = [draw.integers(len(truth), size=len(truth)) for truth, _ in pairs]
        found.append(scored(pairs, metric, drawn) - scored(others, metric, drawn))
    low, high = np.percentile(found, [2.5, 97.5])
    return f"{scored(pairs, metric) - scored(others, metric):+.3f} ({low:+.3f} to {high:+.3f})"


def minutes(outs, model) -> float:
    """The median over seeds and folds of the time of a training."""
    paths = [path for out in outs for path in (out / "benchmarks/train_fold" / model).glob("*.tsv")]
    return float(np.median([pd.read_csv(path, sep="\t")["cpu_time"].iloc[0] for path in paths])) / 60


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    outs = [
        made(folder, configuration(options.clips.resolve(), seed, options.models), options.cores)
        for seed in options.seeds
    ]
    of = cache(lambda model: [tested(out, model) for out in outs])
    metrics = (lwlrap.score, precisions)
    print("| model | lwlrap | higher by | mean average precision | higher by | out of fold | minutes |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for model in options.models:
        cells = []
        for metric in metrics:
            more = "" if model == options.models[0] else differences(of(model), of(options.models[0]), metric)
            cells += [f"{scored(of(model), metric):.3f}", more]
        cells += [f"{np.mean([out_of_fold(out, model) for out in outs]):.3f}", f"{minutes(outs, model):.1f}"]
        print(f"| {model.replace('_', ' ')} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
