"""Few labels: heads on a network that was trained on other classes, its weights as a start, and training from scratch.

    PYTHONPATH=scripts nice python benchmarks/few_labels.py CLIPS FOLDER [--draws 10] [--first 0] [--clips 1 3 5 10] [--report]

CLIPS is ESC-10, laid out as ESC-50. A run of the workflow trains sed_cnn on the five classes that come first in the alphabet, on the
official folds. Another run computes what models are fed of the clips of the other five: spectrograms, and vectors of the first run
(kind embedding). Then, with the workflow's own training, for each number of clips a class and each draw: the clips are drawn from
four official folds, the same for every way, and the 40 of the fifth are classified. Draws take the folds in turns. The ways:

- linear, prototypes: heads on the vectors;
- scratch: sed_cnn on the spectrograms;
- init_from: the same network with the same settings, started from the weights of the first run (frozen: 0);
- init_from, frozen: the same, with the layers that were taken frozen in the first half of the epochs.

Each training has 6 epochs; an epoch takes the drawn clips so often that it has 240 to 300 of them, without augmented copies, in
batches of 16. FOLDER keeps both runs and a line of JSON for each training in few_labels.jsonl: what is there is not done again.
`--report` only prints the table of what is there: the mean accuracy over the draws with its 95 % bootstrap interval, and the
difference to scratch, paired by draw.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
SEED, EPOCHS, BATCH = 27, 6, 16
# Examples of an epoch, at least.
EXAMPLES = 240
WAYS = ("linear", "prototypes", "scratch", "init_from", "init_from, frozen")
LOSS = {"name": "binary_crossentropy", "unknown_weight": 0.3}
COMMON = {"loss": LOSS, "batch_size": BATCH, "select": "last", "threads": 1}
NETWORK = {"options": {"filters": [16, 32, 64, 96], "dense": 128, "average_frames": 2}, "epochs": 20}
HEAD = {
    **COMMON,
    "architecture": "linear",
    "features": "vectors",
    "options": {},
    "optimiser": {"name": "adam", "learning_rate": 0.01},
    "schedule": {"name": "cosine"},
    "epochs": EPOCHS,
}
CONFIG = {
    "dataset": "esc50",
    "shards": {"train": 1},
    "split": {"n_splits": 5},
    "crop": {"window": 5, "sample_rate": 22_050},
    "augment": {"copies": 0},
    "features": {"log_mel": {"n_fft": 1024, "hop": 512, "n_mels": 64, "fmin": 50, "fmax": 11_000}},
    "models": {"sed_cnn": NETWORK},
    "report": {"examples": 0},
}


def halves(clips: Path, folder: Path):
    """Two data sets of five classes each, laid out as ESC-50."""
    with open(clips / "meta/esc50.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = sorted({row["category"] for row in rows})
    for name, own in (("first", classes[:5]), ("others", classes[5:])):
        place = folder / name
        (place / "meta").mkdir(parents=True, exist_ok=True)
        if not (place / "audio").exists():
            os.symlink((clips / "audio").resolve(), place / "audio")
        with open(place / "meta/esc50.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for row in rows if row["category"] in own)


def snakemake(folder, config, *targets):
    """Run the workflow in a folder, as far as it has not run."""
    (folder / f"{config['name']}.yaml").write_text(yaml.safe_dump(config))
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
    ]
    command += ["--profile", str(ROOT / "profiles/default"), "--cores", "1"]
    command += ["--configfile", f"{config['name']}.yaml", "--", *targets]
    subprocess.run(command, check=True, cwd=folder)


def prepared(clips, folder):
    """Both runs; the folder of the first, and that of the second's examples."""
    halves(clips, folder)
    snakemake(folder, {**CONFIG, "name": "first", "data": "first"}, "all")
    features = {**CONFIG["features"], "vectors": {"kind": "embedding", "model": "results/first"}}
    models = {**CONFIG["models"], "linear": HEAD}
    others = {**CONFIG, "name": "others", "data": "others", "features": features, "models": models}
    targets = [
        "folds.csv",
        "contents.csv",
        *(f"examples/{name}/0/train-0.npy" for name in ("log_mel", "vectors")),
    ]
    snakemake(
        folder, {**others, "train": ["linear", "sed_cnn"]}, *(f"results/others/{each}" for each in targets)
    )
    return folder / "results/first", folder / "results/others"


class Ways:
    """What each way is trained with.

    Parameters
    ----------
    folder : Path
        That of both runs.
    first, others : Path
        Theirs.
    """

    def __init__(self, folder, first, others):
        from understory.core.file_digests import FileDigests
        from understory.data import store
        from understory.inference.finished_runs import origins, provenance

        self.folds = store.read_table(others / "folds.csv")
        self.classes = sorted(set(self.folds.label))
        self.data = {
            name: store.read(
                others / f"examples/{name}/0/train-0.npy", others / f"examples/{name}/0/train-0.csv"
            )
            for name in ("log_mel", "vectors")
        }
        index = folder / "contents.jsonl"
        found = origins.finished(first, None, "init_from", FileDigests(index))
        self.origin = origins.Origin(found, None, None, str(index))
        contents = store.read_table(others / "contents.csv")
        self.validated, _ = provenance.by_fold(contents, self.folds, exhaustive=True)
        self.init = {"architecture": "sed_cnn", "classes": "", "model": found.name, "sha256": found.sha256}

    def drawn(self, clips, draw):
        """The held-out fold of a draw, and the examples of some clips of each class from the other folds."""
        fold = draw % 5
        generator = np.random.default_rng([SEED, clips, draw])
        there = self.folds[self.folds.fold != fold].sort_values("example_id")
        names = [generator.choice(own.example_id, clips, replace=False) for _, own in there.groupby("label")]
        return fold, {*np.concatenate(names), *self.folds.example_id[self.folds.fold == fold]}

    def accuracy(self, way, clips, draw):
        """The share of the clips of the held-out fold whose class is right."""
        from understory.evaluation.metrics import accuracy
        from understory.inference.finished_runs.start import Start
        from understory.training import fit, metrics
        from understory.training.inputs import examples

        fold, names = self.drawn(clips, draw)
        network = way not in ("linear", "prototypes")
        array, index = self.data["log_mel" if network else "vectors"]
        kept = index.example_id.isin(names).to_numpy()
        part, table = np.asarray(array[kept]), index[kept].reset_index(drop=True)
        passes = -(-EXAMPLES // (5 * clips))
        own = self.folds[self.folds.example_id.isin(names)]
        shards = [(number, part, table) for number in range(passes)]
        data = examples.Examples(shards, own, self.classes, exhaustive=True)
        rate = {
            "optimiser": {"name": "adam", "learning_rate": 0.003},
            "schedule": {"name": "cosine", "warmup": 0.1},
        }
        block = (
            {**COMMON, **rate, **NETWORK, "architecture": "sed_cnn"}
            if network
            else {**HEAD, "architecture": way}
        )
        block |= {
            "epochs": EPOCHS,
            "balance": 0,
            "mixup": 0,
            "augment": [],
            "average_weights": None,
            "patience": None,
            "precision": "float32",
        }
        start = None
        if way.startswith("init_from"):
            block["init_from"] = {**self.init, "frozen": EPOCHS // 2 if "frozen" in way else 0}
            start = Start(self.origin, "few", block, fold, self.validated, self.classes, "none").take
        state = Path(tempfile.mkdtemp(prefix="few_labels-"))
        given = {"fold": fold, "name": "few", "settings": block, "seed": SEED, "control": "none"}
        _, _, history = fit.train(data, metric=metrics.metric(accuracy), state=state, start=start, **given)
        shutil.rmtree(state)
        return history[-1]["val_accuracy"]


def measure(folder, first, others, clips, draws, out):
    """Train what is not in `out` yet, a draw of all ways at a time."""
    from understory.training import imports, runtime

    imports.import_keras()
    runtime.configure(threads=1, seed=SEED)
    ways = Ways(folder, first, others)
    done = {(row["way"], row["clips"], row["draw"]) for row in read(out)}
    for draw in draws:
        for count in clips:
            for way in WAYS:
                if (way, count, draw) in done:
                    continue
                begun = time.monotonic()
                found = {
                    "way": way,
                    "clips": count,
                    "draw": draw,
                    "accuracy": ways.accuracy(way, count, draw),
                }
                found["seconds"] = round(time.monotonic() - begun, 1)
                with open(out, "a") as file:
                    file.write(json.dumps(found) + "\n")


def read(out):
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def interval(values):
    """The mean, and its 95 % interval by a bootstrap over draws."""
    values = np.asarray(values)
    generator = np.random.default_rng(SEED)
    means = values[generator.integers(len(values), size=(10_000, len(values)))].mean(axis=1)
    return values.mean(), *np.quantile(means, [0.025, 0.975])


def report(rows):
    """Print the table, and a line of JSON for each cell."""
    table = pd.DataFrame(rows).pivot(index=["clips", "draw"], columns="way", values="accuracy")
    seconds = pd.DataFrame(rows).groupby("way").seconds.median()
    print("| clips a class | draws |", *(f"{way} |" for way in WAYS))
    print("| --- " * (2 + len(WAYS)) + "|")
    for clips, own in table.groupby("clips"):
        own = own.dropna()
        cells = ["{:.2f} ({:.2f}–{:.2f})".format(*interval(own[way])) for way in WAYS]
        print(f"| {clips} | {len(own)} |", *(f"{cell} |" for cell in cells))
        for way in WAYS:
            mean, low, high = interval(own[way])
            gain = interval(own[way] - own["scratch"])
            found = {"clips": clips, "draws": len(own), "way": way, "accuracy": mean, "interval": [low, high]}
            print(json.dumps({**found, "more than scratch": gain, "seconds": seconds[way]}), file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", type=Path, metavar="CLIPS")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument(
        "--first", type=int, default=0, help="first draw, where another process does those before it"
    )
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 3, 5, 10])
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    out = given.folder / "few_labels.jsonl"
    if not given.report:
        given.folder.mkdir(parents=True, exist_ok=True)
        folders = prepared(given.recordings, given.folder.resolve())
        measure(given.folder.resolve(), *folders, given.clips, range(given.first, given.draws), out)
    report(read(out))


if __name__ == "__main__":
    main()
