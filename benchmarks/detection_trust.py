"""How far the thresholds of detections can be trusted: soundscapes of real clips, whose test clips no model has heard.

    PYTHONPATH=scripts python benchmarks/detection_trust.py CLIPS [--seeds 1 2 3 4 5] [--out FILE]

CLIPS is ESC-10, laid out as ESC-50. The recordings of a seed are noise with rain or sea waves in which clips of the eight other
classes sound; all that sounds is annotated. Recordings for training are built from the clips of folds 1 to 4, those for testing,
and the background without a clip of a label, from those of fold 5. A run with recipes/own.yaml chooses the thresholds, which are
then tried on the test recordings. Prints a line of JSON for each seed,
and a summary: the true precision at the thresholds, of all models together, of their mean in place of the median over folds, and of
each fold's alone, with which the thresholds were chosen; F1 of events; false alarms on background.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

import numpy as np
import soundfile
import soxr
import yaml
from scipy.stats import binom
from snakemake.utils import update_config

from understory.data import calibration
from understory.data.task import Task
from understory.evaluation import intervals
from understory.evaluation.detections import event_metrics, held_out
from understory.inference import events, held_out_folds, recording_scores, score
from understory.plan.config import complete
from understory.plan.job_settings import ModelJobs
from understory.synthetic import clip_songs, soundscapes
from understory.synthetic.clips import Clips
from understory.training import predict

ROOT = Path(__file__).resolve().parents[1]
BACKGROUND = ("rain", "sea_waves")
RATE, DURATION = 24_000, 30.0
# How rare a number of correct detections is that contradicts a stated interval.
RARE = 0.025
# Recordings with events for training and for testing, and without any.
TRAIN, TRAIN_QUIET, TEST, QUIET = 80, 20, 120, 108
CONFIG = {
    "name": "own",
    "own": {"exhaustive": True},
    "shards": {"train": 2, "test": 0},
    "crop": {"sample_rate": RATE, "window": 2, "hop": 1},
    "augment": {"copies": 0, "chain": []},
    "features": {"log_mel": {"n_fft": 1024, "hop": 384, "n_mels": 64, "fmin": 100, "fmax": 11000}},
    "models": {"sed_cnn": {"options": {"filters": [16, 32, 48], "dense": 64}, "epochs": 15}},
}


# The clips of all recordings, each read once.
clip_songs.song = cache(clip_songs.song.__wrapped__)


def planned(seed, singers):
    """The recordings of a seed: for training, for testing, and background for testing."""
    settings = soundscapes.Settings(TRAIN + TRAIN_QUIET, 0, TEST + QUIET, DURATION, DURATION, 3.0, 15.0)
    plans = [
        soundscapes.plan(number, singers=singers, settings=settings, seed=seed)
        for number in range(TRAIN + TRAIN_QUIET + TEST + QUIET)
    ]
    quiet = {*range(TRAIN, TRAIN + TRAIN_QUIET), *range(len(plans) - QUIET, len(plans))}
    plans = [plan._replace(events=()) if number in quiet else plan for number, plan in enumerate(plans)]
    train = TRAIN + TRAIN_QUIET
    return plans[:train], plans[train : train + TEST], plans[train + TEST :]


def written(plans, folder, singers, classes):
    """Write recordings, each with the label track of all that sounds in it; their annotated boxes by class."""
    folder.mkdir(parents=True)
    known = {}
    for plan in plans:
        name = plan.recording_id
        wave = soxr.resample(soundscapes.recording(plan, singers=singers), soundscapes.SAMPLE_RATE, RATE)
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="PCM_16")
        boxes = sorted(
            (event.box.t_min, event.box.t_max, classes[event.box.species]) for event in plan.events
        )
        lines = "".join(f"{start:.3f}\t{stop:.3f}\t{label}\n" for start, stop, label in boxes)
        (folder / f"{name}.txt").write_text(lines)
        known[name] = {
            label: np.array([(start, stop) for start, stop, own in boxes if own == label]).reshape(-1, 2)
            for label in classes
        }
    return known


def trained(folder, data):
    """A run with the recipe for own recordings: the folder of its results."""
    (folder / "settings.yaml").write_text(yaml.safe_dump(CONFIG | {"data": str(data)}))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += [
        "calibrate_detections",
        "--profile",
        ROOT / "profiles/default",
        "--cores",
        "2",
        "--configfile",
        ROOT / "recipes/own.yaml",
    ]
    command = [*map(str, command), str(folder / "settings.yaml")]
    with open(folder / "run.log", "w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder)
    return folder / "results" / "own"


def settings_of(folder):
    """The settings of a job that scores recordings, and of one that finds events, as the rules make them."""
    config = {}
    for path in (ROOT / "config.yaml", ROOT / "recipes/own.yaml", folder / "settings.yaml"):
        update_config(config, yaml.safe_load(path.read_text()))
    jobs = ModelJobs(complete(config))
    return jobs.scoring(), jobs.detecting()


def scored(folder, names, models, settings):
    """By recording, the starts of its windows, their ends, and the scores of each fold's model."""
    found, (_, alone) = {}, held_out_folds.of_fold(settings, 0, len(models))
    for name in names:
        each = [recording_scores.score_recording(folder / f"{name}.wav", [model], alone) for model in models]
        starts = each[0][0]
        found[name] = (
            starts,
            np.minimum(starts + settings["window"], DURATION),
            [scores for _, scores in each],
        )
    return found


def detected(found, thresholds, settings, combine):
    """By recording, its events by class at thresholds, of scores that `combine` makes of those of each fold."""
    return {
        name: held_out.by_class(events.find(starts, stops, combine(scores), thresholds, settings))
        for name, (starts, stops, scores) in found.items()
    }


def precision_of(detected, truth, classes, window):
    """For each class, the correct and all detections: int (classes, 2). What is correct is what the workflow takes for it."""
    counts, empty = np.zeros((len(classes), 2), dtype=int), np.empty((0, 2))
    for name, by_class in detected.items():
        for column, (boxes, _) in by_class.items():
            known = held_out.Known(truth[name][classes[column]], empty, empty)
            right = held_out.verdicts(boxes, known, exhaustive=True, margin=window) == held_out.CORRECT
            counts[column] += right.sum(), len(right)
    return counts


def f1_of(detected, truth, classes, seed):
    """F1 of events at an intersection over union of 0.3, with its interval."""
    empty = np.empty((0, 2))
    counts = [
        np.sum(
            [
                event_metrics.event_counts(
                    detected[name].get(column, (empty,))[0], truth[name][label], least=0.3
                )
                for column, label in enumerate(classes)
            ],
            axis=0,
        )
        for name in detected
    ]
    low, high, *_ = event_metrics.f1_interval(np.array(counts), seed=seed, name="benchmark")
    return [*event_metrics.scores(counts), low, high]


def tried(seed, clips, folder):
    """What a seed gives."""
    catalogue, singers = Clips(str(clips), BACKGROUND).read(), Clips(str(clips), BACKGROUND).singers()
    train, test, quiet = planned(seed, singers)
    written(train, folder / "train", singers, catalogue.classes)
    truth = written(test, folder / "test", singers, catalogue.classes)
    result = trained(folder, folder / "train")
    silent = written(quiet, folder / "quiet", singers, catalogue.classes)
    scoring, finding = settings_of(folder)
    classes = Task.read(result / "labels.json").classes
    chosen = calibration.read(result / "calibration.json")
    models = [
        predict.load(path, "sed_cnn") for path in sorted(result.glob("models/sed_cnn/fold*/last.keras"))
    ]
    own = np.array([chosen[label].threshold is not None for label in classes])
    # Classes without a threshold of their own are not detected here: nothing is claimed of them.
    limits = [chosen[label].threshold if has else np.inf for label, has in zip(classes, own, strict=True)]
    in_test, in_quiet = (
        scored(folder / place, names, models, scoring)
        for place, names in (("test", truth), ("quiet", silent))
    )
    combine, mean = (
        partial(score.combined, method=scoring["combine"], folds=folds) for folds in (len(models), 1)
    )
    every = detected(in_test, limits, finding, combine)
    detections = {
        "ensemble": [every],
        "mean": [detected(in_test, limits, finding, mean)],
        "one fold": [
            detected(in_test, limits, finding, lambda scores, fold=fold: scores[fold])
            for fold in range(len(models))
        ],
    }
    counts = {
        kind: [precision_of(each, truth, classes, scoring["window"]) for each in found]
        for kind, found in detections.items()
    }
    alarms = sum(
        len(boxes)
        for by_class in detected(in_quiet, limits, finding, combine).values()
        for boxes, _ in by_class.values()
    )
    annotated = np.array([sum(len(boxes[label]) for boxes in truth.values()) for label in classes])

    def pooled(each):
        right, total = each[own].sum(axis=0)
        return [float(right / max(total, 1)), float(right / max(annotated[own].sum(), 1))]

    told = [
        {
            "class": label,
            "threshold": chosen[label].threshold,
            "stated": [chosen[label].precision, *(chosen[label].interval or ())],
            "reason": chosen[label].reason,
            **{kind: np.sum(each, axis=0)[column].tolist() for kind, each in counts.items()},
        }
        for column, label in enumerate(classes)
    ]
    return {
        "seed": seed,
        "f1": f1_of(every, truth, classes, seed),
        "alarms": alarms,
        "hours": len(quiet) * DURATION / 3600,
        # Precision, and correct detections for each annotated event.
        **{
            kind: np.mean([pooled(each) for each in found], axis=0).tolist() for kind, found in counts.items()
        },
        "classes": told,
    }


def contradicted(right, total, low, high):
    """Whether so many correct detections of all would be rare, for a precision at the nearer end of an interval."""
    return binom.cdf(right, total, low) < RARE or binom.sf(right - 1, total, high) < RARE


def summary(results):
    """Lines about all seeds."""
    for kind in ("ensemble", "mean", "one fold"):
        within, below, against, silent = 0, 0, 0, 0
        claims = [each for result in results for each in result["classes"] if each["threshold"] is not None]
        for told in claims:
            (right, total), (_, low, high) = told[kind], told["stated"]
            if not total:
                silent += 1
                continue
            within += low <= right / total <= high
            below += right / total < low
            against += contradicted(right, total, low, high)
        yield (
            f"{kind}: precision {np.mean([result[kind][0] for result in results]):.3f}, correct detections for each annotated event "
            f"{np.mean([result[kind][1] for result in results]):.3f}; of {len(claims) - silent} stated intervals {within} hold the share "
            f"of correct test detections, {below} lie above it, and {against} are contradicted by it (binomial test, {RARE} on "
            f"either side); {silent} more have no test detection"
        )
    alarms, hours = (sum(result[key] for result in results) for key in ("alarms", "hours"))
    low, high = (bound / hours for bound in intervals.poisson_interval(alarms))
    yield f"false alarms: {alarms} in {hours:.2f} h, {alarms / hours:.2f} an hour (95 % {low:.2f}-{high:.2f})"
    for result in results:
        yield "seed {}: F1 {:.3f} (95 % {:.3f}-{:.3f})".format(result["seed"], *result["f1"][2:])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--out", type=Path, help="file that lines of JSON are added to")
    options, results = parser.parse_args(), []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            results.append(tried(seed, options.clips.absolute(), Path(folder)))
        line = json.dumps(results[-1])
        print(line, flush=True)
        if options.out:
            with options.out.open("a") as file:
                file.write(line + "\n")
    print(*summary(results), sep="\n")


if __name__ == "__main__":
    main()
