"""Changes to a finished run, and exactly the jobs that follow from each: the table in docs/what-reruns.md."""

import ast
import csv
import os
import shutil
from itertools import islice
from typing import NamedTuple

import numpy as np
import soundfile
import yaml
from workflow import planned

from understory.data.dataset import shard_of

COUNTS = {"train": 2, "test": 1}
SHARDS = ("train-0", "train-1")
# The first has seeds of its own.
OTHER = "other-seed3"
MODELS = (OTHER, "sed_cnn")


def inspection(shard):
    """What follows from what a shard holds before any signal is read."""
    return {("inspect_recordings", f"shard={shard}"), ("list_quarantined", "")}


def windows(*shards):
    return {("crop_windows", f"shard={shard}") for shard in shards}


def copies(*shards, variants=(1,)):
    return {("augment_windows", f"variant={v}, shard={shard}") for v in variants for shard in shards}


def crops(*shards, variants=(1,)):
    return {("crop_copies", f"variant={v}, shard={shard}") for v in variants for shard in shards}


def spectrograms(*shards, variants=(0, 1), features="log_mel"):
    return {
        ("compute_features", f"features={features}, variant={v}, shard={shard}")
        for v in variants
        for shard in shards
    }


def training(*models, folds=(0, 1)):
    return {("train_fold", f"model={model}, fold={fold}") for model in models for fold in folds}


def validation(*models, folds=(0, 1)):
    return {("validate_fold", f"model={model}, fold={fold}") for model in models for fold in folds}


def prediction(*models, folds=(0, 1)):
    return {("predict_fold", f"model={model}, fold={fold}") for model in models for fold in folds}


def of_models(*models, folds=(0, 1)):
    """All jobs of some models, and what follows from them."""
    every = (jobs(*models, folds=folds) for jobs in (training, validation, prediction))
    return set().union(*every, ENSEMBLE)


TEST = spectrograms("test-0", variants=(0,))
SPLIT = {("split_folds", "")}
REPORT = {("build_report", "")}
SUBMISSION = {("write_submission", "")}
ENSEMBLE = {("ensemble_folds", "")} | SUBMISSION | REPORT
PREDICTION = prediction(*MODELS) | ENSEMBLE
TRAINING = of_models(*MODELS)
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
        "scripts/understory/audio/transforms/volume_control.py",
        "class VolumeControl",
        "CHANGED = True\n\n\nclass VolumeControl",
    )


def unused_architecture(world):
    """One is added, and another one changed."""
    world.copy_source()
    folder = world.source / "scripts/understory/training/architectures"
    shutil.copy(folder / "cnn2d.py", folder / "added.py")
    world.edit("scripts/understory/training/architectures/resnet50.py", "1024", "512")


def architecture_code(world):
    world.copy_source()
    world.edit("scripts/understory/training/architectures/picture_cnn.py", "1 / 127.5", "1 / 128")


def transform_default(world):
    world.copy_source()
    world.edit("scripts/understory/audio/transforms/pitch_shift.py", "p: Share = 1.0", "p: Share = 0.5")


def unused_choices(world):
    """A transform and a kind of features added, for either medium, with a type of option of their own."""
    world.copy_source()
    world.edit(
        "scripts/understory/core/options.py", "Count = ", "Seconds = Annotated[float, Ge(0)]\nCount = "
    )
    for medium in ("audio", "images"):
        place = world.source / "scripts/understory" / medium
        (place / "transforms/echo.py").write_text("class Echo:\n    pass\n")
        (place / "features/envelope.py").write_text("import scipy.signal\n")


def second_features(world):
    world.set("features.frames", {"kind": "fft_frames", "frames": 100})
    own = {"architecture": "conv1d", "options": {}, "features": "frames", "seeds": None}
    model = {**world.config["models"]["other"], **own}
    world.set("models.third", model)
    world.set("train", ["other", "sed_cnn", "third"])


def ensemble_code(world):
    world.copy_source()
    world.edit("scripts/understory/evaluation/ensemble.py", "FLOOR = 1e-7", "FLOOR = 1e-8")


def other_metric_code(world):
    world.copy_source()
    world.edit("scripts/understory/evaluation/metrics/roc_auc.py", "CHANCE = 0.5", "CHANCE = 0.25")


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


def more_recordings(count, shard=None):
    """Several times as many training recordings; with `shard`, the new ones belong to that of as many as there were."""

    def change(world):
        rows = rows_of(world.data / "train_tp.csv")
        some = world.data / "train" / f"{rows[1][0]}.flac"
        names = (f"new{number}" for number in range(10**6))
        wanted = (name for name in names if shard in (None, shard_of(name, "train", COUNTS["train"])))
        for name in islice(wanted, count):
            shutil.copy(some, world.data / "train" / f"{name}.flac")
            rows.append([name, *rows[1][1:]])
        write_rows(world.data / "train_tp.csv", rows)

    return change


def correct_annotation(world):
    table = world.data / "train_tp.csv"
    rows = rows_of(table)
    rows[1][3] = str(float(rows[1][3]) - 0.01)
    write_rows(table, rows)
    return shard_of(rows[1][0], "train", COUNTS["train"])


def correct_song_type(world):
    """It is not read."""
    table = world.data / "train_tp.csv"
    rows = rows_of(table)
    rows[1][2] = "9"
    write_rows(table, rows)


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
        place = world.run / "packages" / f"{package.replace('-', '_')}-99.0.dist-info"
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


def shards_and_after(*shards):
    inspections = set().union(*map(inspection, shards))
    return inspections | windows(*shards) | copies(*shards) | spectrograms(*shards) | SPLIT | TRAINING


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
    Row(
        "the default of a transform's parameter",
        transform_default,
        copies(*SHARDS) | spectrograms(*SHARDS, variants=(1,)) | TRAINING,
    ),
    Row("a transform and features added that nothing uses", unused_choices, set()),
    Row(
        "a second kind of features, for a new model",
        second_features,
        spectrograms(*SHARDS, features="frames")
        | spectrograms("test-0", variants=(0,), features="frames")
        | of_models("third")
        | ENSEMBLE,
    ),
    Row("code of the ensemble", ensemble_code, ENSEMBLE, True),
    Row("code of a metric that the data set does not use", other_metric_code, set()),
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
    Row(
        "copies that are cut anew",
        to("augment.random_crop", True),
        crops(*SHARDS) | copies(*SHARDS) | spectrograms(*SHARDS, variants=(1,)) | TRAINING,
    ),
    Row(
        "copies that are no longer kept",
        to("augment.keep_copies", False),
        spectrograms(*SHARDS, variants=(1,)) | TRAINING,
    ),
    Row("a mel parameter", to("features.log_mel.n_mels", 64), spectrograms(*SHARDS) | TEST | TRAINING),
    Row("two numbers swapped", swapped, spectrograms(*SHARDS) | TEST | TRAINING),
    Row("window length", to("crop.window", 3), SIGNAL | TEST | TRAINING),
    Row("windows that cover long events", to("crop.long_events", "cover"), SPLIT | SIGNAL | TRAINING),
    Row("windows of background", to("crop.background", 2), SPLIT | SIGNAL | TRAINING),
    Row("hop of the test windows", to("crop.hop", 1), TEST | PREDICTION),
    Row(
        "number of folds",
        to("split.n_splits", 3),
        SPLIT | of_models(*MODELS, folds=range(3)),
    ),
    Row("split seed", to("split.seed", 1), SPLIT | TRAINING),
    Row(
        "learning rate of one of two models",
        to("models.other.optimiser.learning_rate", 0.02),
        of_models(OTHER),
        True,
    ),
    Row(
        "select of one model",
        to("models.other.select", "best"),
        validation(OTHER) | prediction(OTHER) | ENSEMBLE,
    ),
    Row("classes kept of a prediction", to("predictions.top_k", 3), validation(*MODELS) | PREDICTION),
    Row("an architecture that no model uses", unused_architecture, set()),
    Row("code of the architecture of one of two models", architecture_code, of_models(OTHER)),
    Row("a seed added to one of two models", to("models.other.seeds", [3, 4]), of_models("other-seed4")),
    Row("a model removed", to("train", ["sed_cnn"]), ENSEMBLE),
    Row("a model that is not trained", to("models.idle.epochs", 3), set()),
    Row("ensemble method", to("ensemble.folds", "rank"), ENSEMBLE),
    Row("weights of the models", to("ensemble.weights", "equal"), ENSEMBLE),
    Row("power of the shares of the classes", to("ensemble.prior_power", -0.5), ENSEMBLE),
    Row("order of the sample submission", turn_sample, SUBMISSION),
    Row("smoothing of detections, without new recordings", to("detect.smoothing", 3), set()),
    Row("the processor's instructions limited", to("instruction_set", "avx2"), EVERYTHING),
    Row("settings of pseudo-labels, without rounds of them", to("pseudo_labels.high", 0.5), set()),
    Row("song types told apart", to("labels.song_types", True), shards_and_after(*SHARDS)),
    Row("a song type corrected, where types are not told apart", correct_song_type, set()),
    Row("report title", to("report.title", "Other"), REPORT),
    Row("limit of the quarantine", to("max_quarantined", 0.5), {("list_quarantined", "")} | ENSEMBLE),
    Row("a recording added with its annotation", add_recording("train", "train_tp.csv"), shards_and_after),
    Row("an annotation's time corrected", correct_annotation, shards_and_after),
    Row(
        "twice as many recordings, all new ones in one shard",
        more_recordings(58, "train-1"),
        shards_and_after("train-1"),
    ),
    Row(
        "five times as many recordings, so that there are more shards",
        more_recordings(4 * 58),
        shards_and_after(*(f"train-{number}" for number in range(5))),
    ),
    Row("a test recording added", add_recording("test", "sample_submission.csv"), prediction_and_after, True),
    Row("a file replaced under an older date", replace_file("train"), shards_and_after),
    Row("a test file replaced under an older date", replace_file("test"), prediction_and_after),
    Row(
        "soxr's version",
        other_version("soxr"),
        SIGNAL | TEST | TRAINING,
    ),
    Row("opencv's version", other_version("opencv-python-headless"), REPORT),
    Row("tensorflow's version", other_version("tensorflow"), TRAINING),
    Row("threads, memory, log level", other_machine, set()),
]


def function_added(name):
    def change(world):
        world.copy_source()
        with open(world.source / name, "a") as file:
            file.write("\n\ndef added():\n    return 1\n")

    return change


def message_reworded(world):
    """The words of all errors of training."""
    world.copy_source()
    count = 0
    for path in (world.source / "scripts/understory/training").rglob("*.py"):
        lines = path.read_text().splitlines(keepends=True)
        raised = [node.exc for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.Raise)]
        texts = [call.args[0] for call in raised if isinstance(call, ast.Call) and call.args]
        for text in texts:
            line = lines[text.lineno - 1]
            quote = line.index('"', text.col_offset) + 1
            if line[text.col_offset : quote] in ('"', 'f"'):
                lines[text.lineno - 1] = f"{line[:quote]}Reworded: {line[quote:]}"
                count += 1
        path.write_text("".join(lines))
    assert count


def recipe_commented(world):
    """The settings are given as a recipe, which says the same in other lines."""
    world.copy_source()
    text = "# A comment.\n" + yaml.safe_dump(world.config, sort_keys=False).replace("\n", "  # another\n")
    (world.source / "recipes/commented.yaml").write_text(text)
    world.recipe, world.config = "commented", None


def model_deleted(world):
    world.targets = [f"results/small/models/{OTHER}/fold1/last.keras"]
    (world.run / world.targets[0]).unlink()


ROWS += [
    Row("code of images, in a run of sound", function_added("scripts/understory/images/codec.py"), set()),
    Row("code of the lock", function_added("scripts/understory/run/lock.py"), set()),
    Row("the words of an error of training", message_reworded, set()),
    Row("whether rare classes may stop the split", to("split.rare_classes", "fail"), set()),
    Row("a comment in a recipe", recipe_commented, set()),
    Row("a fold's model deleted and asked for by its path", model_deleted, training(OTHER, folds=(1,))),
]


def apply(row, world):
    given = row.change(world)
    return row.expected(given) if callable(row.expected) else row.expected
