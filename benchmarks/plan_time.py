"""Measure how long a plan takes: with 5,000 and with 60,000 recordings, and compared with plain Snakemake.

python benchmarks/plan_time.py FOLDER [--rounds 5] [--finished]

Makes data sets of tiny files in the layout of rfcx under FOLDER and plans runs of them; the first plan, which indexes the
files, is not counted. A graph of some 10,000 jobs is planned in turn with one of plain rules with as many jobs, each with as
many inputs, outputs and text params. With `--finished`, the first two are also planned as finished runs: this runs a copy
of the workflow whose scripts write empty files, which takes a quarter of an hour.
"""

import argparse
import csv
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SIZES = {
    "5,000 recordings": (5_000, 35, 15),
    "60,000 recordings": (60_000, 420, 180),
    "10,000 jobs": (20_000, 1_060, 200),
}
EMPTY = """from pathlib import Path

for path in [*snakemake.output, snakemake.log[0]]:
    Path(path).write_text("")
"""
PLAIN = """
TRAIN = [f"train-{{number}}" for number in range({train})]
TEST = [f"test-{{number}}" for number in range({test})]
FOLDS, MODELS, VARIANTS = range(5), ["a", "b"], range(4)


rule all:
    input:
        "out/report.html", "out/submission.csv", "out/scores.json"


rule inspect:
    input: "since"
    output: "out/recordings/{{shard}}.csv", "out/quarantine/{{shard}}.csv"
    params: a="{text}", b="{text}", c="{text}", d="{text}"
    log: "out/logs/inspect/{{shard}}.log"
    script: "plain.py"


rule gather:
    input: "since", expand("out/quarantine/{{shard}}.csv", shard=TRAIN + TEST)
    output: "out/quarantine.csv"
    params: a="{text}", b="{text}", c="{text}"
    script: "plain.py"


rule split:
    input: expand("out/recordings/{{shard}}.csv", shard=TRAIN), expand("out/quarantine/{{shard}}.csv", shard=TRAIN)
    output: "out/folds.csv", "out/labels.json"
    params: a="{text}", b="{text}", c="{text}"
    script: "plain.py"


rule crop:
    input: "out/recordings/{{shard}}.csv"
    output: "out/windows/{{shard}}.npy", "out/windows/{{shard}}.csv"
    params: a="{text}", b="{text}", c="{text}", d="{text}"
    log: "out/logs/crop/{{shard}}.log"
    script: "plain.py"


rule augment:
    input: "out/windows/{{shard}}.npy", "out/windows/{{shard}}.csv"
    output: "out/augmented/{{variant}}/{{shard}}.npy", "out/augmented/{{variant}}/{{shard}}.csv"
    params: a="{text}", b="{text}", c="{text}"
    log: "out/logs/augment/{{variant}}/{{shard}}.log"
    script: "plain.py"


def before(wildcards):
    if wildcards.shard.startswith("test"):
        return [f"out/recordings/{{wildcards.shard}}.csv"]
    folder = "windows" if wildcards.variant == "0" else f"augmented/{{wildcards.variant}}"
    return [f"out/{{folder}}/{{wildcards.shard}}.npy", f"out/{{folder}}/{{wildcards.shard}}.csv"]


rule transform:
    input: before
    output: "out/examples/{{variant}}/{{shard}}.npy", "out/examples/{{variant}}/{{shard}}.csv"
    params: a="{text}", b="{text}", c="{text}", d="{text}", e="{text}"
    log: "out/logs/transform/{{variant}}/{{shard}}.log"
    script: "plain.py"


rule train:
    input:
        "out/folds.csv", "out/labels.json",
        expand("out/examples/{{variant}}/{{shard}}.npy", variant=VARIANTS, shard=TRAIN),
        expand("out/examples/{{variant}}/{{shard}}.csv", variant=VARIANTS, shard=TRAIN),
    output: "out/models/{{model}}/{{fold}}.keras", "out/models/{{model}}/{{fold}}.csv"
    params: a="{text}", b="{text}", c="{text}"
    script: "plain.py"


rule predict:
    input:
        "out/models/{{model}}/{{fold}}.keras", "out/labels.json",
        expand("out/examples/0/{{shard}}.npy", shard=TEST), expand("out/examples/0/{{shard}}.csv", shard=TEST),
    output: "out/predictions/{{model}}/{{fold}}.csv"
    params: a="{text}", b="{text}", c="{text}"
    script: "plain.py"


rule ensemble:
    input:
        "out/folds.csv", "out/quarantine.csv", expand("out/models/{{model}}/{{fold}}.csv", model=MODELS, fold=FOLDS),
        expand("out/predictions/{{model}}/{{fold}}.csv", model=MODELS, fold=FOLDS),
    output: "out/scores.json", "out/oof.csv", "out/predictions.csv"
    params: a="{text}", b="{text}"
    script: "plain.py"


rule submit:
    input: "out/predictions.csv"
    output: "out/submission.csv"
    params: a="{text}", b="{text}", c="{text}"
    script: "plain.py"


rule report:
    input:
        "out/scores.json", "out/oof.csv",
        expand("out/examples/0/{{shard}}.npy", shard=TRAIN), expand("out/examples/0/{{shard}}.csv", shard=TRAIN),
    output: "out/report.html"
    params: a="{text}", b="{text}"
    script: "plain.py"
"""


def make(folder: Path, recordings: int):
    """Make a data set of files with distinct contents, which are not audio."""
    rng = random.Random(0)
    names = [f"{number:09x}" for number in range(recordings)]
    cut = recordings * 7 // 10
    subsets = {"train": names[:cut], "test": names[cut:]}
    for subset, own in subsets.items():
        (folder / subset).mkdir(parents=True)
        for name in own:
            (folder / subset / f"{name}.flac").write_text(name)

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


def finished(folder: Path, settings: Path) -> list[str]:
    """Run a copy of the workflow whose scripts write empty files, and return the options that plan it again."""
    source = folder / "source"
    names = ("rules", "scripts", "schemas", "envs", "profiles", "report", "Snakefile", "config.yaml")
    for name in names:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if not (source / name).exists():
            copy(ROOT / name, source / name)
    for script in (source / "scripts").glob("*.py"):
        script.write_text(EMPTY)
    ours = ["--snakefile", str(source / "Snakefile"), "--profile", str(source / "profiles" / "default")]
    ours += ["--configfile", str(settings)]
    place = folder / "finished"
    place.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "all",
        "--quiet",
        "all",
        "--directory",
        str(place),
        *ours,
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return ours


def planned(place: Path, *options) -> tuple[float, str]:
    """The wall time of a plan (s), and its number of jobs."""
    place.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-n",
        "--quiet",
        "rules",
        "--directory",
        str(place),
        *options,
    ]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    seconds = time.perf_counter() - start
    total = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("total")]
    return seconds, total[0] if total else "no"


def shown(name, seconds, jobs):
    middle = statistics.median(seconds)
    print(f"{name:28} {jobs:>6} jobs  {middle:6.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})")
    return middle


def main():
    """Print one line for each plan: the median of the rounds, and their range."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--finished", action="store_true")
    given = parser.parse_args()
    profile = ["--profile", str(ROOT / "profiles" / "default")]
    for name, (recordings, train, test) in SIZES.items():
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
        ours = [
            "--snakefile",
            str(ROOT / "Snakefile"),
            *profile,
            "--configfile",
            str(folder / "settings.yaml"),
        ]
        planned(folder / "ours", *ours)
        if name != "10,000 jobs":
            runs = [planned(folder / "ours", *ours) for _ in range(given.rounds)]
            shown(name, [seconds for seconds, _ in runs], runs[0][1])
            if given.finished:
                done = finished(folder, folder / "settings.yaml")
                runs = [planned(folder / "finished", *done) for _ in range(given.rounds)]
                shown("the same, finished", [seconds for seconds, _ in runs], runs[0][1])
            continue
        (folder / "plain").mkdir(exist_ok=True)
        (folder / "plain" / "Snakefile").write_text(PLAIN.format(train=train, test=test, text="x" * 60))
        (folder / "plain" / "plain.py").write_text("")
        (folder / "plain" / "since").touch()
        plain = ["--snakefile", str(folder / "plain" / "Snakefile"), *profile]
        pairs = [
            (planned(folder / "ours", *ours), planned(folder / "plain", *plain)) for _ in range(given.rounds)
        ]
        shown(name, [one[0] for one, _ in pairs], pairs[0][0][1])
        shown("as many plain jobs", [other[0] for _, other in pairs], pairs[0][1][1])
        ratios = [one[0] / other[0] for one, other in pairs]
        print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
