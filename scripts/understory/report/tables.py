"""The report's tables."""

import numpy as np

from understory.data.dataset import SEPARATOR
from understory.data.folds import UNVALIDATED
from understory.evaluation import analysis
from understory.evaluation.metric import Metric
from understory.report.formatting import number

# Of more classes than this, not all are listed.
LISTED = 1000


def separation(by_class, row_words):
    """How high the second of two classes is predicted of rows of either."""
    rows = []
    for label, values in by_class.items():
        quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]) if len(values) else [np.nan] * 5
        rows.append([label, f"{len(values):,}", *map(number, quartiles)])
    head = [
        "labelled",
        row_words[1],
        "lowest",
        "first quarter below",
        "median",
        "last quarter above",
        "highest",
    ]
    other = list(by_class)[-1]
    return {"caption": f"Out-of-fold predictions of {other}", "head": head, "rows": rows}


def classes(task, found, inside, means, spreads, by_fold, true, confusion, thresholds):
    """The scores of classes, and what they come from."""
    head = ["class", "mean of the folds", "spread", "folds"]
    metric = Metric(task.metric)
    with_curves = metric.class_table == "precision"
    if with_curves:
        head += ["average precision", "known present", "known absent"]
    else:
        said = "decided" if metric.decided else "predicted"
        head += (["threshold"] if thresholds else []) + ["present", said, "rightly"]
    if true is not None:
        head += ["truth: score"] + (["truth: average precision"] if with_curves else [])
    rows = []
    for n in inside:
        row = [task.classes[n], number(means[n]), number(spreads[n]), int(np.isfinite(by_fold[:, n]).sum())]
        if with_curves:
            curve = analysis.precision_recall_of(found["out-of-fold"], n)
            row += [number(curve.average), f"{curve.present:,}", f"{curve.absent:,}"]
        else:
            if thresholds:
                cut = thresholds[task.classes[n]]
                row.append("never" if cut >= 1 else f"{cut:.3f}")
            row += [f"{counts[n]:,}" for counts in (confusion.present, confusion.decided, confusion.right)]
        if true is not None:
            row.append(number(true[n]))
            if with_curves:
                row.append(number(analysis.precision_recall_of(found["truth"], n).average))
        rows.append(row)
    return {"caption": "Scores of each class", "head": head, "rows": rows}


def counts(sizes, drawn, numbers, words):
    """Present examples by class and fold; of very many classes, of those that are drawn."""
    part = sizes if len(sizes) <= LISTED else sizes.iloc[drawn]
    head = ["class", *(f"fold {fold}" for fold in numbers)]
    head += ["only trained with"] * (UNVALIDATED in sizes) + ["all"]
    rows = [
        [label, *(f"{value:,}" for value in (*values, sum(values)))]
        for label, values in zip(part.index, part.to_numpy().tolist(), strict=True)
    ]
    return {
        "caption": f"Present {words.examples} of each class, by the fold they validate",
        "head": head,
        "rows": rows,
    }


def counts_note(sizes, index, words):
    """What the table of counts leaves out."""
    notes = []
    if len(sizes) > LISTED:
        each = sizes.sum(axis=1)
        notes.append(
            f"Of {len(sizes):,} classes those that are drawn above. A class has {each.min():,} to {each.max():,} present "
            f"{words.examples}, half of the classes {int(each.median()):,} or fewer."
        )
    if index.present.str.contains(SEPARATOR, regex=False).any():
        notes.append(
            f"Of {words.examples} with several labels each counts for the one that it was cut for alone."
        )
    return " ".join(notes)
