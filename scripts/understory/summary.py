"""The five lines a run ends with: where the submission and the report are, and the scores."""

import json
import math
import statistics
import sys
from pathlib import Path


def lines(folder: Path) -> list[str]:
    """The summary of a finished run's folder, `results/{name}`."""
    scores = json.loads((folder / "scores.json").read_text())
    folds = [entry["score"] for entry in scores["folds"]]
    spread = f"{min(folds):.3f} to {max(folds):.3f}, mean {statistics.fmean(folds):.3f}"
    sent = folder / "submission.csv"
    return [
        f"submission   {sent if sent.exists() else 'none: the data set has no test recordings'}",
        f"report       {folder / 'report.html'}",
        f"folds        {scores['metric']} {spread}, over {len(folds)} folds",
        f"out-of-fold  {scores['metric']} {_shown(scores['oof'])}",
        f"truth        {scores['metric']} {_shown(scores['truth'])}"
        if scores["truth"] is not None
        else "truth        unknown",
    ]


def _shown(score):
    return "unknown" if score is None or math.isnan(score) else f"{score:.3f}"


if __name__ == "__main__":
    print("\n".join(lines(Path(sys.argv[1]))))
