"""Where the workflow lies, and what its output says."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def jobs(output: str) -> dict[str, int]:
    """The job counts of a dry run or run, by rule."""
    table = output.split("Job stats:")[1].split("total")[0].splitlines()[3:] if "Job stats:" in output else []
    return {line.split()[0]: int(line.split()[1]) for line in table if line.strip()}


def planned(output: str) -> set[tuple[str, str]]:
    """The jobs of a dry run but `all`, as (rule, wildcards)."""
    found = set()
    for block in re.split(r"^\[.*\]$", output, flags=re.M):
        rule = re.search(r"^(?:local)?rule (\w+):$", block, flags=re.M)
        wildcards = re.search(r"^ +wildcards: (.*)$", block, flags=re.M)
        if rule and rule[1] != "all":
            found.add((rule[1], wildcards[1] if wildcards else ""))
    assert found or "Nothing to be done" in output, output
    return found
