"""What ran: the code, the packages, and the time and memory of the jobs."""

import subprocess
from pathlib import Path

import pandas as pd

from understory.plan import code_digests

PACKAGES = ("snakemake", "tensorflow", "keras", "numpy", "pandas", "scipy", "sklearn")
# Columns of Snakemake's benchmark files: s, MiB, s.
MEASURED = ["s", "max_rss", "cpu_time"]


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


def costs(folder: Path, *, rules, names) -> pd.DataFrame:
    """Time and memory of the jobs, by rule.

    Parameters
    ----------
    folder : Path
        Snakemake's benchmark files: `RULE.tsv`, or `RULE/NAME/.../NAME.tsv` with the job's wildcards.
    rules, names : collection of str
        The rules of the present configuration, and its shards, variants, models and folds as they stand in
        paths. A file of any other is a former configuration's, and does not count.

    Returns
    -------
    pandas.DataFrame
        `rule, jobs, total, longest, memory, cpu`: number of jobs, wall time of all and of the longest (s), the
        largest resident memory (MiB) and processor time of all (s), the longest rule first. What Snakemake
        did not measure (NA for a job that was over at once) is NaN.
    """
    tables = [pd.DataFrame(columns=["rule", "job", *MEASURED])]
    for path in sorted(folder.rglob("*.tsv")):
        rule, *wildcards = path.relative_to(folder).with_suffix("").parts
        if rule in rules and set(wildcards) <= set(names) and path.stat().st_size:
            measured = pd.read_csv(path, sep="\t").reindex(columns=MEASURED)
            tables.append(measured.assign(rule=rule, job=str(path)))
    table = pd.concat(tables)
    table[MEASURED] = table[MEASURED].apply(pd.to_numeric, errors="coerce").astype(float)
    grouped = table.groupby("rule")
    sums = grouped[["s", "cpu_time"]].sum(min_count=1)
    most = grouped[["s", "max_rss"]].max()
    columns = {
        "jobs": grouped.job.nunique(),
        "total": sums.s,
        "longest": most.s,
        "memory": most.max_rss,
        "cpu": sums.cpu_time,
    }
    return pd.DataFrame(columns).sort_values("total", ascending=False, kind="stable").reset_index()
