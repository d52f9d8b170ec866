"""What ran: the code, the packages, and the time and memory of the jobs."""

import subprocess
from pathlib import Path

import pandas as pd

from understory.core import usage
from understory.plan import code_digests

PACKAGES = ("snakemake", "tensorflow", "keras", "numpy", "pandas", "scipy", "sklearn")


def commit(root: Path) -> str:
    """The git commit that is checked out at `root`, and whether tracked files differ from it."""

    def git(*command):
        # Without locks, as the user may be working in the same checkout.
        return subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *command],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        # A folder inside another project's checkout is no checkout of this one.
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return "no git checkout"
        name = git("rev-parse", "--short=12", "HEAD")
        return f"{name} with local changes" if git("status", "--porcelain", "--untracked-files=no") else name
    except (OSError, subprocess.CalledProcessError):
        return "no git checkout"


def facts() -> list[tuple[str, str]]:
    """The commit of this code and the versions of the packages that decide over the results, as they are now."""
    found = [(code_digests.DISTRIBUTIONS.get(name, name), code_digests.version(name)) for name in PACKAGES]
    return [("understory", commit(Path(__file__).resolve().parents[3])), *found]


def costs(results: Path, *, rules, names) -> pd.DataFrame:
    """Time and memory of the jobs that ended well, by rule, as they recorded it.

    Parameters
    ----------
    results : Path
        The folder of a run's results.
    rules, names : collection of str
        The rules of the present configuration, and the values of its wildcards. A record of any other is a former
        configuration's, and does not count.

    Returns
    -------
    pandas.DataFrame
        `rule, jobs, total, longest, memory, cpu`: number of jobs, wall time of all and of the longest (s), the
        largest memory (MB) and processor time of all (s), the longest rule first.
    """
    found = map(usage.read, sorted((results / usage.FOLDER).rglob("*.json")))
    rows = [
        (record.rule, record.seconds, record.peak_mb, record.processor_seconds)
        for record in found
        if record is not None
        and record.state == "finished"
        and record.rule in rules
        and set(map(str, record.wildcards.values())) <= set(names)
    ]
    table = pd.DataFrame(rows, columns=["rule", "seconds", "memory", "cpu"])
    grouped = table.groupby("rule")
    columns = {
        "jobs": grouped.size(),
        "total": grouped.seconds.sum(),
        "longest": grouped.seconds.max(),
        "memory": grouped.memory.max(),
        "cpu": grouped.cpu.sum(),
    }
    return pd.DataFrame(columns).sort_values("total", ascending=False, kind="stable").reset_index()
