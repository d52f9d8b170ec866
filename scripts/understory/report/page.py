"""The report: one HTML page that needs nothing beside it."""

from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from understory.data.folds import UNVALIDATED
from understory.evaluation import analysis, scoring
from understory.evaluation.metric import Metric
from understory.report import captions, gallery, scorecards, tables
from understory.report import figures as plots
from understory.report.formatting import WORDS, counted, memory, number, time
from understory.report.quarantine import section
from understory.report.template import PAGE

# Of what is set aside, so many rows are shown at once.
OPEN = 20
# Width of a figure on a page that has room for it, over its own.
ENLARGED = 1.3
# Of a figure of more classes than this, a narrow screen shows a part.
MANY = 15


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
    store : list of (numpy.ndarray or understory.images.store.Images, pandas.DataFrame)
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
    found = {"out-of-fold": analysis.out_of_fold(task, oof, by_id, settings["threshold"])}
    if truth is not None:
        found["truth"] = analysis.against_truth(task, predictions, truth, thresholds)
    rows = found["out-of-fold"]
    row_words = (
        (words.recording, words.recordings) if task.scored == "recording" else (words.example, words.examples)
    )
    numbers = sorted({entry["fold"] for entry in scored["folds"]} | set(folds.fold) - {UNVALIDATED})
    by_fold, sizes_of_folds = analysis.class_scores_by_fold(task, oof, numbers, settings["threshold"])
    means, spreads = analysis.over_folds(by_fold)
    drawn = analysis.extremes(means)
    confusion = analysis.confusion(task, rows)
    pairs = [(classes[a], classes[b], count) for a, b, count in confusion.pairs()]
    by_model = {
        model: np.array([entry["score"] for entry in scored["folds"] if entry["model"] == model])
        for model in sorted({entry["model"] for entry in scored["folds"]})
    }
    sizes = folds[folds.presence == "present"].groupby(["label", "fold"]).size().unstack(fill_value=0)
    columns = numbers + [UNVALIDATED] * bool((folds.fold == UNVALIDATED).any())
    sizes = sizes.reindex(index=classes, columns=columns, fill_value=0).astype(int)
    presences = folds.presence.value_counts()

    said = captions.Captions(task, words, row_words, found, settings)
    figures, told = {}, {}

    def add(name, content, caption, alt):
        figures[name], told[name] = content, (caption, alt)

    baseline, chance = scoring.baseline(task, rows.labels), Metric(metric).chance
    add(
        "fold_scores",
        plots.fold_scores(
            by_model,
            {"out-of-fold": scored["oof"]}
            | ({"truth": scored["truth"]} if scored["truth"] is not None else {})
            | ({f"{task.none} alone": baseline} if baseline is not None else {})
            | ({"chance": chance} if chance is not None else {}),
            metric,
            (scored["oof_interval"]["low"], scored["oof_interval"]["high"]),
        ),
        f"Points: {metric} of each fold. Bar: their mean and standard deviation. Dashed: "
        + ("the ensemble out-of-fold and against the truth" if "truth" in found else "all folds together")
        + (f", and {task.none} for every row" if baseline is not None else "")
        + (", and chance" if chance is not None else "")
        + ". Band: the 95 % interval out-of-fold.",
        f"{metric} of the folds of {', '.join(by_model)}",
    )
    add("learning_curves", plots.learning_curves(histories, metric), *said.learning(histories))
    if "roc" in said.metric.figures:
        rocs = {name: analysis.roc(each) for name, each in found.items()}
        add("roc", plots.roc(rocs), *said.roc(rocs))
        panels = {name: analysis.by_class(each, classes) for name, each in found.items()}
        add(
            "separation",
            plots.separation(panels, f"prediction of {plots.plain(classes[1], 16)}", row_words[1]),
            f"How often {classes[1]} is predicted how high, of {row_words[1]} of either class.",
            f"Histograms of the predictions of {classes[1]}",
        )
        table = tables.separation(panels["out-of-fold"], row_words)
        known_notes = [
            f"{name[0].upper()}{name[1:]}: {counted(curve.present, row_words[0], row_words[1])} of {classes[1]} "
            f"and {curve.absent:,} of {classes[0]}."
            for name, curve in rocs.items()
        ]
    else:
        over = {name: analysis.precision_recall(each) for name, each in found.items()}
        true = analysis.class_scores(task, found["truth"]) if "truth" in found else None
        if "class_scores" in said.metric.figures:
            add(
                "class_scores",
                plots.class_scores(
                    [classes[n] for n in drawn],
                    means[drawn],
                    by_fold[:, drawn],
                    None if true is None else true[drawn],
                    f"class's {said.metric.class_score[0]}",
                    means if len(drawn) < len(classes) else None,
                ),
                *said.classes(drawn),
            )
        add("precision_recall", plots.precision_recall(over), *said.precision_recall(over))
        inside = range(len(classes)) if len(classes) <= tables.LISTED else drawn
        table = tables.classes(task, found, inside, means, spreads, by_fold, true, confusion, thresholds)
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
        shown_note += captions.of_many(drawn, classes, "shown", "the rest is left out")
        if most < wanted:
            shown_note += f" There are {most} and not {wanted} of each kind, to keep the page small."
    cards, cards_notes, warnings = scorecards.cards(settings, task, scored, found, by_model, words=words)
    warnings += scorecards.of_folds(folds, sizes, words)
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
        counts=captions.counts(task, words, folds, presences, predictions, len(tested), unread),
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
        folds_notes=captions.spreads(by_model, task.exhaustive),
        classes_note=said.of_classes(drawn, len(classes) <= tables.LISTED),
        classes_table=table,
        classes_notes=said.table_notes(presences, sizes),
        known_notes=known_notes,
        confusion_note=said.confused(),
        pairs_head=["label", said.other, row_words[1], "share of the label"],
        pairs=[
            (label, other, f"{count:,}", f"{count / confusion.present[classes.index(label)]:.0%}")
            for label, other, count in pairs
        ],
        count_table=tables.counts(sizes, drawn, numbers, words),
        count_note=tables.counts_note(sizes, index, words),
        shown=shown,
        shown_note=shown_note,
        quarantine=section(
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
    one = "roc" in Metric(metric).figures
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


def _width(svg):
    """Pixels that a figure is shown with where there is room."""
    points = float(ElementTree.fromstring(svg).get("width").removesuffix("pt"))
    return round(points * 4 / 3 * ENLARGED)
