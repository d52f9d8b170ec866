"""The sections of the report about the classes of a run: their scores, their curve and their confusions."""

import numpy as np
from scipy import sparse

from understory.data.folds import UNVALIDATED
from understory.evaluation import analysis
from understory.report import by_metric, figures
from understory.report.formatting import counted, number
from understory.report.results import Results
from understory.report.template import Figure, Section, Table

# Of more classes than this, the table of scores lists those that are drawn.
LISTED = 1000
# A precision-recall curve over fewer known absent labels says nothing: it is not drawn.
LEAST_ABSENT = 50
# A phone does not shrink a confusion matrix of more classes.
WIDE = 15


def class_scores(results: Results) -> Section:
    """The score of each class."""
    task, drawn, classes = results.task, results.drawn, results.task.classes
    name, meaning = by_metric.class_score(task, results.rows)
    means, truth = results.class_means, results.true_class_scores
    all_drawn, all_listed = len(drawn) == len(classes), len(classes) <= LISTED
    caption = "Score of each class, out-of-fold. Bars: mean of the folds. Points: folds."
    if truth is not None:
        caption += f" Diamonds: test {results.words.recordings}, against the truth."
    if not all_drawn:
        caption += " Top: distribution over all classes."
    figure = Figure(
        "class_scores",
        figures.class_scores(
            [classes[n] for n in drawn],
            means[drawn],
            results.class_scores_by_fold[:, drawn],
            None if truth is None else truth[drawn],
            name,
            None if all_drawn else means,
        ),
        caption,
        f"Scores of {len(drawn)} of {len(classes)} classes, as in the table below",
    )
    text = f"The score of a class is its {name}: {meaning}"
    if not all_drawn:
        text += (
            f" The figure shows {of_many(results)}; the table lists {'all' if all_listed else 'the same'}."
        )
    blocks = [("text", text), ("figure", figure)]
    blocks.append(("table", _table(results, range(len(classes)) if all_listed else drawn)))
    blocks += [("note", note) for note in _table_notes(results)]
    return Section("classes", "Scores of the classes", blocks)


def _table(results, inside):
    """The scores of the classes of these numbers."""
    task, truth, thresholds = results.task, results.true_class_scores, results.thresholds
    with_truth, ranks_labels = truth is not None, by_metric.ranks_labels(task)
    with_average = too_few_absent(results.curves["out-of-fold"]) is None
    head = ["class", "mean of folds", "standard deviation", "folds"]
    if ranks_labels:
        head += ["average precision"] * with_average + ["known present", "known absent"]
    else:
        head += ["threshold"] * bool(thresholds) + ["present", "predicted", "correct"]
    head += ["truth: score"] * with_truth + ["truth: average precision"] * (with_truth and ranks_labels)
    rows, scores = [], results.class_scores_by_fold
    counts = results.confusion.present, results.confusion.decided, results.confusion.right
    for n in inside:
        row = [task.classes[n], number(results.class_means[n]), number(results.class_deviations[n])]
        row.append(int(np.isfinite(scores[:, n]).sum()))
        if ranks_labels:
            curve = analysis.precision_recall_of(results.scored["out-of-fold"], n)
            row += [number(curve.average)] * with_average + [f"{curve.present:,}", f"{curve.absent:,}"]
        else:
            if thresholds:
                threshold = thresholds[task.classes[n]]
                row.append("never" if threshold >= 1 else f"{threshold:.3f}")
            row += [f"{count[n]:,}" for count in counts]
        if with_truth:
            row.append(number(truth[n]))
            if ranks_labels:
                row.append(number(analysis.precision_recall_of(results.scored["truth"], n).average))
        rows.append(row)
    return Table("Score of each class", head, rows)


def _table_notes(results):
    task, notes = results.task, ["Standard deviation: over the folds that have examples of the class."]
    if by_metric.ranks_labels(task):
        curves = results.curves
        if any(too_few_absent(curve) is None for curve in curves.values()):
            notes[0] += (
                " Average precision: over known labels; none where all of them are present or all absent."
            )
        notes += _absent_note(results)
    if by_metric.by_threshold(task):
        notes.append(
            "All labels have the same fixed threshold."
            if results.settings["threshold"] is not None
            else "Out-of-fold, labels are predicted with thresholds fitted to the other folds. The thresholds in the table "
            f"are fitted to all folds and used for the test {results.test_rows}; a class with “never” is predicted for none."
        )
    counts = results.present_counts
    if UNVALIDATED in counts:
        only = (counts[UNVALIDATED] > 0) & (counts.drop(columns=UNVALIDATED).sum(axis=1) == 0)
        if only.any():
            verb = (
                "is used only for training and has"
                if only.sum() == 1
                else "are used only for training and have"
            )
            notes.append(f"{counted(int(only.sum()), 'class', 'classes')} of {len(only):,} {verb} no score.")
    return notes


def curves(results: Results) -> Section:
    """The precision-recall curves over all classes together."""
    reasons = {name: too_few_absent(curve) for name, curve in results.curves.items()}
    panels = {name: reasons[name] or curve for name, curve in results.curves.items()}
    shown = {name: curve for name, curve in results.curves.items() if reasons[name] is None}
    averages = ", ".join(f"average precision {name} {number(curve.average)}" for name, curve in shown.items())
    figure = Figure(
        "precision_recall",
        # Without any curve the page has no figure, and the file says why.
        figures.precision_recall(shown or panels),
        "All classes together (micro-average). Dashed: the precision by chance, which is the share of present labels.",
        f"Precision over recall; {averages}",
    )
    notes = [("text", note) for note in _curve_notes(results, shown)]
    return Section("known", "Precision and recall", [("figure" if shown else "file", figure), *notes])


def too_few_absent(curve) -> str | None:
    """Why a precision-recall curve is not drawn; None where it is."""
    if not curve.present:
        return "no curve: no label is\nknown to be present"
    if curve.absent < LEAST_ABSENT:
        return f"no curve: fewer than {LEAST_ABSENT} labels\nare known to be absent"
    return None


def _curve_notes(results, shown):
    notes = []
    for name, curve in results.curves.items():
        notes.append(
            f"{name.capitalize()}: {curve.present:,} present and {curve.absent:,} absent labels are known."
        )
        if name not in shown:
            least = f"at least {LEAST_ABSENT} absent labels" if curve.present else "present labels"
            notes[-1] += f" There is no curve, which needs {least}."
    if shown and by_metric.by_threshold(results.task):
        notes.append("The curves use the predicted probabilities, before thresholds are applied.")
    if sparse.issparse(results.scored["out-of-fold"].values):
        notes.append(f"Only the highest predictions of each {results.row} are stored; the others count as 0.")
    if not results.task.exhaustive:
        notes.append("Unknown labels are left out.")
        notes += _absent_note(results)
        if "out-of-fold" in shown:
            notes.append(
                "Out-of-fold, the labels known to be absent are those that an expert rejected: the curve shows how well "
                f"these are recognised, which may differ from other {results.rows}."
            )
    return notes


def _absent_note(results):
    """Why absent examples are not among the labels that are known to be absent."""
    absent = results.absent_examples
    if results.task.exhaustive or not absent:
        return []
    return [
        f"{counted(absent, 'absent example')} {'is' if absent == 1 else 'are'} used only for training: out-of-fold "
        "predictions are made of present examples, where few labels are known to be absent."
    ]


def confusion(results: Results) -> Section:
    """Which classes are predicted instead of which."""
    task, classes, cells = results.task, results.task.classes, results.confusion
    by_threshold = by_metric.by_threshold(task)
    pairs = [(classes[a], classes[b], count) for a, b, count in cells.pairs()]
    if few := len(classes) <= figures.MATRIX:
        predicted = "predicted" if by_threshold else "highest prediction"
        svg = figures.confusion_matrix(classes, cells.shares(), predicted, results.rows)
        caption = f"Share of each label's {results.rows}. Diagonal: correct predictions."
    else:
        svg = figures.confusion_pairs(pairs, results.rows)
        caption = f"The {len(pairs)} most frequent confusions of {len(classes):,} classes."
    head = ["label", "wrongly predicted" if by_threshold else "highest prediction", results.rows]
    rows = [
        (label, other, f"{count:,}", f"{count / cells.present[classes.index(label)]:.0%}")
        for label, other, count in pairs
    ]
    table = Table("The most frequent confusions", [*head, "share of the label"], rows, text=2)
    wide = few and len(classes) > WIDE
    figure = Figure("confusion", svg, caption, "Labels and predictions, out-of-fold", wide)
    return Section(
        "confusion",
        "Out-of-fold confusion",
        [
            ("text", _confusion_text(results)),
            ("figure", figure),
            ("table", table) if pairs else ("text", "There are no confusions."),
        ],
    )


def _confusion_text(results):
    """How rows and columns of the confusion come about."""
    text = f"Each {results.row} is predicted by the models that did not train on its fold."
    if by_metric.by_threshold(results.task):
        return f"{text} A label that is missed is counted with each label that is wrongly predicted instead."
    if results.settings["sources"] == "recordings":
        text += " Its label is the one that it is centred on."
    if not results.task.exhaustive:
        text += " A prediction that is right but was not annotated counts as an error."
    return text


def of_many(results: Results) -> str:
    """Which of many classes are drawn."""
    return (
        f"the {analysis.EXTREMES} best- and the {analysis.EXTREMES} worst-scored of "
        f"{len(results.task.classes):,} classes"
    )
