"""The five lines a run ends with: where the submission and the report are, and the scores.

python -m understory.summary config.yaml [recipes/NAME.yaml]
"""

import json
import statistics
import sys
from pathlib import Path

import yaml


def lines(folder: Path, *, tested: bool) -> list[str]:
    """The summary of a finished run's folder, `results/{name}`; `tested` where there are test recordings."""
    scores = json.loads((folder / "scores.json").read_text())
    folds = [entry["score"] for entry in scores["folds"]]
    models = sorted({entry["model"] for entry in scores["folds"]})
    submission = folder / "submission.csv"
    return [
        f"submission   {submission if tested and submission.exists() else 'none, as there are no test recordings'}",
        f"report       {folder / 'report.html'}",
        f"folds        {scores['metric']} {min(folds):.3f} to {max(folds):.3f}, mean {statistics.fmean(folds):.3f}, "
        f"over {len(folds)} folds of {', '.join(models)}",
        f"out-of-fold  {scores['metric']} {scores['oof']:.3f}",
        "truth        unknown"
        if scores["truth"] is None
        else f"truth        {scores['metric']} {scores['truth']:.3f}",
    ]


def main(paths):
    """Print the summary of the run that these configuration files describe, a later one over an earlier one."""
    name, tests = None, None
    for path in paths:
        config = yaml.safe_load(Path(path).read_text()) or {}
        name, tests = config.get("name", name), config.get("shards", {}).get("test", tests)
    print("\n".join(lines(Path("results", name), tested=bool(tests))))


if __name__ == "__main__":
    main(sys.argv[1:])
