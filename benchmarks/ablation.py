"""What each ingredient of a training is worth: soundscapes of real clips whose truth is complete and whose labels are sparse.

    PYTHONPATH=scripts python benchmarks/ablation.py CLIPS FOLDER [--seeds 1 2 3] [--cores 2] [--models NAME...]

CLIPS is ESC-10, laid out as ESC-50. Makes a run for each seed in FOLDER, in which each way to train is a model on the same recordings
and folds: noise with rain or sea waves in which clips of the eight other classes sound, at 0 to 20 dB. Of a training recording one
confirmed event is known, or one rejected one; of a test recording, built from other clips, everything. Some rows have a run of their
own: those with pseudo-labels, those with random crops, and, to say what better use of labels could bring at most, one with all labels
of the same recordings known, in as many steps. A run that is there is not made again, and one that was interrupted goes on. Prints a row of a Markdown table for each model: lwlrap and the mean
average precision of the classes against the truth, how much higher both are than the first model's, with 95 % intervals over
recordings drawn with replacement within each seed, the score out of fold, and the minutes that the training of a fold took.
"""

import argparse
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from runs_of_models import ROOT, made, out_of_fold, tested, training_seconds
from sklearn.metrics import average_precision_score

from understory.core import rng
from understory.core.files import write_rows
from understory.core.rng import Stage
from understory.datasets.rfcx import COLUMNS
from understory.evaluation.metrics import lwlrap
from understory.synthetic import clips as sound_clips
from understory.synthetic import soundscapes

RESAMPLES = 1000
SETTINGS = {
    "synthetic": {
        "background": ["rain", "sea_waves"],
        "train_recordings": 240,
        "rejected_recordings": 60,
        "test_recordings": 120,
        "train_duration": 12,
        "test_duration": 20,
        "min_snr": 0,
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
SPARING = [
    *FRESH[:2],
    {"frequency_mask": {"masks": 2, "max_share": 0.1, "spare_event": True}},
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
    "default_in_twice_the_epochs": {"epochs": 2 * NETWORK["epochs"]},
    "without_copies_in_twice_the_epochs": {"copies": 0, "epochs": 2 * NETWORK["epochs"]},
    "mixup": {"mixup": 0.5},
    "mixup_of_all_labels": {"mixup": 0.5, "mixup_labels": "union"},
    "fresh_augmentation": {"augment": FRESH},
    "fresh_augmentation_sparing_events": {"augment": SPARING},
    "averaged_weights": {"average_weights": 0.8},
    "all_three": ALL,
    "all_three_without_mixup": {**ALL, "mixup": 0},
    "all_three_without_fresh_augmentation": {**ALL, "augment": []},
    "all_three_without_averaged_weights": {**ALL, "average_weights": None},
    "all_three_in_twice_the_epochs": {**ALL, "epochs": 2 * NETWORK["epochs"]},
    "all_three_sparing_events_in_twice_the_epochs": {
        **ALL,
        "augment": SPARING,
        "epochs": 2 * NETWORK["epochs"],
    },
}


CHAIN = yaml.safe_load((ROOT / "config.yaml").read_text())["augment"]["chain"]
WITHOUT_SHIFT = [step for step in CHAIN if "TimeShift" not in step]
# What differs in a run of its own, with the first model alone.
RUNS = {
    "pseudo_labels": {"pseudo_labels": {"rounds": 1}},
    "pseudo_labels_by_quantile": {"pseudo_labels": {"rounds": 1, "by": "quantile", "high": 0.95, "low": 0.5}},
    "random_crops": {"augment": {"random_crop": True}},
    "random_crops_in_place_of_time_shift": {"augment": {"random_crop": True, "chain": WITHOUT_SHIFT}},
    "all_labels_known": {"crop": {**SETTINGS["crop"], "absent": False}},
}


def configuration(clips: Path, seed: int, chosen) -> dict:
    """The settings of a run of models."""
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


def run_of_its_own(name: str, folder: Path, clips: Path, seed: int, cores: int) -> Path:
    """The results of one of `RUNS`, beside those of the seed's run of models."""
    first = next(iter(MODELS))
    settings = {**configuration(clips, seed, [first]), **RUNS[name], "name": f"seed{seed}_{name}"}
    if name == "all_labels_known":
        data = folder / f"data_{settings['name']}"
        boxes = annotated_whole(folder / f"results/seed{seed}/data", data, settings)
        sparse = len(pd.read_csv(folder / f"results/seed{seed}/folds.csv"))
        settings["models"][first]["epochs"] = round(NETWORK["epochs"] * sparse / boxes)
        settings["data"] = str(data)
    return made(folder, settings, cores)


def annotated_whole(source: Path, folder: Path, settings: dict) -> int:
    """Make a copy of synthetic data in which all that sounds is annotated, and all else rejected; the number of events."""
    shutil.copytree(source, folder, dirs_exist_ok=True, copy_function=_linked)
    synthetic = dict(settings["synthetic"])
    singers = sound_clips.given({key: synthetic.pop(key) for key in sound_clips.KEYS}).singers()
    own, present, absent = soundscapes.Settings(**synthetic), [], []
    for number in range(own.train):
        plan = soundscapes.plan(number, singers=singers, settings=own, seed=settings["seed"])
        for species in range(singers.classes):
            boxes = [event.box for event in plan.events if event.box.species == species]
            present += [(plan.recording_id, species, 1, b.t_min, b.f_min, b.t_max, b.f_max) for b in boxes]
            begin = min((box.t_min for box in boxes), default=plan.duration)
            end = max((box.t_max for box in boxes), default=plan.duration)
            parts = [part for part in ((0, begin), (end, plan.duration)) if part[0] < part[1]]
            absent += [(plan.recording_id, species, 1, start, 0, stop, 12_000) for start, stop in parts]
    for table, rows in (("train_tp.csv", present), ("train_fp.csv", absent)):
        (folder / table).unlink()
        write_rows(folder / table, COLUMNS, rows)
    return len(present)


def _linked(source, target):
    Path(target).unlink(missing_ok=True)
    Path(target).hardlink_to(source)


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
    """The median over seeds and folds of the processor time of a training, with that of its rounds."""
    return float(np.median([each for out in outs for each in training_seconds(out, model).values()])) / 60


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--cores", type=int, default=2)
    rows = [*MODELS, *RUNS]
    parser.add_argument("--models", nargs="+", default=rows, choices=rows)
    options = parser.parse_args()
    folder, clips, first = options.folder.resolve(), options.clips.resolve(), options.models[0]
    folder.mkdir(parents=True, exist_ok=True)
    models = [name for name in options.models if name in MODELS]
    outs = [made(folder, configuration(clips, seed, models), options.cores) for seed in options.seeds]
    found = {name: [(out, name, out) for out in outs] for name in models}
    for name in (name for name in options.models if name in RUNS):
        own = [run_of_its_own(name, folder, clips, seed, options.cores) for seed in options.seeds]
        found[name] = [(out, next(iter(MODELS)), of_all) for out, of_all in zip(own, outs, strict=True)]
    of = cache(lambda name: [tested(out, model, of_all / "truth.csv") for out, model, of_all in found[name]])
    print("| model | lwlrap | higher by | mean average precision | higher by | out of fold | minutes |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, runs in found.items():
        cells = []
        for metric in (lwlrap.score, precisions):
            more = "" if name == first else differences(of(name), of(first), metric)
            cells += [f"{scored(of(name), metric):.3f}", more]
        # With other labels it is another score.
        known = RUNS.get(name, {}).get("crop") is None
        cells += [f"{np.mean([out_of_fold(out, model) for out, model, _ in runs]):.3f}" if known else ""]
        cells += [f"{minutes([out for out, *_ in runs], runs[0][1]):.1f}"]
        print(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
