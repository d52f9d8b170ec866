"""Measure the costs of an item of each rule in a finished run, and extrapolate them to a larger data set.

python benchmarks/unit_costs.py results/NAME [--recordings N] [--examples N] [--tests N] [--windows N] [--shards N]
    [--test-shards N] [--copies N] [--folds N] [--epochs N]

Prints for each rule the processor time of an item (from `logs/usage`; it includes no waiting, so that other programs on
the machine matter little), the bytes that an item leaves on the disk, and the peak memory of a job; then the jobs, core hours
and GB of a run of the requested size. Options that are not given have the values of the run. The start of a job is part of
its time, so that a small run overestimates the costs.
"""

import argparse
import csv
import json
from pathlib import Path

RULES = {
    "inspect_recordings": "inspect",
    "crop_windows": "crop",
    "augment_windows": "augment",
    "compute_features": "features",
    "train_fold": "train",
    "validate_fold": "validate",
    "predict_fold": "predict",
}
FOLDERS = {"crop": "windows", "augment": "augmented", "features": "examples"}


def rows(paths) -> int:
    """The number of rows of some tables."""
    total = 0
    for path in paths:
        with open(path, newline="", encoding="utf-8") as file:
            total += sum(1 for _ in csv.reader(file)) - 1
    return total


def measured(run: Path) -> dict[str, dict]:
    """For each step: jobs, items, processor time (s), peak memory of a job (MB) and bytes on the disk."""
    found = {}
    for rule, step in RULES.items():
        jobs = [json.loads(path.read_text()) for path in (run / "logs/usage" / rule).glob("*.json")]
        if not jobs:
            continue
        files = list((run / FOLDERS[step]).rglob("*.npy")) if step in FOLDERS else []
        found[step] = {
            "rule": rule,
            "jobs": len(jobs),
            "items": items(run, step),
            "seconds": sum(job["processor_seconds"] for job in jobs),
            "memory": max(job["peak_mb"] for job in jobs),
            "bytes": sum(path.stat().st_size for path in files),
        }
    return found


def items(run: Path, step: str) -> int:
    """The items of a step: recordings, examples, or examples times epochs."""
    if step == "inspect":
        return rows((run / "recordings").glob("*.csv"))
    if step in FOLDERS:
        return rows((run / FOLDERS[step]).rglob("*.csv"))
    if step == "validate":
        return rows((run / "models").rglob("oof.csv"))
    if step == "predict":
        return rows((run / "predictions").rglob("fold*.csv"))
    folds = sorted((run / "models").rglob("history.csv"))
    examples = rows((run / "examples").glob("*/*/train-*.csv"))
    passes = rows(folds)
    # Of each pass, all folds but one.
    return round(examples * passes * (1 - 1 / len(folds))) if len(folds) > 1 else examples * passes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    for name in [
        "recordings",
        "examples",
        "tests",
        "windows",
        "shards",
        "test-shards",
        "copies",
        "folds",
        "epochs",
    ]:
        parser.add_argument(f"--{name}", type=int)
    given = parser.parse_args()
    run = given.run
    found = measured(run)
    print(f"{'rule':22}{'jobs':>7}{'items':>10}{'ms an item':>12}{'bytes an item':>15}{'MB at most':>12}")
    for each in found.values():
        print(
            f"{each['rule']:22}{each['jobs']:7}{each['items']:10,}{1000 * each['seconds'] / each['items']:12.1f}"
            f"{each['bytes'] / each['items']:15,.0f}{each['memory']:12,.0f}"
        )
    folds = len(list((run / "models").rglob("history.csv")))
    here = {
        "recordings": rows((run / "recordings").glob("train-*.csv")),
        "examples": rows((run / "windows").glob("train-*.csv")),
        "tests": rows((run / "recordings").glob("test-*.csv")),
        "windows": rows((run / "examples").glob("*/0/test-*.csv")),
        "shards": len(list((run / "windows").glob("train-*.csv"))),
        "test_shards": len(list((run / "recordings").glob("test-*.csv"))),
        "copies": len(list((run / "augmented").glob("*"))),
        "folds": folds,
        "epochs": rows((run / "models").rglob("history.csv")) // max(folds, 1),
    }
    size = argparse.Namespace(
        **{
            name: value if getattr(given, name) is None else getattr(given, name)
            for name, value in here.items()
        }
    )
    wanted = {
        "inspect": (size.shards + size.test_shards, size.recordings + size.tests),
        "crop": (size.shards, size.examples),
        "augment": (size.shards * size.copies, size.examples * size.copies),
        "features": (
            size.shards * (1 + size.copies) + size.test_shards,
            size.examples * (1 + size.copies) + size.windows,
        ),
        "train": (
            size.folds,
            size.examples * (1 + size.copies) * size.epochs * (size.folds - 1),
        ),
        "validate": (size.folds, size.examples),
        "predict": (size.folds, size.windows * size.folds),
    }
    print(f"\n{', '.join(f'{value:,} {name}' for name, value in vars(size).items())}:")
    print(f"{'rule':22}{'jobs':>7}{'items':>14}{'hours':>10}{'minutes a job':>15}{'GB':>9}")
    jobs, hours, size_gb = 0, 0.0, 0.0
    for step, (count, number) in wanted.items():
        if step not in found or not count:
            continue
        each = found[step]
        time, gb = (
            each["seconds"] / each["items"] * number / 3600,
            each["bytes"] / each["items"] * number / 1e9,
        )
        jobs, hours, size_gb = jobs + count, hours + time, size_gb + gb
        print(f"{each['rule']:22}{count:7}{number:14,}{time:10.1f}{60 * time / count:15.1f}{gb:9.1f}")
    print(f"{'together':22}{jobs:7}{'':14}{hours:10.1f}{'':15}{size_gb:9.1f}")


if __name__ == "__main__":
    main()
