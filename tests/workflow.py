"""Where the workflow lies, and what its output says."""

import re
import shutil
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
    # A run shows a line for each job that is finished.
    done = re.findall(r"^\[ *\d+/\d+\] (\w+)(?: (\w+=.*?))? \(\d", output, flags=re.M)
    found |= {(rule, wildcards) for rule, wildcards in done if rule != "all"}
    assert found or "Nothing to be done" in output, output
    return found


def copy_source(folder: Path):
    """Make a folder with all that a run needs of the workflow."""
    folder.mkdir(parents=True)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("rules", "scripts", "schemas", "envs", "profiles", "recipes", "report"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
