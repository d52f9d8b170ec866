"""When the jobs of a finished run ran, and how long cores were without one: three lines, and a figure.

    python benchmarks/timeline.py FOLDER [--cores 2] [--output FILE.svg]

FOLDER is the one that Snakemake ran in, once, from nothing: the times are those that it keeps in .snakemake/metadata. A job has as
many cores as the threads that it recorded in results/*/logs/usage; the processor time that jobs recorded there says how many they used.
"""

import argparse
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure


class Job(NamedTuple):
    """A job: its rule, when it started and ended, in seconds from the first start, and its cores."""

    rule: str
    start: float
    end: float
    cores: int


def jobs(folder: Path) -> list[Job]:
    """The jobs of a run by their start. Each output of a job has a record, with the job's log."""
    paths = [path for path in (folder / ".snakemake/metadata").rglob("*") if path.is_file()]
    found = {}
    for record in (json.loads(path.read_text()) for path in paths):
        if record.get("endtime"):
            times = found.setdefault((record["rule"], *record["log"]), [])
            times += record["starttime"], record["endtime"]
    first, threads = min(map(min, found.values())), {}
    for record in usage(folder):
        threads[record["rule"]] = max(record["threads"], threads.get(record["rule"], 1))
    return sorted(
        (
            Job(rule, min(times) - first, max(times) - first, threads.get(rule, 1))
            for (rule, *_), times in found.items()
        ),
        key=lambda job: job.start,
    )


def usage(folder: Path) -> list[dict]:
    """What the jobs of a run recorded of themselves at their ends."""
    return [json.loads(path.read_text()) for path in folder.glob("results/*/logs/usage/*/*.json")]


def time_by_number(found: list[Job]) -> Counter:
    """Seconds during which jobs had so many cores."""
    changes = sorted([(job.start, job.cores) for job in found] + [(job.end, -job.cores) for job in found])
    times, running = Counter(), 0
    for (time, step), (after, _) in pairwise(changes):
        running += step
        times[running] += after - time
    return times


def drawn(found: list[Job]) -> Figure:
    """A bar for each job, in the first row that is free; of a job with several cores in one of them."""
    figure = Figure(figsize=(9, 2.2), layout="constrained")
    axes, ends, shown = figure.subplots(), [], set()
    rules = list(dict.fromkeys(job.rule for job in found))
    for job in found:
        row = next((number for number, end in enumerate(ends) if end <= job.start + 0.05), len(ends))
        ends[row : row + 1] = [job.end]
        label = None if job.rule in shown else job.rule
        shown.add(job.rule)
        axes.barh(
            row, job.end - job.start, left=job.start, color=f"C{rules.index(job.rule) % 10}", label=label
        )
    numbers = range(1, len(ends) + 1)
    axes.set(xlabel="time (s)", yticks=range(len(ends)), yticklabels=numbers, ylabel="jobs at once")
    figure.legend(loc="outside right", fontsize="x-small", frameon=False)
    return figure


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    found = jobs(options.folder)
    times, whole = time_by_number(found), max(job.end for job in found)
    every = options.cores * whole
    idle = sum(max(options.cores - number, 0) * seconds for number, seconds in times.items())
    used = sum(record["processor_seconds"] for record in usage(options.folder))
    print(f"{len(found)} jobs in {whole:.0f} s")
    print(f"cores without a job: {idle:.0f} of {every:.0f} s, {idle / every:.0%}")
    print(f"processor time of the jobs: {used:.0f} of {every:.0f} s, {used / every:.0%}")
    if options.output:
        drawn(found).savefig(options.output)


if __name__ == "__main__":
    main()
