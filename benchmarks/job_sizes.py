"""Simulate what the jobs of a run of long and short recordings ask a cluster for, use and waste, by costs that a run recorded.

PYTHONPATH=scripts python benchmarks/job_sizes.py results/NAME FOLDER [--seed 0]

The simulated run trains with 10,000 annotated recordings of 1 min, and predicts the labels of 100 recordings of 4 h. There are no such
recordings, only tables of them. The settings are those of config.yaml. What the jobs ask for is what `understory.plan.job_resources` says. What they use follows from what the
jobs of results/NAME recorded, a run of the same kind at a small size: seconds of a start and of an item, and peak memory, to which
comes what `understory.plan.job_costs` says of an item, and under Slurm Snakemake. Each job has a node that is up to a third slower
or faster, and 5 % more or less memory; one that uses more than it asked for is killed and tried again, as under Slurm. The report of
`understory.run.efficiency` is printed for a first run, and for one with the profile that it writes after it. Records are written to
FOLDER.
"""

import argparse
import csv
import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import yaml
from snakemake.iocontainers import Wildcards

from understory.core import usage
from understory.core.hashing import stable_hash
from understory.core.usage import Record
from understory.data.dataset import SUBSETS, Annotation, Dataset, Recording
from understory.plan import config as settings
from understory.plan import data_counts, job_costs, job_resources
from understory.plan.dataset_state import divided
from understory.plan.job_settings import Medium
from understory.run import efficiency

ROOT = Path(__file__).resolve().parents[1]
SHORT, LONG = (10_000, 60), (100, 4 * 3600)
# Bytes of a second of sound in FLAC: quiet and loud places.
BYTES = 30_000, 75_000
RETRIES = 2
# Powers of two by which nodes differ, seconds of Snakemake's start, and MB of its processes in a job.
SLOWER, START, SNAKEMAKE = 0.4, 8, 330
GATHERING = ("list_quarantined", "split_folds", "ensemble_folds", "write_submission", "build_report")


class Job(NamedTuple):
    """A job, with how many items it works on."""

    rule: str
    wildcards: Wildcards
    items: float


def tables(rng: random.Random) -> tuple[Dataset, dict[str, float], dict[str, int]]:
    """The data set, how long its recordings are (s), and how large (bytes)."""
    recordings, annotations, seconds, sizes = [], [], {}, {}
    for subset, (count, long) in zip(SUBSETS, (SHORT, LONG), strict=True):
        for number in range(count):
            name = f"{subset}{number}"
            recordings.append(Recording(name, f"{name}.flac", subset))
            seconds[name] = long
            sizes[name] = round(long * rng.uniform(*BYTES))
            for start in range(rng.randrange(1, 3) if subset == "train" else 0):
                annotations.append(
                    Annotation(name, f"s{number % 24}", "present", 20.0 * start, 20.0 * start + 2)
                )
    classes = tuple(f"s{species}" for species in range(24))
    return Dataset(classes, tuple(recordings), tuple(annotations), False), seconds, sizes


def jobs(config: dict, data: Dataset, seconds: dict[str, float], windows: Callable) -> list[Job]:
    """All jobs of the run, with their true numbers of items: seconds of sound, windows, examples or predictions."""
    found, examples, tests, folds = [], len(data.annotations), 0, range(config["split"]["n_splits"])
    for subset, count in config["shards"].items():
        for shard in (f"{subset}-{number}" for number in range(count)):
            own = data.shard(shard, count)
            found.append(
                Job(
                    "inspect_recordings",
                    Wildcards(fromdict={"shard": shard}),
                    sum(seconds[r.recording_id] for r in own),
                )
            )
            if subset == "test":
                number = sum(windows(seconds[r.recording_id]) for r in own)
                tests += number
                where = Wildcards(fromdict={"shard": shard, "variant": "0", "features": "log_mel"})
                found.append(Job("compute_features", where, number))
                continue
            number = sum(len(data.annotations_of[r.recording_id]) for r in own)
            found.append(Job("crop_windows", Wildcards(fromdict={"shard": shard}), number))
            found.append(Job("augment_windows", Wildcards(fromdict={"shard": shard, "variant": "1"}), number))
            for variant in "01":
                where = Wildcards(fromdict={"shard": shard, "variant": variant, "features": "log_mel"})
                found.append(Job("compute_features", where, number))
    model = next(iter(config["train"]))
    copies, epochs = settings.copies_of(config, model), config["models"][model]["epochs"]
    for fold in folds:
        where = Wildcards(fromdict={"model": model, "fold": str(fold)})
        passes = examples * (1 + copies) * epochs * (len(folds) - 1) / len(folds)
        found += [Job("train_fold", where, passes), Job("validate_fold", where, examples / len(folds))]
        found.append(Job("predict_fold", where, tests))
    return found + [Job(rule, Wildcards(fromdict={}), examples + tests) for rule in GATHERING]


def rows(paths) -> list[dict[str, str]]:
    """The rows of some tables."""
    found = []
    for path in paths:
        with open(path, newline="", encoding="utf-8") as file:
            found += csv.DictReader(file)
    return found


def items(run: Path) -> dict[str, float]:
    """By rule, the items that the jobs of a finished run worked on."""
    sound = sum(
        float(row["frames"]) / float(row["sample_rate"]) for row in rows(run.glob("recordings/*.csv"))
    )
    windows, tests = (len(rows(run.glob(f"{place}.csv"))) for place in ("windows/*", "examples/*/0/test-*"))
    copies = len(rows(run.glob("augmented/*/*.csv")))
    histories = list(run.glob("models/*/*/history.csv"))
    passes = len(rows(histories)) * (windows + copies) * (1 - 1 / len(histories))
    known = {
        "inspect_recordings": sound,
        "crop_windows": windows,
        "augment_windows": copies,
        "compute_features": windows + copies + tests,
        "train_fold": passes,
        "validate_fold": windows,
        "predict_fold": tests * len(histories),
    }
    return known | dict.fromkeys(GATHERING, windows + tests)


class Costs:
    """Seconds and memory of jobs, by what those of a finished run recorded."""

    def __init__(self, run: Path):
        self._records, self._items = efficiency.by_rule(efficiency.records(run)), items(run)

    def seconds(self, job: Job) -> float:
        """On a machine like the one that was measured. The shortest job of a kind is taken for a start.

        Processor time counts: other programs on the machine matter little.
        """
        models = job.rule in job_costs.OF_MODELS
        starts = [
            r.processor_seconds / r.threads
            for rule, own in self._records.items()
            for r in own
            if (rule in job_costs.OF_MODELS) == models
        ]
        spent = sum(max(r.processor_seconds / r.threads - min(starts), 0) for r in self._records[job.rule])
        return min(starts) + job.items * spent / self._items[job.rule]

    def peak(self, job: Job) -> float:
        """MB."""
        cost = job_costs.COSTS.get(
            job.rule, job_costs.Cost(0) if hasattr(job.wildcards, "shard") else job_costs.GATHERING
        )
        return (
            max(record.peak_mb for record in self._records[job.rule])
            + SNAKEMAKE
            + job.items * cost.bytes / 1e6
        )


def run(found: list[Job], costs: Costs, ask, out: Path, seed: int) -> tuple[list[Record], int, int]:
    """Simulate all jobs; the records of their last attempts, and how many were killed for memory and for time."""
    ended, killed = [], {"memory": 0, "time": 0}
    for job in found:
        rng = random.Random(stable_hash(f"{seed} {job.rule} {sorted(job.wildcards.items())}"))
        seconds = costs.seconds(job) * 2 ** rng.uniform(-SLOWER, SLOWER)
        peak = costs.peak(job) * rng.uniform(0.95, 1.05)
        path = usage.place(out, job.rule, job.wildcards)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        for attempt in range(1, RETRIES + 2):
            memory, minutes = ask(job, attempt)
            own = Record(
                job.rule,
                dict(job.wildcards.items()),
                1,
                memory,
                minutes,
                0.0,
                seconds,
                seconds,
                peak,
                "finished",
            )
            if peak > memory:
                killed["memory"] += 1
                own.peak_mb, own.seconds, own.state = memory, seconds / 2, "running"
            elif seconds + START > 60 * minutes:
                killed["time"] += 1
                own.seconds, own.state = 60.0 * minutes - START, "running"
            path.write_text(json.dumps(asdict(own)))
            if own.state == "finished":
                break
        ended.append(own)
    return ended, killed["memory"], killed["time"]


def main():
    """Print two reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    config = settings.complete(yaml.safe_load((ROOT / "config.yaml").read_text()) | {"data": "folder"})
    data, seconds, sizes = tables(random.Random(given.seed))
    of_subsets = [
        [sizes[r.recording_id] for r in data.recordings if r.subset == subset] for subset in SUBSETS
    ]
    config["shards"] = {
        subset: divided(len(own), size=sum(own)).shards
        for subset, own in zip(SUBSETS, of_subsets, strict=True)
    }
    parts = {
        f"{subset}-{number}": data_counts.part(config, data, f"{subset}-{number}", count, sizes, sound=True)
        for subset, count in config["shards"].items()
        for number in range(count)
    }
    examples = sum(part.examples for shard, part in parts.items() if shard.startswith("train"))
    counts = data_counts.Counts(*map(len, of_subsets), examples, *map(sum, of_subsets), parts)
    expected = job_resources.Sizes(config, counts, given.folder)
    found, costs = jobs(config, data, seconds, Medium("audio", config).windows), Costs(given.results)

    def first(job, attempt):
        where = job.wildcards, attempt, job.rule
        return expected.mem_mb(*where), expected.runtime(*where)

    print(f"{len(found)} jobs; shards: {config['shards']}")
    ended, of_memory, of_time = run(found, costs, first, given.folder, given.seed)
    print(f"\nA first run: {of_memory} killed for memory, {of_time} for time")
    print("\n".join(efficiency.lines(ended)))
    asked = efficiency.requests(ended)

    def again(job, attempt):
        names = {"attempt": attempt, "wildcards": job.wildcards}
        return tuple(eval(asked[job.rule][key], names) for key in ("mem_mb", "runtime"))

    ended, of_memory, of_time = run(found, costs, again, given.folder, given.seed + 1)
    print(f"\nA run with the profile of the first: {of_memory} killed for memory, {of_time} for time")
    print("\n".join(efficiency.lines(ended)))


if __name__ == "__main__":
    main()
