"""The sections of the report about the classes of a run: their scores, their curve and their confusions."""

import numpy as np
from scipy import sparse

from understory.core.text import counted
from understory.data.folds import UNVALIDATED
from understory.evaluation import analysis
from understory.report import figures
from understory.report.formatting import number
from understory.report.results import Results
from understory.report.template import Figure, Note, Section, Table

# Of more classes than this, the table of scores lists those that are drawn.
LISTED = 1000
# A precision-recall curve over fewer known absent labels says nothing: it is not drawn.
LEAST_ABSENT = 50
# A phone does not shrink a confusion matrix of more classes.
WIDE = 15


def of_many(results: Results) -> str:
    """Which of many classes are drawn."""
    some, count = analysis.EXTREMES, len(results.task.classes)
    return f"the {some} best- and the {some} worst-scored of {count:,} classes"


def class_scores(results: Results) -> Section:
    """The score of each class."""
    inside = results.drawn if len(results.task.classes) > LISTED else np.arange(len(results.task.classes))
    blocks = [_table(results, inside), *map(Note, _table_notes(results))]
    if results.metric.class_score:
        blocks = [*_class_figure(results), *blocks]
    return Section("classes", "Scores of the classes", blocks)


def _class_figure(results):
    """What the score of a class is, and the figure of these."""
    drawn, classes, truth = results.drawn, results.task.classes, results.true_class_scores
    means, some = results.class_means[0], len(drawn) < len(classes)
    name, meaning = results.metric.class_score
    text = f"The score of a class is its {name}: {meaning.format(rows=results.rows)}"
    caption = "Score of each class, out-of-fold. Bars: mean of the folds. Points: folds."
    if truth is not None:
        caption += f" Diamonds: test {results.words.recordings}, against the truth."
    if some:
        caption += " Top: distribution over all classes."
        listed = "the same" if len(classes) > LISTED else "all"
        text += f" The figure shows {of_many(results)}; the table lists {listed}."
    svg = figures.class_scores(
        [classes[n] for n in drawn],
        means[drawn],
        results.class_scores_by_fold[:, drawn],
        None if truth is None else truth[drawn],
        name,
        means if some else None,
    )
    alt = f"Scores of {len(drawn)} of {len(classes)} classes, as in the table below"
    return [text, Figure("class_scores", svg, caption, alt)]


def _table(results, inside):
    """The scores of the classes of these numbers, and what they come from."""
    names, thresholds, truth = results.task.classes, results.thresholds, results.true_class_scores
    means, deviations = results.class_means
    columns = {
        "class": [names[n] for n in inside],
        "mean of folds": map(number, means[inside]),
        "standard deviation": map(number, deviations[inside]),
        "folds": np.isfinite(results.class_scores_by_fold[:, inside]).sum(axis=0),
    }
    if truth is not None:
        truth = {"truth: score": map(number, truth[inside])}
    if results.metric.class_table == "precision":
        curves = {
            name: [analysis.precision_recall_of(rows, n) for n in inside]
            for name, rows in results.scored.items()
        }
        averages = {name: [number(curve.average) for curve in each] for name, each in curves.items()}
        if not why_no_curve(results.curves["out-of-fold"]):
            columns["average precision"] = averages["out-of-fold"]
        for kind in ("present", "absent"):
            columns[f"known {kind}"] = [f"{getattr(curve, kind):,}" for curve in curves["out-of-fold"]]
        if truth:
            truth["truth: average precision"] = averages["truth"]
    else:
        if thresholds:
            cuts = [thresholds[names[n]] for n in inside]
            columns["threshold"] = ["never" if cut >= 1 else f"{cut:.3f}" for cut in cuts]
        confusion = results.confusion
        counts = {"present": confusion.present, "predicted": confusion.decided, "correct": confusion.right}
        columns |= {name: [f"{count:,}" for count in each[inside]] for name, each in counts.items()}
    columns |= truth or {}
    return Table("Score of each class", list(columns), list(zip(*columns.values(), strict=True)))


def _table_notes(results):
    """What the columns of the table are."""
    counts = results.present_counts
    notes = ["Standard deviation: over the folds that have examples of the class."]
    if results.metric.class_table == "precision":
        if not all(map(why_no_curve, results.curves.values())):
            notes[0] += " Average precision: over known labels; none where all are present or all absent."
        notes += _absent_note(results)
    if results.metric.decided:
        notes.append(
            "All labels have the same fixed threshold."
            if results.settings["threshold"] is not None
            else "Out-of-fold, labels are predicted with thresholds fitted to the other folds. The thresholds in the table "
            f"are fitted to all folds and used for the test {results.test_rows}; “never” is a class that is not predicted."
        )
    only = counts.get(UNVALIDATED, 0) == counts.sum(axis=1)
    if count := int((only & (counts.sum(axis=1) > 0)).sum()):
        of = f"{counted(count, 'class', 'classes')} of {len(counts):,}"
        notes.append(f"{of} without a score: all examples are used only for training.")
    return notes


def curves(results: Results) -> Section:
    """The precision-recall curves over all classes together."""
    shown = {name: curve for name, curve in results.curves.items() if not why_no_curve(curve)}
    averages = ", ".join(f"average precision {name} {number(curve.average)}" for name, curve in shown.items())
    figure = Figure(
        "precision_recall",
        # Without any curve the page has no figure, and the file says why.
        figures.precision_recall(
            shown or {name: why_no_curve(each) for name, each in results.curves.items()}
        ),
        "All classes together (micro-average). Dashed: the precision by chance, which is the share of present labels.",
        f"Precision over recall; {averages}",
        shown=bool(shown),
    )
    return Section("known", "Precision and recall", [figure, *_curve_notes(results, shown)])


def why_no_curve(curve) -> str:
    """Why a precision-recall curve is not drawn; empty where it is."""
    if not curve.present:
        return "no curve: no label is\nknown to be present"
    if curve.absent < LEAST_ABSENT:
        return f"no curve: fewer than {LEAST_ABSENT} labels\nare known to be absent"
    return ""


def _curve_notes(results, shown):
    """What the curves are taken over."""
    notes = []
    for name, curve in results.curves.items():
        note = f"{name.capitalize()}: {curve.present:,} present and {curve.absent:,} absent labels are known."
        if name not in shown:
            least = f"at least {LEAST_ABSENT} absent labels" if curve.present else "present labels"
            note += f" There is no curve, which needs {least}."
        notes.append(note)
    if shown and results.metric.decided:
        notes.append("The curves use the predicted probabilities, before thresholds are applied.")
    if sparse.issparse(results.scored["out-of-fold"].values):
        notes.append(f"Only the highest predictions of each {results.row} are stored; the others count as 0.")
    if not results.task.exhaustive:
        notes += ["Unknown labels are left out.", *_absent_note(results)]
        if "out-of-fold" in shown:
            notes.append(
                "Out-of-fold, the labels known to be absent are those that an expert rejected: the curve shows how well "
                f"these are recognised, which may differ from other {results.rows}."
            )
    return notes


def _absent_note(results):
    """Why absent examples are not among the labels that are known to be absent."""
    if results.task.exhaustive or not results.absent_examples:
        return []
    count = counted(results.absent_examples, "absent example is", "absent examples are")
    return [
        f"{count} used only for training: out-of-fold predictions are made for present examples only, where few labels are "
        "known to be absent."
    ]


def confusion(results: Results) -> Section:
    """Which classes are predicted instead of which."""
    classes, rows, counts = results.task.classes, results.rows, results.confusion
    by_threshold = results.metric.decided
    pairs = [(classes[a], classes[b], count) for a, b, count in counts.pairs()]
    if few := len(classes) <= figures.MATRIX:
        predicted = "predicted" if by_threshold else "highest prediction"
        svg = figures.confusion_matrix(classes, counts.shares(), predicted, rows)
        caption = f"Share of each label's {rows}. Diagonal: correct predictions."
    else:
        svg = figures.confusion_pairs(pairs, rows)
        caption = f"The {len(pairs)} most frequent confusions of {len(classes):,} classes."
    text = f"Each {results.row} is predicted by the models that did not train on its fold."
    if by_threshold:
        text += " A label that is missed is counted with each label that is wrongly predicted instead."
    else:
        if results.settings["sources"] == "recordings":
            text += " Its label is the one that it is centred on."
        if not results.task.exhaustive:
            text += " A correct prediction of a label that was not annotated counts as an error."
    present = dict(zip(classes, counts.present, strict=True))
    lines = [(label, other, f"{count:,}", f"{count / present[label]:.0%}") for label, other, count in pairs]
    head = [
        "label",
        "wrongly predicted" if by_threshold else "highest prediction",
        rows,
        "share of the label",
    ]
    table = (
        Table("The most frequent confusions", head, lines, text=2) if pairs else "There are no confusions."
    )
    wide = few and len(classes) > WIDE
    figure = Figure("confusion", svg, caption, "Labels and predictions, out-of-fold", wide)
    return Section("confusion", "Out-of-fold confusion", [text, figure, table])
