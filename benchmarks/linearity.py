"""Measure how the time and the memory of signal jobs grow with the windows of a shard.

    PYTHONPATH=scripts python benchmarks/linearity.py FOLDER [--windows 10 100 1000 10000]

For each number makes a data set of recordings of a minute at 48 kHz in FOLDER, with up to fifty annotated events in each, and runs the jobs
of its only shard that cut windows out of them, augment them, and compute the features of the windows and of the copies. Prints the
processor time and the peak memory of each job, and the exponent by which the time grows from the second number to the last one, of what
is beyond that of the first. What is there is not made again.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
from long_recordings import ROOT, write_recording

EVENTS, SECONDS, WINDOW = 50, 60, 5
COLUMNS = ("Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)", "Annotation")
# The records of the jobs' usage, and what the jobs are called here.
JOBS = {
    "crop_windows/shard=train-0": "windows",
    "augment_windows/shard=train-0,variant=1": "copies",
    "compute_features/features=log_mel,shard=train-0,variant=0": "features of windows",
    "compute_features/features=log_mel,shard=train-0,variant=1": "features of copies",
}


def write_data(folder: Path, windows: int):
    """Write recordings with so many events, and a Raven table of each."""
    folder.mkdir(parents=True)
    # There are at least as many recordings as folds.
    for number, part in enumerate(np.array_split(np.arange(windows), max(3, math.ceil(windows / EVENTS)))):
        write_recording(folder / f"{number:05}.flac", SECONDS / 3600, number)
        starts = np.linspace(0, SECONDS - WINDOW, len(part)).round(3)
        rows = [(start, round(start + 1, 3), 1000, 4000, f"class{n % 3}") for n, start in enumerate(starts)]
        lines = ["\t".join(map(str, row)) for row in (COLUMNS, *rows)]
        (folder / f"{number:05}.Table.1.selections.txt").write_text("\n".join(lines) + "\n")


def measured(folder: Path, windows: int) -> dict[str, dict]:
    """What each job recorded of itself, by its name, in a run with so many windows."""
    place = folder / str(windows)
    if not (place / "data").exists():
        write_data(place / "data", windows)
    settings = {
        "data": str(place / "data"),
        "crop": {"window": WINDOW, "background": 0, "long_events": "middle"},
        "shards": {"train": 1},
    }
    results = place / "results/own"
    targets = [f"results/own/examples/log_mel/{variant}/train-0.npy" for variant in (0, 1)]
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", place]
    command += ["--profile", ROOT / "profiles/default", "--cores", "1", *targets]
    command += ["--configfile", ROOT / "recipes/own.yaml", "--config"]
    command += [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()
    ]
    subprocess.run(list(map(str, command)), check=True)
    return {
        name: json.loads((results / f"logs/usage/{path}.json").read_text()) for path, name in JOBS.items()
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--windows", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    options = parser.parse_args()
    numbers = sorted(set(options.windows))
    if len(numbers) < 3:
        parser.error(f"--windows: expected at least three numbers, given {len(numbers)}")
    runs = {number: measured(options.folder.absolute(), number) for number in numbers}
    print("| job | " + " | ".join(f"{number:,} windows" for number in numbers) + " | exponent |")
    print("|" + " --- |" * (len(numbers) + 2))
    for name in JOBS.values():
        jobs = [runs[number][name] for number in numbers]
        cells = [f"{job['processor_seconds']:.1f} s, {job['peak_mb']:.0f} MB" for job in jobs]
        least, first, *_, last = (job["processor_seconds"] for job in jobs)
        exponent = "unknown"
        if last > least < first:
            exponent = (
                f"{math.log((last - least) / (first - least)) / math.log(numbers[-1] / numbers[1]):.2f}"
            )
        print(f"| {name} | {' | '.join(cells)} | {exponent} |")


if __name__ == "__main__":
    main()
