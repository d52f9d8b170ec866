"""The sections of the report about folds: their scores and their learning curves."""

import numpy as np

from understory.report import by_metric, figures
from understory.report.formatting import number
from understory.report.results import Results
from understory.report.template import Figure, Section, Table


def fold_scores(results: Results) -> Section:
    """The score of each fold of each model, beside that of the ensemble."""
    task, scores = results.task, results.scores
    # By name: what is drawn as a line, and what it is.
    lines = {
        "out-of-fold": (scores["oof"], "the ensemble out-of-fold"),
        "truth": (scores["truth"], "the ensemble against the truth"),
        f"{task.none} alone": (results.baseline["out-of-fold"], f"{task.none} for every {results.row}"),
        "chance": (by_metric.chance(task), "chance"),
    }
    lines = {name: line for name, line in lines.items() if line[0] is not None}
    interval = (scores["oof_interval"][side] for side in ("low", "high"))
    figure = Figure(
        "fold_scores",
        figures.fold_scores(
            results.scores_by_model,
            {name: value for name, (value, _) in lines.items()},
            task.metric,
            None if results.no_interval else tuple(interval),
        ),
        f"Points: {task.metric} of each fold. Bar: mean and standard deviation. Dashed: "
        f"{', '.join(text for _, text in lines.values())}."
        + ("" if results.no_interval else " Shaded: 95 % interval out-of-fold."),
        f"{task.metric} of the folds of {', '.join(results.scores_by_model)}",
    )
    head = ["model", "fold", f"validation {results.rows}", task.metric]
    rows = [
        [entry["model"], entry["fold"], f"{results.fold_sizes[entry['fold']]:,}", number(entry["score"])]
        for entry in scores["folds"]
    ]
    notes = [("text", note) for note in _notes(results)]
    table = "table", Table("Score of each fold", head, rows)
    return Section("folds", "Scores of the folds", [("figure", figure), *notes, table])


def _notes(results):
    """The mean and the spread of each model's folds, in words."""
    notes = []
    for model, values in results.scores_by_model.items():
        scores = values[np.isfinite(values)]
        text = f"{model}: no fold has a validation example."
        if len(scores):
            text = f"{model}: mean {scores.mean():.3f}"
            text += f", standard deviation {scores.std(ddof=1):.3f}" if len(scores) > 1 else ""
            text += f" over {len(scores)} {'fold' if len(scores) == 1 else 'folds'}."
        notes.append(text)
    if not results.task.exhaustive:
        notes.append(
            "Labels that were not annotated count as absent when labels are ranked, so these scores are too low where "
            "annotations are sparse."
        )
    return notes


def learning_curves(results: Results) -> Section:
    """Loss and score by epoch."""
    task, histories = results.task, results.histories
    epochs = max((len(history) for folds in histories.values() for history in folds.values()), default=0)
    marks = ("Filled", "Open") if epochs == 1 else ("Solid", "Dotted")
    caption = f"{marks[0]}: validation. {marks[1]}: training, including augmented copies."
    if by_metric.by_threshold(task):
        caption += f" Here the {task.metric} uses a threshold of 0.5; thresholds are fitted after training."
    if task.scored == "recording":
        caption += (
            f" Here the {task.metric} is that of {results.words.examples}, not of {results.words.recordings}."
        )
    alt = f"Loss and {task.metric} by epoch of {', '.join(histories)}"
    figure = Figure("learning_curves", figures.learning_curves(histories, task.metric), caption, alt)
    return Section("curves", "Learning curves", [("figure", figure)])
