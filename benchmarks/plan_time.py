"""Measure how long a plan takes, and its peak memory: of 5,000 to 1,000,000 recordings, and compared with plain Snakemake.

python benchmarks/plan_time.py FOLDER [--only "1,000,000 recordings"] [--rounds 5] [--finished]

Makes data sets of tiny files in the layout of rfcx under FOLDER and plans runs of them; the first plan, which indexes the
files, is not counted. A graph of some 10,000 jobs is planned in turn with one of plain rules with as many jobs, each with as
many inputs, outputs and text params. With `--finished`, the others are also planned as finished runs, with and without
`append_only`: the jobs of an executor in `benchmarks/plugins` make their files, empty.
"""

import argparse
import csv
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# Recordings, and numbers of shards of the training and test recordings.
SIZES = {
    "5,000 recordings": (5_000, 35, 15),
    "60,000 recordings": (60_000, 420, 180),
    "60,000 in auto shards": (60_000, "auto", "auto"),
    "1,000,000 recordings": (1_000_000, "auto", "auto"),
    "10,000 jobs": (20_000, 1_060, 200),
}
# Files of one content: ext4 takes 65,000 links of a file.
LINKS = 50_000


def make(folder: Path, recordings: int):
    """Make a data set of files that are not audio, links to a file for each `LINKS` of them."""
    rng = random.Random(0)
    names = [f"{number:09x}" for number in range(recordings)]
    cut = recordings * 7 // 10
    subsets = {"train": names[:cut], "test": names[cut:]}
    for subset, own in subsets.items():
        (folder / subset).mkdir(parents=True)
        for number, name in enumerate(own):
            if number % LINKS == 0:
                same = folder / subset / f"{name}.flac"
                same.write_text(name)
            else:
                os.link(same, folder / subset / f"{name}.flac")

    def write(name, header, rows):
        with open(folder / name, "w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    columns = ("recording_id", "species_id", "songtype_id", "t_min", "f_min", "t_max", "f_max")
    for part, name in enumerate(("train_tp.csv", "train_fp.csv")):
        rows = (
            [n, rng.randrange(24), 1, t := round(rng.uniform(0, 50), 4), 100.0, t + 2, 2e3]
            for n in subsets["train"][part::2]
        )
        write(name, columns, rows)
    labels = [f"s{species}" for species in range(24)]
    write(
        "sample_submission.csv", ("recording_id", *labels), ([name, *[0.5] * 24] for name in subsets["test"])
    )


def finished(folder: Path, ours: list[str]):
    """Run the workflow with an executor whose jobs write empty files."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(folder / "ours"), *ours]
    command += ["--executor", "empty", "--jobs", "1000", "--seconds-between-status-checks", "1"]
    command += ["--quiet", "all"]
    path = os.pathsep.join([str(HERE / "plugins"), os.environ.get("PYTHONPATH", "")])
    # It fails at its end, where it would tell the scores; the plans after it show that all jobs were recorded.
    subprocess.run(command, capture_output=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})


class Plan(NamedTuple):
    """The wall time and the processor time of a plan (s), the peak memory of its process (MB), and its number of jobs."""

    seconds: float
    processor: float
    memory: float
    jobs: str


def planned(place: Path, *options) -> Plan:
    """Plan a run in a process of its own."""
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules"]
    command += ["--directory", str(place), *options]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0)
        said = out.read()
    if status:
        raise SystemExit(f"{' '.join(command)}:\n{said}")
    total = [line.split()[-1] for line in said.splitlines() if line.startswith("total")]
    processor = used.ru_utime + used.ru_stime
    return Plan(seconds, processor, used.ru_maxrss / 1e3, total[0] if total else "no")


def shown(name: str, plans: list[Plan]):
    """Print the median of some plans, and their range."""
    seconds = [plan.seconds for plan in plans]
    processor = statistics.median(plan.processor for plan in plans)
    memory = max(plan.memory for plan in plans)
    print(
        f"{name:34} {plans[0].jobs:>6} jobs  {statistics.median(seconds):6.2f} s  "
        f"({min(seconds):.2f} to {max(seconds):.2f}), of a processor {processor:6.2f} s, {memory:6.0f} MB",
        flush=True,
    )


def main():
    """Print one line for each plan: the median of the rounds, and their range."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--finished", action="store_true")
    parser.add_argument("--only", choices=SIZES, help="one of the sizes")
    given = parser.parse_args()
    profile = ["--profile", str(ROOT / "profiles" / "default")]
    for name, (recordings, train, test) in SIZES.items():
        if given.only not in (None, name):
            continue
        folder = given.folder.absolute() / name.replace(",", "").replace(" ", "-")
        if not folder.exists():
            make(folder / "data", recordings)
        settings = {
            "name": "plan",
            "data": str(folder / "data"),
            "shards": {"train": train, "test": test},
            "split": {"n_splits": 5},
            "augment": {"copies": 3},
            # Windows so short that no disk is too small for them.
            "crop": {"window": 0.1, "hop": 0.1, "sample_rate": 8000},
            "features": {"log_mel": {"n_fft": 256, "hop": 128, "fmax": 4000}},
            "models": yaml.safe_load((ROOT / "recipes" / "rfcx_notebook.yaml").read_text())["models"],
            "train": ["resnet50", "sed_cnn"],
        }
        (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
        ours = ["--snakefile", str(ROOT / "Snakefile"), *profile]
        ours += ["--configfile", str(folder / "settings.yaml")]
        first = planned(folder / "ours", *ours)
        if name != "10,000 jobs":
            shown(f"{name}, first", [first])
            shown(name, [planned(folder / "ours", *ours) for _ in range(given.rounds)])
            if given.finished:
                finished(folder, ours)
                for said, more in (("finished", ()), ("append_only", ("--config", "append_only=true"))):
                    again = [planned(folder / "ours", *ours, *more) for _ in range(given.rounds)]
                    shown(f"{name}, {said}", again)
            continue
        (folder / "plain").mkdir(exist_ok=True)
        shutil.copy(HERE / "plain_jobs.smk", folder / "plain" / "Snakefile")
        (folder / "plain" / "plain.py").write_text("")
        (folder / "plain" / "since").touch()
        plain = ["--snakefile", str(folder / "plain" / "Snakefile"), *profile]
        plain += ["--config", f"train={train}", f"test={test}"]
        pairs = [
            (planned(folder / "ours", *ours), planned(folder / "plain", *plain)) for _ in range(given.rounds)
        ]
        shown(name, [one for one, _ in pairs])
        shown("as many plain jobs", [other for _, other in pairs])
        for what in ("seconds", "processor"):
            ratios = [getattr(one, what) / getattr(other, what) for one, other in pairs]
            print(
                f"ratio of {what}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
