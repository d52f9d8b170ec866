"""The audio and its label stay together, from the file to the training batch."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from understory.data import store
from understory.datasets.rfcx import COLUMNS
from understory.training.inputs import batches, examples
from understory.training.inputs.targets import training_targets

pytestmark = pytest.mark.slow

RATE = 48_000
# A tone a label, each in a mel band of its own: every fourth band of 128 from 84 to 15,056 Hz.
BANDS = 4 * np.arange(24) + 10
CLASSES = [f"s{species}" for species in range(24)]


def tone_of(label):
    import librosa

    frequencies = librosa.mel_frequencies(n_mels=130, fmin=84, fmax=15_056)[1:-1]
    return frequencies[BANDS[CLASSES.index(label)]]


@pytest.fixture(scope="module")
def tones(tmp_path_factory, run_snakemake):
    """Recordings of two tones each, far apart in time, taken through the Snakefile up to their spectrograms."""
    place = tmp_path_factory.mktemp("tones")
    data = place / "data"
    (data / "train").mkdir(parents=True)
    (data / "test").mkdir()
    rng, rows = np.random.default_rng(0), []
    for number in range(48):
        name, t = f"{rng.integers(16**9):09x}", np.arange(12 * RATE) / RATE
        wave = 0.001 * rng.normal(size=len(t))
        for species, start in ((number % 24, 2.0), ((number * 7 + 5) % 24, 8.0)):
            inside = (t >= start) & (t < start + 2)
            wave[inside] += 0.3 * np.sin(2 * np.pi * tone_of(f"s{species}") * t[inside])
            rows.append([name, species, 1, start, 50.0, start + 2, 15_000.0])
        soundfile.write(data / "train" / f"{name}.flac", wave, RATE)
    rng.shuffle(rows)
    pd.DataFrame(rows[:-6], columns=COLUMNS).to_csv(data / "train_tp.csv", index=False)
    pd.DataFrame(rows[-6:], columns=COLUMNS).to_csv(data / "train_fp.csv", index=False)
    soundfile.write(data / "test" / "t.flac", 0.001 * rng.normal(size=RATE * 4), RATE)
    pd.DataFrame([["t", *[0.5] * 24]], columns=["recording_id", *CLASSES]).to_csv(
        data / "sample_submission.csv", index=False
    )
    config = {
        "name": "tones",
        "data": str(data),
        "shards": {"train": 3, "test": 1},
        "split": {"n_splits": 3, "rare_classes": "allow"},
        "crop": {"window": 2.5, "hop": 2.5},
        "augment": {
            "copies": 2,
            "chain": [
                {"PinkNoiseSNR": {"min_snr": 20, "max_snr": 30}},
                {"TimeShift": {"max_shift": 1}},
                {"VolumeControl": {"db_limit": 10, "mode": "sine"}},
            ],
        },
    }
    targets = [
        f"results/tones/examples/log_mel/{variant}/train-{shard}.npy"
        for variant in range(3)
        for shard in range(3)
    ]
    run_snakemake(place, *targets, "results/tones/folds.csv", config=config)
    return place / "results" / "tones"


def read(out):
    shards = [
        (v, *store.read(*(out / f"examples/log_mel/{v}/train-{s}.{suffix}" for suffix in ("npy", "csv"))))
        for v in range(3)
        for s in range(3)
    ]
    return examples.Examples(shards, store.read_table(out / "folds.csv"), CLASSES, exhaustive=False)


def check(data):
    """Follow every example of every fold's batches; returns how many were followed."""
    followed = 0
    targets = training_targets(data, "labels", control="none", rows=np.arange(0), seed=0)
    for fold in range(3):
        for rows in (data.training_rows(fold, centred=False), data.validation_rows(fold)):
            fed = batches.Batches(data, rows, 7, targets)
            for number in range(len(fed)):
                inputs, labels = fed[number]
                heard = inputs[..., 0].mean(axis=2).argmax(axis=1)
                for band, label in zip(heard, labels, strict=True):
                    assert band == BANDS[label.argmax()] or label.max() < 1
                    # A rejected event's tone is there all the same: its label is the one known to be absent.
                    assert band in BANDS[label >= 0]
                    followed += 1
    return followed


def test_every_tone_is_heard_under_its_own_label(tones):
    data = read(tones)
    assert len(data.index) == 96 * 3
    # All variants of the 96 examples in the two folds that train on them; the 90 present ones where they validate.
    assert check(data) == 96 * 3 * 2 + 90


@pytest.mark.parametrize("slip", ["rows", "labels", "fold-local", "shard", "index"])
def test_an_off_by_one_is_caught(tones, tmp_path, slip):
    import shutil

    copy = tmp_path / "tones"
    shutil.copytree(tones, copy)
    if slip == "shard":
        path = copy / "examples/log_mel/1/train-1.npy"
        np.save(path, np.roll(np.load(path), 1, axis=0))
    if slip == "index":
        path = copy / "examples/log_mel/0/train-2.csv"
        table = store.read_table(path)
        table[["label", "present", "absent"]] = np.roll(
            table[["label", "present", "absent"]].to_numpy(), 1, axis=0
        )
        store.write_table(path, table)
    data = read(copy)
    if slip == "rows":
        data._places = np.roll(data._places, 1, axis=0)
    if slip == "labels":
        rows = np.arange(len(data.labels))
        data.labels = data.labels.permuted(rows, np.roll(rows, 1))
    if slip == "fold-local":
        # The public notebook's slip: positions within the fold, taken for positions in the whole list.
        rows = data.rows
        order = data.training_rows(0, centred=False)
        local = {row: place for place, row in enumerate(order)}
        data.rows = lambda numbers: rows([local.get(number, number) for number in numbers])
    with pytest.raises(AssertionError):
        check(data)
