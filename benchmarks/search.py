"""How long a query takes among many vectors, and how much memory.

    PYTHONPATH=scripts python benchmarks/search.py FOLDER [--windows 1000000] [--values 1024] [--threads 2] [--queries 5]

Writes random vectors to FOLDER once (2 GB for a million of 1,024 values), in four shards, and prints the wall-clock and processor
time of each query, and the peak memory of the process, of which what is mapped from disk is a part.
"""

import argparse
import os
import resource
import time
from pathlib import Path

# Threads are those of the search.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np

from understory.search import nearest, vectors

SHARDS, LONG = 4, 10_000
WINDOW, HOP = 5.0, 2.5


def written(folder: Path, windows: int, values: int):
    """The files of the shards, made where they are not there: recordings of 10,000 windows."""
    paths = [
        (folder / f"{k}-{windows}-{values}.npy", folder / f"{k}-{windows}.parquet") for k in range(SHARDS)
    ]
    for number, (array, index) in enumerate(paths):
        if array.is_file():
            continue
        rng = np.random.default_rng(number)
        with array.open("wb") as file:
            writer = vectors.Writer(file, index)
            for first in range(0, windows // SHARDS, LONG):
                rows = min(LONG, windows // SHARDS - first)
                starts = np.arange(rows) * HOP
                values_of = rng.normal(size=(rows, values)).astype(np.float16)
                writer.add(f"{number}/{first:07d}.wav", starts, starts + WINDOW, values_of)
            writer.close()
    return zip(*paths, strict=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    for name, value in (("windows", 1_000_000), ("values", 1024), ("threads", 2), ("queries", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    arrays, indexes = written(options.folder, options.windows, options.values)
    begun = time.perf_counter()
    shards = vectors.read_all(arrays, indexes)
    print(f"tables of {options.windows:,} windows: {time.perf_counter() - begun:.2f} s")
    among = nearest.overlapping(WINDOW, HOP)
    for number in range(options.queries):
        sought = np.random.default_rng([9, number]).normal(size=(1, options.values))
        begun, spent = time.perf_counter(), time.process_time()
        nearest.find(shards, sought, items=60, overlapping=among, threads=options.threads)
        print(
            f"query: {time.perf_counter() - begun:.2f} s on {options.threads} threads, {time.process_time() - spent:.2f} s of processors"
        )
    status = Path("/proc/self/status").read_text().splitlines()
    own = int(next(line for line in status if line.startswith("RssAnon")).split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"memory: {own / 1000:.0f} MB of its own at the end, {peak / 1000:.0f} MB at most with what is mapped"
    )


if __name__ == "__main__":
    main()
