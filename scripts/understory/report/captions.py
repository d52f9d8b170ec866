"""What the report says beside its figures and tables."""

import numpy as np
from scipy import sparse

from understory.data.folds import UNVALIDATED
from understory.evaluation import analysis
from understory.evaluation.metric import Metric
from understory.report import figures
from understory.report.formatting import counted, number


class Captions:
    """What is said beside the figures and tables of one data set; of a figure its caption, and what is read aloud for it."""

    def __init__(self, task, words, row_words, found, settings):
        self.task, self.words, self.settings = task, words, settings
        self.rows = row_words[1]
        self.row = row_words[0]
        self.found, self.with_truth = found, "truth" in found
        self.metric = Metric(task.metric)
        self.decided = self.metric.decided
        self.other = "wrongly decided" if self.decided else "highest prediction"
        self.tests = "windows" if task.unit == "window" else words.recordings

    def learning(self, histories):
        """Of the learning curves."""
        one = max((len(h) for model in histories.values() for h in model.values()), default=0) == 1
        caption = (
            "Filled: validation. Open: training, augmented copies included."
            if one
            else "Solid: validation. Dotted: training, augmented copies included."
        )
        if self.decided:
            caption += f" The {self.task.metric} is here that of what is predicted above 0.5: thresholds are fitted afterwards."
        if self.task.scored == "recording":
            caption += f" The {self.task.metric} is here that of {self.words.examples}, not of {self.words.recordings}."
        return caption, f"Loss and {self.task.metric} by epoch of {', '.join(histories)}"

    def roc(self, rocs):
        """Of the receiver operating characteristic."""
        return (
            f"The share of the {self.rows} of {self.task.classes[1]} over that of the others, predicted at least so high. "
            "Dashed: chance.",
            "Receiver operating characteristic; "
            + ", ".join(f"area {name} {number(curve.area)}" for name, curve in rocs.items()),
        )

    def classes(self, drawn):
        """Of the figure of the classes' scores."""
        classes = self.task.classes
        return (
            f"Each class's {self.metric.class_score[0]}, out-of-fold. Bar: mean over the folds, each of which is a point."
            + (f" Diamond: against the truth of the test {self.words.recordings}." if self.with_truth else "")
            + (" Above: how many classes have which." if len(drawn) < len(classes) else ""),
            f"Scores of {len(drawn)} of {len(classes)} classes, as in the table below",
        )

    def of_classes(self, drawn, all_listed):
        """What a class's score is."""
        if "class_scores" not in self.metric.figures:
            return f"The {self.task.metric} is one score for all classes."
        name, what = self.metric.class_score
        rest = "the table has all" if all_listed else "the table has these"
        return (
            f"A class's score is its {name}: {what.format(rows=self.rows)} "
            + of_many(drawn, self.task.classes, "drawn", rest)
        ).strip()

    def table_notes(self, presences, sizes):
        """What stands below the table of classes."""
        notes = []
        if "roc" in self.metric.figures:
            return notes
        notes.append("Spread: standard deviation over the folds that have examples of the class.")
        if self.metric.class_table == "precision":
            notes[0] += (
                " Average precision: over the labels that are known; none, where the known are all present or all absent."
            )
            if note := self._absent(presences, self.found["out-of-fold"].known.count()[1]):
                notes[0] += f" {note}"
        if self.decided:
            notes.append(
                "Labels are decided by one threshold for all, which is fixed."
                if self.settings["threshold"] is not None
                else "Out-of-fold labels are decided by thresholds that were fitted to the other folds; the thresholds of "
                f"the table, which decide the test {self.tests}, are fitted to all. Never: it is decided of none."
            )
        if UNVALIDATED in sizes:
            only = (sizes[UNVALIDATED] > 0) & (sizes.drop(columns=UNVALIDATED).sum(axis=1) == 0)
            if only.any():
                notes.append(
                    f"{counted(int(only.sum()), 'class', 'classes')} of {len(only):,} {'is' if only.sum() == 1 else 'are'} only trained "
                    "with, and without a score."
                )
        return notes

    def precision_recall(self, over):
        """Of the precision-recall curve."""
        return (
            "All classes together (micro-average). Dashed: the share of present labels, which chance would give.",
            "Precision over recall; "
            + ", ".join(f"average precision {name} {number(curve.average)}" for name, curve in over.items()),
        )

    def known(self, over, presences):
        """What the precision-recall curve is about."""
        notes = [
            f"{name[0].upper()}{name[1:]}: {curve.present:,} present and {curve.absent:,} absent labels are known."
            for name, curve in over.items()
        ]
        if self.decided:
            notes.append("The curve is of the probabilities, before labels are decided.")
        if sparse.issparse(self.found["out-of-fold"].values):
            notes.append(f"Of each {self.row} only the highest predictions are kept: the others count as 0.")
        if self.task.exhaustive:
            return notes
        curve = over["out-of-fold"]
        notes.append("An unknown label counts neither way.")
        if absent := self._absent(presences, curve.absent):
            notes.append(absent)
        if curve.precision is not None:
            notes.append(
                "The few that are known to be absent were rejected by an expert: this curve says how well such are told apart, "
                f"and less of {self.rows} at large."
            )
        return notes

    def _absent(self, presences, known):
        """Why absent examples are not among the labels that are known to be absent."""
        absent = presences.get("absent", 0)
        if self.task.exhaustive or not absent:
            return ""
        return (
            f"The {counted(absent, 'absent example')} {'is' if absent == 1 else 'are'} for training alone: out-of-fold predictions exist only for "
            f"present ones, where {'hardly anything' if known else 'nothing'} is known to be absent."
        )

    def confused(self):
        """How rows and columns of the confusion come about."""
        text = f"Each {self.row} is predicted by the models that did not see its fold; "
        if self.decided:
            return (
                text + "where a label of it is missed, it counts beside each that is wrongly decided instead."
            )
        cut = "it was cut for" if self.settings["sources"] == "recordings" else "it has"
        text += f"its row is the label {cut}."
        if not self.task.exhaustive:
            text += " Another label that is there but was not given counts as an error here."
        return text

    def confusion(self, pairs):
        """Of the confusion."""
        classes = self.task.classes
        if len(classes) > figures.MATRIX:
            text = f"Of {len(classes):,} classes, the {len(pairs)} most frequent confusions."
        else:
            text = f"Shares of each label's {self.rows}."
            if self.decided:
                text += " On the diagonal, those where it is decided."
        return (
            text,
            f"Labelled classes and their {'decisions' if self.decided else 'highest predictions'}, out-of-fold",
        )


def counts(task, words, folds, presences, predictions, tested, unread):
    """What the data set holds, in a line."""
    annotated, present = folds.recording_id.nunique(), presences.get("present", 0)
    said = [counted(annotated, f"annotated {words.recording}", f"annotated {words.recordings}")]
    if absent := presences.get("absent", 0):
        said.append(f"{present:,} present and {absent:,} absent {words.examples}")
    elif present != annotated:
        said.append(counted(present, words.example, words.examples))
    said.append(counted(len(task.classes), "class", "classes"))
    if predictions is not None:
        said.append(counted(tested, f"test {words.recording}", f"test {words.recordings}"))
        if unread:
            said[-1] += f", {unread:,} of them not read"
        if task.unit == "window":
            said.append(f"predicted in {counted(len(predictions), 'window')}")
    return ", ".join(said)


def spreads(by_model, exhaustive):
    """The mean and the spread of each model's folds, in words."""
    notes = []
    for model, values in by_model.items():
        found = values[np.isfinite(values)]
        text = f"{model}: no fold has a validation example."
        if len(found):
            text = f"{model}: mean {found.mean():.3f}"
            text += f", standard deviation {found.std(ddof=1):.3f}" if len(found) > 1 else ""
            text += f" over {len(found)} {'fold' if len(found) == 1 else 'folds'}."
        notes.append(text)
    if not exhaustive:
        notes.append(
            "A label that nobody gave counts as not present when labels are ranked, so these scores are too low where labels are sparse."
        )
    return notes


def of_many(drawn, classes, what, rest):
    """That not all classes are drawn, where they are not."""
    if len(drawn) == len(classes):
        return ""
    return f"Of {len(classes):,} classes, the {analysis.EXTREMES} best- and the {analysis.EXTREMES} worst-scored are {what}; {rest}."
