"""Print what the jobs of a run asked for, used and wasted, by rule, and write a profile that asks for what they need:

PYTHONPATH=scripts python -m understory.run.efficiency results/NAME [--profile FOLDER [--base profiles/slurm]]

Jobs record what they use (`understory.core.usage`), so that neither Slurm's accounting nor Snakemake's options are needed.
Memory that was asked for is occupied for as long as a job runs, and its waste is counted so: of asked MB times seconds, the
share above the peaks. The waste of time is the share of the asked minutes in which no job ran.
"""

import argparse
import math
import sys
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import yaml

from understory.core import usage
from understory.core.errors import InputError, user_errors
from understory.core.usage import Record
from understory.plan import job_costs

# How much more than the most that was used a profile asks for: the next run's jobs differ.
MORE_MEMORY, MORE_TIME = 1.25, 1.4
# MB that a request is rounded up to, and seconds of a job's start, which its record does not count.
STEP, START = 50, 20
# How much longer than the mean the longest shard of a rule is at most where all of them are given its time.
ALIKE = 1.5
HEAD = "# Written by understory.run.efficiency of what the jobs of {} used. A further attempt asks for twice as much.\n"


class Used(NamedTuple):
    """What some jobs asked for and used: sums of MB times seconds, of seconds, and the most of a single job."""

    jobs: int
    unended: int
    asked_mb: float
    peak_mb: float
    asked_minutes: float
    minutes: float
    memory_waste: float
    time_waste: float
    processors: float
    threads: int


def records(results: Path) -> list[Record]:
    """The records of a run's jobs. InputError where there is none."""
    found = [usage.read(path) for path in sorted((results / usage.FOLDER).rglob("*.json"))]
    if not (found := [record for record in found if record is not None]):
        raise InputError(
            f"{results}: expected the results of a run whose jobs recorded what they used, in {results / usage.FOLDER}, found none"
        )
    return found


def used(found: list[Record]) -> Used:
    """What some jobs asked for and used; the waste is 0 where nothing was asked for."""
    asked = [record for record in found if record.mem_mb and record.runtime]
    memory = sum(record.mem_mb * record.seconds for record in asked)
    peaks = sum(min(record.peak_mb, record.mem_mb) * record.seconds for record in asked)
    minutes = sum(record.runtime for record in asked)
    ran = sum(min(record.seconds / 60, record.runtime) for record in asked)
    processors = sum(record.threads * record.seconds for record in found)
    return Used(
        jobs=len(found),
        unended=sum(record.state == "running" for record in found),
        asked_mb=max((record.mem_mb for record in asked), default=0),
        peak_mb=max(record.peak_mb for record in found),
        asked_minutes=max((record.runtime for record in asked), default=0),
        minutes=max(record.seconds for record in found) / 60,
        memory_waste=1 - peaks / memory if memory else 0.0,
        time_waste=1 - ran / minutes if minutes else 0.0,
        processors=sum(record.processor_seconds for record in found) / max(processors, 1e-9),
        threads=max(record.threads for record in found),
    )


def by_rule(found: list[Record]) -> dict[str, list[Record]]:
    """The records of each rule, in the order in which rules began."""
    rules: dict[str, list[Record]] = {}
    for record in sorted(found, key=lambda record: record.started):
        rules.setdefault(record.rule, []).append(record)
    return rules


def lines(found: list[Record]) -> list[str]:
    """A table: for each rule, and for all together, what was asked for, used and wasted; then what it means."""
    rules = {**by_rule(found), "together": found}
    width = max(map(len, rules))
    shown = [
        f"{'':{width}}   jobs  memory, MB: asked  used  wasted  time, min: asked  used  wasted  processors"
    ]
    for rule, own in rules.items():
        each = used(own)
        shown.append(
            f"{rule:{width}}  {each.jobs:5}{each.asked_mb:19.0f}{each.peak_mb:6.0f}{each.memory_waste:8.0%}"
            f"{each.asked_minutes:18.0f}{each.minutes:6.1f}{each.time_waste:8.0%}"
            f"{each.processors * each.threads:9.1f} of {each.threads}"
        )
    shown.append("asked and used: the most of a single job; wasted: of all jobs together")
    if unended := [record for record in found if record.state == "running"]:
        names = sorted({record.rule for record in unended})
        shown.append(f"{len(unended)} jobs have not ended, or were killed: {', '.join(names)}")
    return shown


def requests(found: list[Record]) -> dict[str, dict[str, str]]:
    """What a profile says under `set-resources`: for each rule, memory and time by the most that a job of it used.

    Where jobs differ much, each shard has its time; one that there was not has that of the longest. A job that has not ended may need
    what it asked for. A training that was killed went on where it was, so that the time of all its attempts counts.
    """
    asked = {}
    for rule, own in sorted(by_rule(found).items()):
        # A job that was killed used as much as it asked for, if not more.
        killed = [r for r in own if r.state == "running" and not r.out_of_time]
        peaks = [*(r.peak_mb for r in own), *((r.mem_mb or 0) for r in killed)]
        memory = STEP * math.ceil(MORE_MEMORY * max(peaks) / STEP)
        minutes: dict[str, int] = {}
        for record in own:
            shard = record.wildcards.get("shard", "")
            long = START + MORE_TIME * (record.seconds + record.earlier * (rule in job_costs.TRAINING))
            if record.state == "running":
                long = max(long, (120 if record.out_of_time else 60) * (record.runtime or 0))
            minutes[shard] = max(minutes.get(shard, 0), math.ceil(long / 60))
        most = max(minutes.values())
        alike = most <= ALIKE * fmean(minutes.values())
        # Not a display with braces, at which Snakemake 9.27 fails.
        runtime = most if alike else f"dict({sorted(minutes.items())}).get(wildcards.shard, {most})"
        asked[rule] = {"mem_mb": _by_attempt(memory), "runtime": _by_attempt(runtime)}
    return asked


def _by_attempt(value):
    return f"{value} * 2 ** (attempt - 1)"


def write_profile(found: list[Record], results: Path, folder: Path, base: Path | None = None):
    """Write a profile for later runs: that of `base`, with the resources that the jobs of each rule need.

    Raises
    ------
    InputError
        There is a profile in `folder`, or none that can be read in `base`.
    """
    path = folder / "profile.yaml"
    if path.exists():
        raise InputError(f"{path}: expected no file there, found one: name another folder with --profile")
    settings = {}
    if base is not None:
        try:
            settings = yaml.safe_load((base / "profile.yaml").read_text(encoding="utf-8")) or {}
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise InputError(f"--base: expected a folder with a profile.yaml, found {error}") from None
    if not isinstance(settings, dict):
        raise InputError(f"{base / 'profile.yaml'}: expected a mapping of Snakemake's options, found none")
    settings["set-resources"] = resources = settings.get("set-resources") or {}
    if not (isinstance(resources, dict) and all(isinstance(own or {}, dict) for own in resources.values())):
        raise InputError(
            f"{base / 'profile.yaml'}: set-resources: expected a mapping of rules to their resources, such as train_fold: {{mem_mb: 8000}}, "
            f"found {resources}"
        )
    for rule, asked in requests(found).items():
        resources[rule] = {**(resources.get(rule) or {}), **asked}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD.format(results) + yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def main(arguments: list[str]):
    """The command."""
    parser = argparse.ArgumentParser(prog="understory.run.efficiency", description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="the folder of a run: results/NAME")
    parser.add_argument("--profile", type=Path, help="folder in which a profile is written")
    parser.add_argument("--base", type=Path, help="folder of a profile that the new one has all else from")
    given = parser.parse_args(arguments)
    found = records(given.results)
    print("\n".join(lines(found)))
    if given.profile:
        write_profile(found, given.results, given.profile, given.base)
        print(f"written to {given.profile / 'profile.yaml'}: snakemake --profile {given.profile}")


if __name__ == "__main__":
    with user_errors():
        main(sys.argv[1:])
