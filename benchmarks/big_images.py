"""Measure how long 2.26 million images take to be read and planned, and how much memory.

python benchmarks/big_images.py FOLDER [--images 2257759] [--tests 243020] [--categories 64500] [--shards 64] [--rounds 3]

Makes metadata of that size in the layout of Herbarium 2021 under FOLDER, with one empty file for each image (2.5 million
inodes). Prints the wall time, the processor time and the peak memory of reading the metadata; of a first plan, which hashes
every file; of later plans, which check every file; and of a plan after a file was replaced by one with an older date.
"""

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
READ = """
import sys
from pathlib import Path
from understory.datasets import herbarium2021
tables = herbarium2021.read(Path(sys.argv[1]))
print(len(tables.recordings), "images,", len(tables.annotations), "annotations")
"""


def make(folder: Path, images: int, tests: int, categories: int, *, files: bool = True):
    """Make metadata with at least three images of each category and, with `files`, an empty file for each image."""
    rng = random.Random(0)
    weights = [1 / (number + 8) for number in range(categories)]
    labels = [*range(categories)] * 3 + rng.choices(range(categories), weights, k=images - 3 * categories)
    rng.shuffle(labels)
    names = [f"images/{label // 100:03d}/{label % 100:02d}/{n}.jpg" for n, label in enumerate(labels)]
    _write(
        folder / "train",
        names,
        files=files,
        annotations=[
            {"category_id": label, "id": n, "image_id": n, "institution_id": n % 5}
            for n, label in enumerate(labels)
        ],
        categories=[
            {
                "family": "Orchidaceae",
                "order": "Asparagales",
                "name": f"Replica species{n} (Müll.) Sm.",
                "id": n,
            }
            for n in range(categories)
        ],
    )
    _write(folder / "test", [f"images/{n // 1000:03d}/{n}.jpg" for n in range(tests)], files=files)
    (folder / "sample_submission.csv").write_text(
        "Id,Predicted\n" + "".join(f"{number},0\n" for number in range(tests))
    )


def _write(folder, names, *, files, **others):
    folder.mkdir(parents=True, exist_ok=True)
    made = set()
    for name in names if files else ():
        path = folder / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.touch()
    images = [
        {"file_name": name, "height": 1000, "id": n, "license": n % 3, "width": 680}
        for n, name in enumerate(names)
    ]
    with open(folder / "metadata.json", "w", encoding="utf-8") as file:
        json.dump({**others, "images": images, "licenses": [], "institutions": [], "info": {}}, file)


def measured(name, command, folder: Path):
    """Run a command, and print its wall time (s), processor time (s) and peak memory (GB) on one line."""
    log = folder / "log"
    start = time.perf_counter()
    with open(log, "wb") as out:
        settings = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
        actions = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, out.fileno(), 2)]
        process = os.posix_spawn(sys.executable, [sys.executable, *command], settings, file_actions=actions)
        _, status, used = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(log.read_text())
    took = seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6
    print(f"{name:36} {took[0]:7.1f} s  {took[1]:7.1f} s of processor  {took[2]:5.2f} GB", flush=True)
    return took


def main():
    """Print one line for each step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=2_257_759)
    parser.add_argument("--tests", type=int, default=243_020)
    parser.add_argument("--categories", type=int, default=64_500)
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    folder = given.folder.absolute()
    data, place = folder / "data", folder / "run"
    if not data.exists():
        make(data, given.images, given.tests, given.categories)
    place.mkdir(exist_ok=True)
    settings = {"data": str(data), "shards": {"train": given.shards, "test": max(given.shards // 8, 1)}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    measured("reading the metadata", ["-c", READ, str(data)], folder)
    plan = ["-m", "snakemake", "-n", "--quiet", "rules", "--directory", str(place)]
    plan += ["--snakefile", str(ROOT / "Snakefile"), "--profile", str(ROOT / "profiles" / "default")]
    plan += ["--configfile", str(ROOT / "recipes" / "herbarium2021.yaml"), str(folder / "settings.yaml")]
    measured("a first plan", plan, folder)
    for _ in range(given.rounds):
        measured("a plan", plan, folder)
    file = next((data / "train").rglob("*.jpg"))
    (folder / "new").write_text("another")
    os.utime(folder / "new", (0, 0))
    os.replace(folder / "new", file)
    measured("a plan after a file was replaced", plan, folder)


if __name__ == "__main__":
    main()
