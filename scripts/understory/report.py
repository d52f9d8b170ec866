"""The report: one HTML page that needs nothing beside it."""

from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from scipy import sparse

from understory import evaluation, evidence, gallery, headlines, plots, set_aside
from understory.examples import SEPARATOR
from understory.folds import UNVALIDATED
from understory.template import PAGE
from understory.wording import WORDS, counted, memory, number, time

# Of more classes than this, only the best- and the worst-scored are drawn, and of many more, listed.
CLASSES, EXTREMES, LISTED = 40, 12, 1000
# Of what is set aside, so many rows are shown at once.
OPEN = 20
# Width of a figure on a page that has room for it, over its own.
ENLARGED = 1.3
# Of a figure of more classes than this, a narrow screen shows a part.
MANY = 15

# What a class's score is called, and what it is, by the metric that it is a part of.
CLASS_SCORE = {
    "lwlrap": (
        "part of the lwlrap",
        "over the class's own labels, the mean share of present labels among those ranked at least as high.",
    ),
    "accuracy": (
        "recall, its part of the accuracy",
        "the share of the class's {examples} whose highest prediction is the class.",
    ),
    "row_f1": (
        "F1",
        "twice the {examples} that it is decided of rightly, over those that it is decided of and those that have it. The "
        "row_f1 is no mean of these: it is taken row by row.",
    ),
    "macro_f1": (
        "F1, its part of the macro_f1",
        "twice the {examples} that it is predicted of rightly, over those that it is predicted of and those that have it.",
    ),
}


class Page(NamedTuple):
    """The report as HTML, and the figures it holds as SVG, by name."""

    html: str
    figures: dict[str, bytes]


def page(
    *,
    settings,
    scored,
    task,
    folds,
    oof,
    predictions,
    truth,
    thresholds,
    histories,
    store,
    usable,
    quarantine,
    quarantine_path,
    costs,
    facts,
    configuration,
) -> Page:
    """The report and its figures.

    Parameters
    ----------
    settings : dict
        `report`, `features` (those that are shown) and `crop.window` (s) as in the configuration, `seed`, `control`,
        `select` by model, `sources` (one of `wording.WORDS`), `sequences`, those of the studies, and `threshold`, where it is fixed.
    scored : dict
        `scores.json`.
    task : tasks.Task
    folds : pandas.DataFrame
        The examples with their folds.
    oof : predictions.Predictions
        Out-of-fold predictions of examples.
    predictions : predictions.Predictions or None
        Of the test recordings, or of their windows.
    truth : pandas.DataFrame or None
        Of these, 1 for present and 0 for absent.
    thresholds : dict or None
        By class, what test predictions are decided by; None where nothing is decided.
    histories : dict
        Of each model, its folds' histories.
    store : list of (numpy.ndarray or understory.store.Pictures, pandas.DataFrame)
        The shards of the examples as recorded.
    usable : dict of list of str
        The ids of the recordings that were read, by subset.
    quarantine : pandas.DataFrame
        `subset, kind, recording_id, place, reason`, all text: what was not used.
    quarantine_path : str
        Where the whole of it is.
    costs : pandas.DataFrame
        As `provenance.costs` gives them.
    facts : list of (str, str)
    configuration : str
        The settings as YAML.
    """
    classes, metric, words = task.classes, task.metric, WORDS[settings["sources"]]
    index = pd.concat(
        [index.assign(part=part, row=range(len(index))) for part, (_, index) in enumerate(store)],
        ignore_index=True,
    )
    # Of a window with several labels the rarest in all of the data set, which a shard does not know.
    index["label"] = index.example_id.map(folds.set_index("example_id").label)
    by_id = index.set_index("example_id")
    found = {"out-of-fold": evidence.out_of_fold(task, oof, by_id, settings["threshold"])}
    if truth is not None:
        found["truth"] = evidence.against_truth(task, predictions, truth, thresholds)
    rows = found["out-of-fold"]
    row_words = (
        (words.recording, words.recordings) if task.scored == "recording" else (words.example, words.examples)
    )
    numbers = sorted({entry["fold"] for entry in scored["folds"]} | set(folds.fold) - {UNVALIDATED})
    by_fold, sizes_of_folds = evidence.by_fold(task, oof, numbers, settings["threshold"])
    means, spreads = evidence.over_folds(by_fold)
    drawn = _extremes(means)
    confusion = evidence.confusion(task, rows)
    pairs = [(classes[a], classes[b], count) for a, b, count in confusion.pairs()]
    by_model = {
        model: np.array([entry["score"] for entry in scored["folds"] if entry["model"] == model])
        for model in sorted({entry["model"] for entry in scored["folds"]})
    }
    sizes = folds[folds.presence == "present"].groupby(["label", "fold"]).size().unstack(fill_value=0)
    columns = numbers + [UNVALIDATED] * bool((folds.fold == UNVALIDATED).any())
    sizes = sizes.reindex(index=classes, columns=columns, fill_value=0).astype(int)
    presences = folds.presence.value_counts()

    said = _Said(task, words, row_words, found, settings)
    figures, told = {}, {}

    def add(name, content, caption, alt):
        figures[name], told[name] = content, (caption, alt)

    floor = evaluation.floor(task, rows.labels)
    add(
        "fold_scores",
        plots.fold_scores(
            by_model,
            {"out-of-fold": scored["oof"]}
            | ({"truth": scored["truth"]} if scored["truth"] is not None else {})
            | ({f"{task.none} alone": floor} if floor is not None else {})
            | ({"chance": 0.5} if metric == "roc_auc" else {}),
            metric,
            (scored["oof_interval"]["low"], scored["oof_interval"]["high"]),
        ),
        f"Points: {metric} of each fold. Bar: their mean and standard deviation. Dashed: "
        + ("the ensemble out-of-fold and against the truth" if "truth" in found else "all folds together")
        + (f", and {task.none} for every row" if floor is not None else "")
        + (", and chance" if metric == "roc_auc" else "")
        + ". Band: the 95 % interval out-of-fold.",
        f"{metric} of the folds of {', '.join(by_model)}",
    )
    add("learning_curves", plots.learning_curves(histories, metric), *said.learning(histories))
    if metric == "roc_auc":
        rocs = {name: evidence.roc(each) for name, each in found.items()}
        add("roc", plots.roc(rocs), *said.roc(rocs))
        panels = {name: evidence.by_class(each, classes) for name, each in found.items()}
        add(
            "separation",
            plots.separation(panels, f"prediction of {plots.plain(classes[1], 16)}", row_words[1]),
            f"How often {classes[1]} is predicted how high, of {row_words[1]} of either class.",
            f"Histograms of the predictions of {classes[1]}",
        )
        table = _separation_table(panels["out-of-fold"], row_words)
        known_notes = [
            f"{name[0].upper()}{name[1:]}: {counted(curve.present, row_words[0], row_words[1])} of {classes[1]} "
            f"and {curve.absent:,} of {classes[0]}."
            for name, curve in rocs.items()
        ]
    else:
        over = {name: evidence.precision_recall(each) for name, each in found.items()}
        true = evidence.class_scores(task, found["truth"]) if "truth" in found else None
        add(
            "class_scores",
            plots.class_scores(
                [classes[n] for n in drawn],
                means[drawn],
                by_fold[:, drawn],
                None if true is None else true[drawn],
                f"class's {CLASS_SCORE[metric][0]}",
                means if len(drawn) < len(classes) else None,
            ),
            *said.classes(drawn),
        )
        add("precision_recall", plots.precision_recall(over), *said.precision_recall(over))
        inside = range(len(classes)) if len(classes) <= LISTED else drawn
        table = _class_table(task, found, inside, means, spreads, by_fold, true, confusion, thresholds)
        known_notes = said.known(over, presences)
    add(
        "confusion",
        plots.confusion(
            classes,
            confusion.shares() if len(classes) <= plots.MATRIX else None,
            pairs,
            "decided" if said.decided else said.other,
            row_words[1],
        ),
        *said.confusion(pairs),
    )

    shown, shown_note = [], "None is asked for (report.examples is 0)."
    if wanted := settings["report"]["examples"]:
        most = min(wanted, max(1, gallery.PICTURES // (2 * len(drawn))))
        pictures = gallery.Gallery(settings, index, [array for array, _ in store], words)
        shown = gallery.examples(pictures, task, drawn, oof, rows, by_id, wanted=most)
        shown_note = f"{pictures.lead()}; the number is the out-of-fold prediction for the label. "
        shown_note += _of_many(drawn, classes, "shown", "the rest is left out")
        if most < wanted:
            shown_note += f" There are {most} and not {wanted} of each kind, to keep the page small."
    cards, cards_notes, warnings = headlines.cards(settings, task, scored, found, by_model, words=words)
    warnings += headlines.of_folds(folds, sizes, words)
    read = set(usable["test"])
    tested = [] if predictions is None else predictions.keys.recording_id.unique()
    unread = sum(name not in read for name in tested)
    html = PAGE.render(
        title=settings["report"]["title"],
        name=scored["name"],
        headings=headings(metric, words),
        contents=headings(metric, words).items(),
        metric=metric,
        words=words,
        row_words=row_words,
        cards=cards,
        cards_notes=cards_notes,
        open=OPEN,
        configuration=configuration,
        warnings=warnings,
        counts=_counts(task, words, folds, presences, predictions, len(tested), unread),
        figures={
            name: {
                "url": plots.data_url(content, "image/svg+xml"),
                "caption": told[name][0],
                "alt": told[name][1],
                "many": name == "confusion" and MANY < len(classes) <= plots.MATRIX,
                "width": _width(content),
            }
            for name, content in figures.items()
        },
        folds=[
            [
                entry["model"],
                entry["fold"],
                f"{sizes_of_folds[numbers.index(entry['fold'])]:,}",
                number(entry["score"]),
            ]
            for entry in scored["folds"]
        ],
        folds_notes=_spreads(by_model, task.exhaustive),
        classes_note=said.of_classes(drawn, len(classes) <= LISTED),
        classes_table=table,
        classes_notes=said.table_notes(presences, found, sizes),
        known_notes=known_notes,
        confusion_note=said.confused(),
        pairs_head=["label", said.other, row_words[1], "share of the label"],
        pairs=[
            (label, other, f"{count:,}", f"{count / confusion.present[classes.index(label)]:.0%}")
            for label, other, count in pairs
        ],
        count_table=_count_table(sizes, drawn, numbers, words),
        count_note=_count_note(sizes, index, words),
        shown=shown,
        shown_note=shown_note,
        quarantine=set_aside.section(
            quarantine, quarantine_path, usable, unread, words=words, with_truth=truth is not None
        ),
        costs=[
            [row.rule, f"{row.jobs:,}", *map(time, (row.total, row.longest, row.cpu)), memory(row.memory)]
            for row in costs.itertuples()
        ],
        facts=facts,
    )
    return Page(html, figures)


def headings(metric: str, words) -> dict[str, str]:
    """The page's sections, by anchor."""
    one = metric == "roc_auc"
    return {
        "folds": "Scores of the folds",
        "classes": "Predictions of the classes" if one else "Scores of the classes",
        "curves": "Learning curves",
        "known": "Receiver operating characteristic" if one else "Precision and recall",
        "confusion": "Out-of-fold confusion",
        "counts": f"{words.examples.capitalize()} by class and fold",
        "examples": "Best and worst examples",
        "quarantine": "Quarantine",
        "costs": "Time and memory",
        "ran": "What ran",
    }


class _Said:
    """What is said beside figures and tables."""

    def __init__(self, task, words, row_words, found, settings):
        self.task, self.words, self.settings = task, words, settings
        self.rows = row_words[1]
        self.row = row_words[0]
        self.found, self.with_truth = found, "truth" in found
        self.decided = task.metric in evaluation.DECIDED
        self.other = "wrongly decided" if self.decided else "highest prediction"
        self.tests = "windows" if task.unit == "window" else words.recordings

    def learning(self, histories):
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
        return (
            f"The share of the {self.rows} of {self.task.classes[1]} over that of the others, predicted at least so high. "
            "Dashed: chance.",
            "Receiver operating characteristic; "
            + ", ".join(f"area {name} {number(curve.area)}" for name, curve in rocs.items()),
        )

    def classes(self, drawn):
        classes = self.task.classes
        return (
            f"Each class's {CLASS_SCORE[self.task.metric][0]}, out-of-fold. Bar: mean over the folds, each of which is a point."
            + (f" Diamond: against the truth of the test {self.words.recordings}." if self.with_truth else "")
            + (" Above: how many classes have which." if len(drawn) < len(classes) else ""),
            f"Scores of {len(drawn)} of {len(classes)} classes, as in the table below",
        )

    def of_classes(self, drawn, all_listed):
        if self.task.metric == "roc_auc":
            return "How well two classes are told apart is one score, that of the curve below."
        name, what = CLASS_SCORE[self.task.metric]
        rest = "the table has all" if all_listed else "the table has these"
        return (
            f"A class's score is its {name}: {what.format(examples=self.rows)} "
            + _of_many(drawn, self.task.classes, "drawn", rest)
        ).strip()

    def table_notes(self, presences, found, sizes):
        notes = []
        if self.task.metric == "roc_auc":
            return notes
        notes.append("Spread: standard deviation over the folds that have examples of the class.")
        if self.task.metric in ("lwlrap", "accuracy"):
            notes[0] += (
                " Average precision: over the labels that are known; none, where the known are all present or all absent."
            )
            if note := self._absent(presences, found["out-of-fold"].known.count()[1]):
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
        classes = self.task.classes
        if len(classes) > plots.MATRIX:
            text = f"Of {len(classes):,} classes, the {len(pairs)} most frequent confusions."
        else:
            text = f"Shares of each label's {self.rows}."
            if self.decided:
                text += " On the diagonal, those where it is decided."
        return (
            text,
            f"Labelled classes and their {'decisions' if self.decided else 'highest predictions'}, out-of-fold",
        )


def _counts(task, words, folds, presences, predictions, tested, unread):
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


def _width(svg):
    """Pixels that a figure is shown with where there is room."""
    points = float(ElementTree.fromstring(svg).get("width").removesuffix("pt"))
    return round(points * 4 / 3 * ENLARGED)


def _spreads(by_model, exhaustive):
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


def _extremes(means):
    """The classes that are drawn: all, or of many the best- and the worst-scored, the best first."""
    if len(means) <= CLASSES:
        return np.arange(len(means))
    order = np.argsort(-np.nan_to_num(means, nan=-np.inf), kind="stable")
    scored = order[: np.isfinite(means).sum()]
    # Classes without a score have nothing to show as long as others do.
    chosen = scored if len(scored) >= 2 * EXTREMES else order[: 2 * EXTREMES]
    return np.concatenate([chosen[:EXTREMES], chosen[-EXTREMES:]])


def _of_many(drawn, classes, what, rest):
    if len(drawn) == len(classes):
        return ""
    return f"Of {len(classes):,} classes, the {EXTREMES} best- and the {EXTREMES} worst-scored are {what}; {rest}."


def _separation_table(by_class, row_words):
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


def _class_table(task, found, inside, means, spreads, by_fold, true, confusion, thresholds):
    """The scores of classes, and what they come from."""
    head = ["class", "mean of the folds", "spread", "folds"]
    with_curves = task.metric in ("lwlrap", "accuracy")
    if with_curves:
        head += ["average precision", "known present", "known absent"]
    else:
        said = "decided" if task.metric in evaluation.DECIDED else "predicted"
        head += (["threshold"] if thresholds else []) + ["present", said, "rightly"]
    if true is not None:
        head += ["truth: score"] + (["truth: average precision"] if with_curves else [])
    rows = []
    for n in inside:
        row = [task.classes[n], number(means[n]), number(spreads[n]), int(np.isfinite(by_fold[:, n]).sum())]
        if with_curves:
            curve = evidence.precision_recall_of(found["out-of-fold"], n)
            row += [number(curve.average), f"{curve.present:,}", f"{curve.absent:,}"]
        else:
            if thresholds:
                cut = thresholds[task.classes[n]]
                row.append("never" if cut >= 1 else f"{cut:.3f}")
            row += [f"{counts[n]:,}" for counts in (confusion.present, confusion.decided, confusion.right)]
        if true is not None:
            row.append(number(true[n]))
            if with_curves:
                row.append(number(evidence.precision_recall_of(found["truth"], n).average))
        rows.append(row)
    return {"caption": "Scores of each class", "head": head, "rows": rows}


def _count_table(sizes, drawn, numbers, words):
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


def _count_note(sizes, index, words):
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
