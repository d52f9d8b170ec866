"""The sections of the report about folds: their scores and their learning curves."""

from understory.core import members
from understory.core.text import counted
from understory.report import figures
from understory.report.formatting import number
from understory.report.plotting import finite
from understory.report.results import Results
from understory.report.template import Figure, Section, Table


def fold_scores(results: Results) -> Section:
    """The score of each fold of each model, beside that of the ensemble."""
    task, scores, models = results.task, results.scores, results.scores_by_model
    lines = {
        "out-of-fold": scores["oof"],
        "truth": scores["truth"],
        f"{task.none} alone": results.baseline["out-of-fold"],
        "chance": results.metric.chance,
    }
    lines = {name: value for name, value in lines.items() if value is not None}
    caption = f"Points: {task.metric} of each fold. Bar: mean and standard deviation. Dashed: the ensemble"
    caption += " and reference scores." if len(lines) > 1 + ("truth" in lines) else "."
    if interval := results.interval:
        caption += " Shaded: 95 % interval out-of-fold."
    svg = figures.fold_scores(models, lines, task.metric, interval)
    figure = Figure("fold_scores", svg, caption, f"{task.metric} of the folds of {', '.join(models)}")
    rows = [
        [entry["model"], entry["fold"], f"{results.fold_sizes[entry['fold']]:,}", number(entry["score"])]
        for entry in scores["folds"]
    ]
    table = Table("Score of each fold", ["model", "fold", f"validation {results.rows}", task.metric], rows)
    return Section("folds", "Scores of the folds", [figure, *_notes(results), table])


def _notes(results):
    """The mean and the spread of the model's folds, in words, or in a table of the models where there are several."""
    notes, models = [], results.scores_by_model
    if len(models) > 1:
        rows = [_member(name, finite(values), results.weights) for name, values in models.items()]
        head = ["model", "seed", "weight", "mean of folds", "standard deviation", "folds"]
        # Without seeds or weights of their own, nothing is said of these.
        shown = [number for number in range(len(head)) if any(row[number] for row in rows)]
        cut = [[row[number] for number in shown] for row in rows]
        notes.append(Table("Members of the ensemble", [head[number] for number in shown], cut))
    for model, values in models.items() if len(models) == 1 else ():
        scores = finite(values)
        text = "no fold has a validation example."
        if len(scores):
            spread = f", standard deviation {scores.std(ddof=1):.3f}" if len(scores) > 1 else ""
            text = f"mean {scores.mean():.3f}{spread} over {counted(len(scores), 'fold')}."
        notes.append(f"{model}: {text}")
    if not results.task.exhaustive:
        notes.append(
            "Labels that were not annotated count as absent when labels are ranked, so these scores are too low where "
            "annotations are sparse."
        )
    return notes


def _member(name, scores, weights):
    """A row of the table of members."""
    spread = number(scores.std(ddof=1)) if len(scores) > 1 else ""
    weight = f"{weights[name]:.2f}" if weights else ""
    mean = number(scores.mean()) if len(scores) else "none"
    return [members.model_of(name), members.seed_of(name), weight, mean, spread, f"{len(scores):,}"]


def learning_curves(results: Results) -> Section:
    """Loss and score by epoch."""
    task, histories = results.task, results.histories
    epochs = max((len(history) for folds in histories.values() for history in folds.values()), default=0)
    marks = ("Filled", "Open") if epochs == 1 else ("Solid", "Dotted")
    caption = f"{marks[0]}: validation. {marks[1]}: training, including augmented copies."
    if results.metric.decided:
        caption += f" Here the {task.metric} uses a threshold of 0.5; thresholds are fitted after training."
    if task.scored == "recording":
        words = results.words
        caption += f" Here the {task.metric} is that of {words.examples}, not of {words.recordings}."
    alt = f"Loss and {task.metric} by epoch of {', '.join(histories)}"
    figure = Figure("learning_curves", figures.learning_curves(histories, task.metric), caption, alt)
    return Section("curves", "Learning curves", [figure])
