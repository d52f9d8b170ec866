"""Where the workflow lies, and what its output says."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def jobs(output: str) -> dict[str, int]:
    """The job counts of a dry run or run, by rule."""
    table = output.split("Job stats:")[1].split("total")[0].splitlines()[3:] if "Job stats:" in output else []
    return {line.split()[0]: int(line.split()[1]) for line in table if line.strip()}
