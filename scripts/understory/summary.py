"""The five lines a run ends with: where the submission and the report are, and the scores.

python -m understory.summary config.yaml [recipes/NAME.yaml]
"""

import csv
import json
import statistics
import sys
from collections import Counter
from pathlib import Path

import yaml


def lines(folder: Path, *, tested: bool) -> list[str]:
    """The summary of a finished run's folder, `results/{name}`; `tested` where there are test recordings."""
    scores = json.loads((folder / "scores.json").read_text())
    folds = [entry["score"] for entry in scores["folds"]]
    models = sorted({entry["model"] for entry in scores["folds"]})
    submission = folder / "submission.csv"
    tested = tested and submission.exists()
    return [
        f"submission   {submission if tested else 'none, as there are no test recordings'}{_set_aside(folder, scores, tested)}",
        f"report       {folder / 'report.html'}",
        f"folds        {scores['metric']} {min(folds):.3f} to {max(folds):.3f}, mean {statistics.fmean(folds):.3f}, "
        f"over {len(folds)} folds of {', '.join(models)}",
        f"out-of-fold  {scores['metric']} {scores['oof']:.3f}",
        "truth        unknown"
        if scores["truth"] is None
        else f"truth        {scores['metric']} {scores['truth']:.3f}",
    ]


def _column(path, name):
    with open(path, newline="", encoding="utf-8") as file:
        return [row[name] for row in csv.DictReader(file)]


def _set_aside(folder, scores, tested):
    """What of the data was not used, in brackets; nothing where all was."""
    said = []
    if tested:
        names = _column(folder / "ensemble" / "predictions.csv", "recording_id")
        first = scores["folds"][0]
        windows = folder / "predictions" / first["model"] / f"fold{first['fold']}.csv"
        if unread := len(set(names) - set(_column(windows, "recording_id"))):
            said.append(
                f"{unread} of {len(names)} rows {'holds' if unread == 1 else 'hold'} the classes' shares"
            )
    kinds = Counter(_column(folder / "quarantine.csv", "kind"))
    if kinds:
        counted = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.most_common()]
        said.append(f"{' and '.join(counted)} set aside, see {folder / 'quarantine.csv'}")
    return f" ({'; '.join(said)})" if said else ""


def main(paths):
    """Print the summary of the run that these configuration files describe, a later one over an earlier one."""
    name, tests = None, None
    for path in paths:
        config = yaml.safe_load(Path(path).read_text()) or {}
        name, tests = config.get("name", name), config.get("shards", {}).get("test", tests)
    print("\n".join(lines(Path("results", name), tested=bool(tests))))


if __name__ == "__main__":
    main(sys.argv[1:])
