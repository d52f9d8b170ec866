"""What finished runs score out of fold, and what the same answer for everything would: rows of a Markdown table.

The floor's answer is the classes in the order of how frequent they are among the scored rows; where labels are decided,
the most frequent class.

    PYTHONPATH=scripts python benchmarks/floor.py results/NAME …
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from understory.data import predictions
from understory.data.task import Task
from understory.evaluation import metrics, scoring


def floor(out: Path) -> float:
    """The score of an answer that does not look at a recording."""
    task = Task.read(out / "labels.json")
    rows = scoring.judged(task, predictions.read(out / "ensemble/oof.csv", task.classes))
    labels = scoring.labels_of(task, rows.keys)
    # Ranks, as classes that are as frequent must not tie: ties are scored as the lowest of their places.
    ranks = rankdata(metrics.present_labels(labels).sum(axis=0), method="ordinal")
    answer = ranks == ranks.max() if task.metric in scoring.DECIDED else ranks
    return scoring.score(task, labels, np.broadcast_to(answer, labels.shape))


def row(out: Path) -> str:
    """A run's name, metric, score, its 95 % interval and the floor."""
    found = json.loads((out / "scores.json").read_text())
    low, high = found["oof_interval"]["low"], found["oof_interval"]["high"]
    return f"| {found['name']} | {found['metric']} | {found['oof']:.3f} | {low:.3f} to {high:.3f} | {floor(out):.3f} |"


if __name__ == "__main__":
    print("| run | metric | score | 95 % interval | floor |\n| --- | --- | --- | --- | --- |")
    for name in sys.argv[1:]:
        print(row(Path(name)))
