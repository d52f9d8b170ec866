"""Measure the steps around training with 64,500 classes, 2.26 million training images and 243,020 test images.

PYTHONPATH=scripts python benchmarks/big_classes.py FOLDER [--images 2257759] [--tests 243020] [--categories 64500]
    [--shards 64] [--copies 3] [--step NAME]...

Makes synthetic metadata of that size in the layout of Herbarium 2021 under FOLDER, without images, as none is read (data
that `big_images.py` left under FOLDER/data is used as it is). Then runs each of these steps in a process of its own, with
the `main` of the workflow's scripts and the functions of the library:

- usable: the tables of recordings that `inspect_recordings` writes if all can be used;
- split: `split_folds`;
- pick: `predict_fold` of 10,000 test images, with a model that gives random scores, of which the ten highest are kept;
- predict: the ten highest of random scores of all test images, stored as `predict_fold` does, once for each fold;
- validate: the ten highest of random out-of-fold scores of all training images, stored as `validate_fold` does;
- ensemble: `ensemble_folds`, with the macro F1, its bootstrap interval, and the priors;
- submit: `write_submission`;
- stored: an example store of all training images and one augmented copy of each, each image being a single pixel;
- held: what `train_fold` holds in memory of such a store before it trains, with `--copies` copies of each image.

Prints the wall time, the processor time and the peak memory of each, and their sums and maximum.
"""

import argparse
import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from big_images import ROOT, make, measured
from scipy import sparse
from snakemake.utils import update_config

from understory.core import untracked
from understory.data import inspection, predictions, quarantine, store
from understory.data.dataset import shard_of
from understory.data.source import source
from understory.inference import saved_run
from understory.inference.embeddings import model_files
from understory.inference.finished_runs import provenance
from understory.plan import config

FOLDS = 5
KEPT = 10
PICKED = 10_000
# The parameters of the transforms of an augmented copy, as its table has them.
DRAW = '{"each": [{"box": [0.123456789, 0.123456789, 0.87654321, 0.87654321]}, {"flipped": true}, {"angle": 12.3456789}, {}]}'
STEPS = ("usable", "split", "pick", "predict", "validate", "ensemble", "submit", "stored", "held")


class Names(dict):
    """Values of a job by name, as attributes."""

    __getattr__ = dict.__getitem__


def run(script, **job):
    """Run a script's main as its rule would."""
    job = {key: Names(value) for key, value in job.items()}
    runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))["main"](Names(job))


class World:
    """The folders of a run, and its configuration."""

    def __init__(self, folder: Path, shards: int, copies: int):
        self.data, self.out, self.copies = folder / "data", folder / "classes", copies
        self.config = yaml.safe_load((ROOT / "config.yaml").read_text())
        update_config(self.config, yaml.safe_load((ROOT / "recipes" / "herbarium2021.yaml").read_text()))
        given = {
            "data": str(self.data),
            "shards": {"train": shards, "test": max(shards // 8, 1)},
            "split": {"n_splits": FOLDS},
            "predictions": {"top_k": KEPT},
        }
        update_config(self.config, given)
        self.config = config.complete(self.config)
        self.source = source(self.config, str(self.data))
        self.limit = quarantine.Limit("quarantine", 0.01)
        (self.model,) = self.config["train"]

    def shards(self, subset):
        return [f"{subset}-{number}" for number in range(self.config["shards"][subset])]

    def usable(self):
        from understory.images.inspect import COLUMNS

        tables = self.source.read()
        for subset in ("train", "test"):
            for shard in self.shards(subset):
                recordings, quarantined = inspection.inspect(
                    tables.shard(shard, self.config["shards"][subset]),
                    self.source.path,
                    lambda path: ((680, 1000, ""), ()),
                    columns=COLUMNS,
                )
                store.write_table(self.out / "recordings" / f"{shard}.csv", recordings)
                store.write_table(self.out / "quarantine" / f"{shard}.csv", inspection.table(quarantined))
        store.write_table(self.out / "quarantine.csv", inspection.table([]))

    def split(self):
        # There are no images: each is its own content.
        provenance.contents_of = lambda table, *_: table[["recording_id"]].assign(content=table.recording_id)
        shards, how = self.shards("train"), dict(self.config["split"])
        run(
            "split_folds",
            input={
                name: [self.out / name / f"{shard}.csv" for shard in shards]
                for name in ("recordings", "quarantine")
            },
            output={
                path.partition(".")[0]: self.out / path
                for path in ("contents.csv", "folds.csv", "labels.json")
            },
            params={
                "rare_classes": untracked.Text(how.pop("rare_classes")),
                "settings": {"crop": self.config["crop"], "split": how, "windows": None},
                "contents": untracked.Text(""),
                "source": self.source,
                "limit": self.limit,
            },
        )

    def pick(self):
        from understory.training import predict

        names = self.tested()[["recording_id"]].head(PICKED)
        array, index = (self.out / "examples" / f"test-0.{suffix}" for suffix in ("npy", "csv"))
        store.write(array, index, np.zeros((len(names), 1, 1, 1), dtype=np.float16), names)
        predict.load = lambda path, architecture: RandomModel(len(self.classes()))
        run(
            "predict_fold",
            input={"arrays": [array], "indexes": [index], "labels": self.out / "labels.json", "model": ""},
            output={"predictions": self.out / "picked.csv"},
            params={"settings": self.config, "store": "understory.data.store"},
            wildcards={"model": self.model},
        )

    def predict(self):
        names, classes = self.tested()[["recording_id"]], self.classes()
        for fold in range(FOLDS):
            rng = np.random.default_rng(fold)
            # Folds agree on the class.
            numbers = np.random.default_rng(FOLDS).integers(len(classes), size=len(names))
            found = predictions.Predictions(names, scores(rng, numbers, len(classes)), classes)
            predictions.write(self.predictions(fold), found)

    def validate(self):
        classes = self.classes()
        folds = store.read_table(self.out / "folds.csv")
        numbers = dict(zip(classes, range(len(classes)), strict=True))
        for fold in range(FOLDS):
            held = folds[folds.fold == fold].reset_index(drop=True)
            held.insert(3, "present", held.label)
            found = scores(np.random.default_rng(fold), held.label.map(numbers).to_numpy(), len(classes))
            found = predictions.Predictions(held.drop(columns="presence"), found, classes)
            predictions.write(self.validated(fold), found)

    def ensemble(self):
        run(
            "ensemble_folds",
            input={
                "contents": self.out / "contents.csv",
                "folds": self.out / "folds.csv",
                "labels": self.out / "labels.json",
                "oof": [self.validated(fold) for fold in range(FOLDS)],
                "predictions": [self.predictions(fold) for fold in range(FOLDS)],
                "quarantine": self.out / "quarantine.csv",
            },
            output={
                "members": self.out / saved_run.FILE,
                "oof": self.out / "ensemble" / "oof.csv",
                "predictions": self.out / "ensemble" / "predictions.csv",
                "scores": self.out / "scores.json",
            },
            params={
                "settings": {
                    **self.config,
                    "run": saved_run.described(config.effective(self.config)),
                    "select": {self.model: "last"},
                    "sources": "images",
                    "trained_on_test": False,
                },
                "models": model_files.Places({}, {}, ""),
                "members": [self.model] * FOLDS,
                "priors": True,
                "unit": "recording",
            },
        )
        print((self.out / "scores.json").read_text())

    def submit(self):
        run(
            "write_submission",
            input={
                "labels": self.out / "labels.json",
                "members": self.out / saved_run.FILE,
                "predictions": self.out / "ensemble" / "predictions.csv",
            },
            output={"submission": self.out / "submission.csv"},
            params={"source": self.source, "threshold": self.config["ensemble"]["threshold"]},
        )

    def stored(self):
        from understory.images import codec

        pixel = np.frombuffer(codec.encode(np.zeros((1, 1, 3), dtype=np.uint8), quality=95), dtype=np.uint8)
        folds = store.read_table(self.out / "folds.csv").drop(columns="fold")
        folds = folds.assign(present=folds.label, absent="", unknown="")
        count = self.config["shards"]["train"]
        for shard, index in folds.groupby([shard_of(name, "train", count) for name in folds.recording_id]):
            index = index.assign(end=len(pixel) * np.arange(1, len(index) + 1), channels=3)
            for variant, table in ((0, index), (1, index.assign(draw=DRAW))):
                array, path = self.examples(variant, shard)
                store.write_table(path, table)
                np.save(array, np.tile(pixel, len(index)))

    def held(self):
        from understory.images import store as image_store
        from understory.training.inputs import examples as training_examples

        shards = [
            (variant, *image_store.read(*self.examples(min(variant, 1), shard)))
            for variant in range(self.copies + 1)
            for shard in self.shards("train")
        ]
        folds = store.read_table(self.out / "folds.csv")
        data = training_examples.Examples(shards, folds, self.classes(), exhaustive=True)
        rows = data.training_rows(0, centred=True)
        print(len(data.index), len(rows), len(data.validation_rows(0)), data.rows(rows[:2]).shape)
        print(np.sum(data.centred.take(rows[:2])), np.sum(data.labels.take(rows[:2])))

    def examples(self, variant, shard):
        return tuple(self.out / "examples" / str(variant) / f"{shard}.{suffix}" for suffix in ("npy", "csv"))

    def tested(self):
        parts = [store.read_table(self.out / "recordings" / f"{name}.csv") for name in self.shards("test")]
        return pd.concat(parts).sort_values("recording_id", ignore_index=True)

    def classes(self):
        return json.loads((self.out / "labels.json").read_text())["classes"]

    def predictions(self, fold):
        return self.out / "predictions" / self.model / f"fold{fold}.csv"

    def validated(self, fold):
        return self.out / "models" / self.model / f"fold{fold}" / "oof.csv"


class RandomModel:
    """A model with random scores: low ones for all classes, high ones for a few."""

    def __init__(self, classes):
        self.output_shape = (None, classes)
        self.rng = np.random.default_rng(0)
        self.noise = self.rng.random(2 * classes, dtype=np.float32) / classes

    def predict(self, batches, verbose):
        rows, classes = sum(map(len, batches)), self.output_shape[-1]
        found = np.empty((rows, classes), dtype=np.float32)
        for row, start in zip(found, self.rng.integers(classes, size=rows), strict=True):
            row[:] = self.noise[start : start + classes]
        few = scores(self.rng, self.rng.integers(classes, size=rows), classes)
        found[np.repeat(np.arange(rows), KEPT), few.indices] = few.data
        return found


def scores(rng, numbers, classes):
    """The ten highest scores of each row as a sparse matrix; the class `numbers[row]` is among them, often as the highest."""
    shares = np.sort(rng.dirichlet(np.full(KEPT, 0.5), size=len(numbers)).astype(np.float32) * 0.9 + 1e-3)
    steps = rng.integers(1, classes // KEPT, size=shares.shape)
    steps[np.arange(len(shares)), np.minimum(rng.geometric(0.5, size=len(shares)), KEPT) - 1] = 0
    # The highest first, each of another class; where a step is 0, the row's own.
    places = np.where(steps == 0, 0, np.cumsum(steps, axis=1))
    columns = (numbers[:, None] + places) % classes
    indptr = np.arange(0, columns.size + 1, KEPT)
    return sparse.csr_array((shares[:, ::-1].ravel(), columns.ravel(), indptr), shape=(len(numbers), classes))


def main():
    """Print one line for each step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=2_257_759)
    parser.add_argument("--tests", type=int, default=243_020)
    parser.add_argument("--categories", type=int, default=64_500)
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--step", choices=STEPS, action="append")
    parser.add_argument("--within", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = given.folder.absolute()
    if given.within:
        getattr(World(folder, given.shards, given.copies), given.within)()
        return
    if not (folder / "data").exists():
        make(folder / "data", given.images, given.tests, given.categories, files=False)
    same = [str(folder), "--shards", str(given.shards), "--copies", str(given.copies)]
    used = [measured(name, [__file__, *same, "--within", name], folder) for name in given.step or STEPS]
    print(
        f"{'all':36} {sum(u[0] for u in used):7.1f} s  {sum(u[1] for u in used):7.1f} s of processor  {max(u[2] for u in used):5.2f} GB"
    )


if __name__ == "__main__":
    main()
