"""Where the workflow lies, and what its output says."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def planned(output: str) -> set[tuple[str, str]]:
    """The jobs of a run or dry run but `all`, as (rule, wildcards)."""
    found = set()
    for block in re.split(r"^\[.*\]$", output, flags=re.M):
        rule = re.search(r"^(?:local)?rule (\w+):$", block, flags=re.M)
        wildcards = re.search(r"^ +wildcards: (.*)$", block, flags=re.M)
        if rule and rule[1] != "all":
            found.add((rule[1], wildcards[1] if wildcards else ""))
    assert found or "Nothing to be done" in output, output
    return found
