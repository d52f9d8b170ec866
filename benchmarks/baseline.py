"""What finished runs score out of fold, and what the same answer for everything would: rows of a Markdown table.

The answer is the classes in the order of their frequency among the scored rows; where the metric takes decisions, the
most frequent class.

    PYTHONPATH=scripts python benchmarks/baseline.py results/NAME …
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from understory.data import predictions
from understory.data.task import Task
from understory.evaluation import scoring
from understory.evaluation.label_matrices import present_labels
from understory.evaluation.metric import Metric


def baseline(out: Path) -> float:
    """The score of an answer that does not look at a recording."""
    task = Task.read(out / "labels.json")
    rows = scoring.scored_predictions(task, predictions.read(out / "ensemble/oof.csv", task.classes))
    labels = scoring.labels_of(task, rows.keys)
    # Ranks, as classes that are as frequent must not tie: ties are scored as the lowest of their places.
    ranks = rankdata(present_labels(labels).sum(axis=0), method="ordinal")
    answer = ranks == ranks.max() if Metric(task.metric).decided else ranks
    return scoring.score(task, labels, np.broadcast_to(answer, labels.shape))


def row(out: Path) -> str:
    """A run's name, metric, score, its 95 % interval and the baseline."""
    found = json.loads((out / "scores.json").read_text())
    low, high = found["oof_interval"]["low"], found["oof_interval"]["high"]
    return f"| {found['name']} | {found['metric']} | {found['oof']:.3f} | {low:.3f} to {high:.3f} | {baseline(out):.3f} |"


if __name__ == "__main__":
    print("| run | metric | score | 95 % interval | baseline |\n| --- | --- | --- | --- | --- |")
    for name in sys.argv[1:]:
        print(row(Path(name)))
