"""Changes to a finished run, and exactly the jobs that follow from each: the table of the README."""

import csv
import os
import shutil
from typing import NamedTuple

import numpy as np
import soundfile
from workflow import planned

from understory.data.dataset import shard_of

COUNTS = {"train": 2, "test": 1}
SHARDS = ("train-0", "train-1")
MODELS = ("other", "sed_cnn")


def inspection(shard):
    """What follows from what a shard holds before any signal is read."""
    return {("inspect_recordings", f"shard={shard}"), ("list_quarantined", "")}


def windows(*shards):
    return {("crop_windows", f"shard={shard}") for shard in shards}


def copies(*shards, variants=(1,)):
    return {("augment_windows", f"variant={v}, shard={shard}") for v in variants for shard in shards}


def spectrograms(*shards, variants=(0, 1)):
    return {
        ("compute_spectrograms", f"features=log_mel, variant={v}, shard={shard}")
        for v in variants
        for shard in shards
    }


def training(*models, folds=(0, 1)):
    return {("train_fold", f"model={model}, fold={fold}") for model in models for fold in folds}


def prediction(*models, folds=(0, 1)):
    return {("predict_fold", f"model={model}, fold={fold}") for model in models for fold in folds}


TEST = spectrograms("test-0", variants=(0,))
SPLIT = {("split_folds", "")}
REPORT = {("build_report", "")}
SUBMISSION = {("write_submission", "")}
ENSEMBLE = {("ensemble_folds", "")} | SUBMISSION | REPORT
PREDICTION = prediction(*MODELS) | ENSEMBLE
TRAINING = training(*MODELS) | PREDICTION
SIGNAL = windows(*SHARDS) | copies(*SHARDS) | spectrograms(*SHARDS)
EVERYTHING = (
    inspection("test-0") | inspection(SHARDS[0]) | inspection(SHARDS[1]) | SPLIT | SIGNAL | TEST | TRAINING
)


class Row(NamedTuple):
    """A change, and the jobs that follow: a set, or a function of what the change gives."""

    name: str
    change: object
    expected: object
    executed: bool = False


def nothing(world):
    pass


def touch(world):
    for place in (world.run / "results", world.run / ".snakemake", world.data):
        for path in place.rglob("*"):
            if path.is_file():
                os.utime(path)


def lose_records(world):
    shutil.rmtree(world.run / ".snakemake")


def reword(world):
    """Comments, docstrings and layout in every script and module."""
    world.copy_source()
    for path in (world.source / "scripts").rglob("*.py"):
        text = path.read_text()
        if text.startswith('"""'):
            text = text.replace('"""', '"""Reworded. ', 1)
        path.write_text(
            "# A comment.\n\n\n" + text.replace("\n\n\n", "\n\n\n\n# Another.\n") + "\n# The last.\n"
        )


def augmentation_code(world):
    world.copy_source()
    world.edit(
        "scripts/understory/audio/transforms.py",
        "class VolumeControl",
        "CHANGED = True\n\n\nclass VolumeControl",
    )


def ensemble_code(world):
    world.copy_source()
    world.edit("scripts/understory/evaluation/ensemble.py", "FLOOR = 1e-7", "FLOOR = 1e-8")


def to(key, value):
    def change(world):
        world.set(key, value)

    return change


def augmentation(world):
    world.set("augment.chain", [{"PitchShift": {"max_steps": 4}}])


def swapped(world):
    """Two numbers of one block change places: a set of values would not tell."""
    world.set("features.log_mel", {"fmin": 84, "n_fft": 512, "hop": 128, "n_mels": 128})
    world.snakemake("--touch")
    assert planned(world.snakemake("--dry-run").stdout) == set()
    world.set("features.log_mel", {"fmin": 128, "n_fft": 512, "hop": 128, "n_mels": 84})


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def add_recording(subset, table):
    def change(world):
        rows = rows_of(world.data / table)
        wave = 0.1 * np.random.default_rng(0).normal(size=288_000)
        soundfile.write(world.data / subset / "added.flac", wave, 48_000)
        write_rows(world.data / table, [*rows, ["added", *rows[1][1:]]])
        return shard_of("added", subset, COUNTS[subset])

    return change


def correct_annotation(world):
    table = world.data / "train_tp.csv"
    rows = rows_of(table)
    rows[1][3] = str(float(rows[1][3]) - 0.01)
    write_rows(table, rows)
    return shard_of(rows[1][0], "train", COUNTS["train"])


def replace_file(subset):
    def change(world):
        path = sorted((world.data / subset).iterdir())[0]
        wave, rate = soundfile.read(path)
        soundfile.write(world.data / "new.flac", wave * 0.9, rate)
        os.utime(world.data / "new.flac", (1, 1))
        os.replace(world.data / "new.flac", path)
        return shard_of(path.stem, subset, COUNTS[subset])

    return change


def turn_rows(world):
    for name in ("train_tp.csv", "train_fp.csv"):
        rows = rows_of(world.data / name)
        write_rows(world.data / name, [rows[0], *rows[:0:-1]])


def turn_sample(world):
    rows = rows_of(world.data / "sample_submission.csv")
    write_rows(world.data / "sample_submission.csv", [rows[0], *rows[:0:-1]])


def other_version(package):
    def change(world):
        place = world.run / "packages" / f"{package}-99.0.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.0\n")
        world.env["PYTHONPATH"] = str(place.parent)

    return change


def other_machine(world):
    world.options = [
        "--set-threads",
        "train_fold=2",
        "--set-resources",
        "train_fold:mem_mb=5000",
        "--verbose",
    ]


def shard_and_after(shard):
    return inspection(shard) | windows(shard) | copies(shard) | spectrograms(shard) | SPLIT | TRAINING


def prediction_and_after(shard):
    return inspection(shard) | TEST | PREDICTION


ROWS = [
    Row("nothing, in a copy elsewhere", nothing, set(), True),
    Row("every file touched", touch, set()),
    Row("rows of tables in another order", turn_rows, set()),
    Row("records lost", lose_records, EVERYTHING),
    Row("a comment, docstring or layout in any module", reword, set(), True),
    Row(
        "code of augmentation",
        augmentation_code,
        copies(*SHARDS) | spectrograms(*SHARDS, variants=(1,)) | TRAINING,
    ),
    Row("code of the ensemble", ensemble_code, ENSEMBLE, True),
    Row(
        "one more copy",
        to("augment.copies", 2),
        copies(*SHARDS, variants=(2,)) | spectrograms(*SHARDS, variants=(2,)) | TRAINING,
    ),
    Row(
        "an augmentation parameter",
        augmentation,
        copies(*SHARDS) | spectrograms(*SHARDS, variants=(1,)) | TRAINING,
    ),
    Row("a mel parameter", to("features.log_mel.n_mels", 64), spectrograms(*SHARDS) | TEST | TRAINING),
    Row("two numbers swapped", swapped, spectrograms(*SHARDS) | TEST | TRAINING),
    Row("window length", to("crop.window", 3), SIGNAL | TEST | TRAINING),
    Row("hop of the test windows", to("crop.hop", 1), TEST | PREDICTION),
    Row(
        "number of folds",
        to("split.n_splits", 3),
        SPLIT | training(*MODELS, folds=range(3)) | prediction(*MODELS, folds=range(3)) | ENSEMBLE,
    ),
    Row("split seed", to("split.seed", 1), SPLIT | TRAINING),
    Row(
        "learning rate of one of two models",
        to("models.other.optimiser.learning_rate", 0.02),
        training("other") | prediction("other") | ENSEMBLE,
        True,
    ),
    Row("select of one model", to("models.other.select", "best"), prediction("other") | ENSEMBLE),
    Row("a model removed", to("train", ["sed_cnn"]), ENSEMBLE, True),
    Row("a model that is not trained", to("models.idle.epochs", 3), set()),
    Row("ensemble method", to("ensemble.folds", "rank"), ENSEMBLE, True),
    Row("order of the sample submission", turn_sample, SUBMISSION),
    Row("report title", to("report.title", "Other"), REPORT, True),
    Row("how much may be set aside", to("max_quarantined", 0.5), {("list_quarantined", "")} | ENSEMBLE),
    Row("a recording added with its annotation", add_recording("train", "train_tp.csv"), shard_and_after),
    Row("an annotation's time corrected", correct_annotation, shard_and_after),
    Row("a test recording added", add_recording("test", "sample_submission.csv"), prediction_and_after, True),
    Row("a file replaced under an older date", replace_file("train"), shard_and_after),
    Row("a test file replaced under an older date", replace_file("test"), prediction_and_after),
    Row(
        "librosa's version",
        other_version("librosa"),
        copies(*SHARDS) | spectrograms(*SHARDS) | TEST | TRAINING,
    ),
    Row("tensorflow's version", other_version("tensorflow"), TRAINING),
    Row("threads, memory, log level", other_machine, set()),
]


def apply(row, world):
    given = row.change(world)
    return row.expected(given) if callable(row.expected) else row.expected
