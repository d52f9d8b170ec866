"""The report: one HTML page that needs nothing beside it."""

import re
from typing import NamedTuple
from xml.etree import ElementTree

import librosa
import numpy as np
import pandas as pd

from understory import curves, examples, plots, scores
from understory.template import PAGE

# Of more classes than this, only the best- and the worst-scored are drawn.
CLASSES, EXTREMES = 40, 12
# Spectrograms a page holds at most, of some 10 kB each.
PICTURES = 240
# Rows of the tables that grow with what went wrong.
QUARANTINED, REASONS, PAIRS = 200, 12, 20
# Of what is set aside, so many rows are shown at once.
OPEN = 20
# Cells that are looked up to find what chance gives, and how often the predictions change places.
CELLS, MOST, LEAST = 20_000_000, 1000, 200
# Width of a figure on a page that has room for it, over its own.
ENLARGED = 1.3
# Of a figure of more classes than this, a narrow screen shows a part.
MANY = 15
# What tells one row's reason from another's of its kind: quoted values and numbers.
PARTICULAR = re.compile(r"""'[^']*'|"[^"]*"|\d+(?:\.\d+)?(?:e[+-]?\d+)?""")

HEADINGS = {
    "folds": "Scores of the folds",
    "classes": "Scores of the classes",
    "curves": "Learning curves",
    "precision-recall": "Precision and recall",
    "confusion": "Out-of-fold confusion",
    "counts": "Examples by class and fold",
    "examples": "Best and worst examples",
    "quarantine": "Quarantine",
    "costs": "Time and memory",
    "ran": "What ran",
}


# What a class's score is called, and what it is, by the metric that it is a part of.
CLASS_SCORE = {
    "lwlrap": (
        "part of the lwlrap",
        "over the class's own labels, the mean share of present labels among those ranked at least as high.",
    ),
    "accuracy": (
        "recall, its part of the accuracy",
        "the share of the class's examples whose highest prediction is the class.",
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
    labels,
    folds,
    oof,
    predictions,
    truth,
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
        `report`, `features` (those that are shown) and `crop.window` (s) as in the configuration, `seed`, `control`, and `select` by model.
    scored : dict
        `scores.json`.
    labels : dict
        `labels.json`.
    folds, oof : pandas.DataFrame
        The examples with their folds, and with their out-of-fold predictions.
    predictions, truth : pandas.DataFrame or None
        Of the test recordings, indexed alike; the truth has 1 for present, 0 for absent.
    histories : dict
        Of each model, its folds' histories.
    store : list of (numpy.ndarray, pandas.DataFrame)
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
    classes, metric = labels["classes"], scored["metric"]
    index = pd.concat(
        [index.assign(part=part, row=range(len(index))) for part, (_, index) in enumerate(store)],
        ignore_index=True,
    )
    rows = index.set_index("example_id").loc[oof.example_id]
    known = examples.label_matrix(rows, classes, exhaustive=labels["exhaustive"])
    predicted = oof[classes].to_numpy(dtype=float)
    numbers = sorted({entry["fold"] for entry in scored["folds"]} | set(folds.fold.astype(int)))
    class_scores = scores.CLASS_SCORES[metric]
    by_fold = np.array(
        [class_scores(known[held], predicted[held]) for held in (oof.fold == n for n in numbers)]
    )
    # pandas leaves out what is NaN and gives NaN where nothing is left.
    means, spreads = pd.DataFrame(by_fold).mean().to_numpy(), pd.DataFrame(by_fold).std().to_numpy()
    by_model = {
        model: np.array([entry["score"] for entry in scored["folds"] if entry["model"] == model])
        for model in sorted({entry["model"] for entry in scored["folds"]})
    }
    matrices = {"out-of-fold": (known, predicted)}
    if truth is not None:
        matrices["truth"] = (truth[classes].to_numpy(dtype=float), predictions[classes].to_numpy(dtype=float))
    over = {name: curves.precision_recall(*pair) for name, pair in matrices.items()}
    each = {
        name: [curves.precision_recall(a[:, column], b[:, column]) for column in range(len(classes))]
        for name, (a, b) in matrices.items()
    }
    true = class_scores(*matrices["truth"]) if truth is not None else None
    drawn = _extremes(means)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (pd.Categorical(rows.label, categories=classes).codes, predicted.argmax(axis=1)), 1)
    pairs = _pairs(classes, counts)

    figures = {
        "fold_scores": plots.fold_scores(
            by_model,
            {"out-of-fold": scored["oof"]}
            | ({"truth": scored["truth"]} if scored["truth"] is not None else {}),
            metric,
        ),
        "class_scores": plots.class_scores(
            [classes[n] for n in drawn],
            means[drawn],
            by_fold[:, drawn],
            None if true is None else true[drawn],
            f"class's {CLASS_SCORE[metric][0]}",
        ),
        "learning_curves": plots.learning_curves(histories, metric),
        "precision_recall": plots.precision_recall(over),
        "confusion": plots.confusion(classes, counts, pairs),
    }
    said = {
        "fold_scores": (
            f"Points: {metric} of each fold. Bar: their mean and standard deviation. Dashed: "
            + (
                "the ensemble out-of-fold and against the truth."
                if true is not None
                else "all folds together."
            ),
            f"{metric} of the folds of {', '.join(by_model)}",
        ),
        "class_scores": (
            f"Each class's {CLASS_SCORE[metric][0]}, out-of-fold. Bar: mean over the folds, each of which is a point."
            + (" Diamond: against the truth of the test recordings." if true is not None else ""),
            f"Scores of {len(drawn)} of {len(classes)} classes, as in the table below",
        ),
        "learning_curves": (
            (
                "Filled: validation. Open: training, augmented copies included."
                if max((len(h) for model in histories.values() for h in model.values()), default=0) == 1
                else "Solid: validation. Dotted: training, augmented copies included."
            ),
            f"Loss and {metric} by epoch of {', '.join(histories)}",
        ),
        "precision_recall": (
            "All classes together (micro-average). Dashed: the share of present labels, which chance would give.",
            "Precision over recall; "
            + ", ".join(f"average precision {name} {_number(curve.average)}" for name, curve in over.items()),
        ),
        "confusion": (
            "Shares of each label's examples."
            if len(classes) <= plots.MATRIX
            else f"Of {len(classes)} classes, the {len(pairs)} most frequent confusions.",
            "Labelled classes and their highest predictions, out-of-fold",
        ),
    }
    sizes = folds[folds.presence == "present"].groupby(["label", "fold"]).size().unstack(fill_value=0)
    sizes = sizes.reindex(index=classes, columns=numbers, fill_value=0).astype(int)
    shown, shown_note = _examples(settings, classes, drawn, index, rows, predicted, store)
    cards, cards_notes, warnings = _headlines(settings, scored, matrices, by_model, classes, sizes)
    presences = folds.presence.value_counts()
    read = set(usable["test"])
    unread = 0 if predictions is None else sum(name not in read for name in predictions.index)
    html = PAGE.render(
        title=settings["report"]["title"],
        name=scored["name"],
        headings=HEADINGS,
        contents=HEADINGS.items(),
        metric=metric,
        cards=cards,
        cards_notes=cards_notes,
        open=OPEN,
        configuration=configuration,
        warnings=warnings,
        exhaustive=labels["exhaustive"],
        counts=f"{folds.recording_id.nunique()} annotated recordings, {presences.get('present', 0)} present and "
        f"{presences.get('absent', 0)} absent events, {len(classes)} {'class' if len(classes) == 1 else 'classes'}"
        + ("" if predictions is None else f", {_counted(len(predictions), 'test recording')}")
        + (f", {unread} of them not read" if unread else ""),
        figures={
            name: {
                "url": plots.data_url(content, "image/svg+xml"),
                "caption": said[name][0],
                "alt": said[name][1],
                "many": name == "confusion" and MANY < len(classes) <= plots.MATRIX,
                "width": _width(content),
            }
            for name, content in figures.items()
        },
        folds=[
            [entry["model"], entry["fold"], int(sizes[entry["fold"]].sum()), _number(entry["score"])]
            for entry in scored["folds"]
        ],
        folds_notes=_spreads(by_model, labels["exhaustive"]),
        classes_note=_of_many(drawn, classes, "drawn", "the table has all"),
        class_score=f"A class's score is its {CLASS_SCORE[metric][0]}: {CLASS_SCORE[metric][1]}",
        absent_note=_absent_note(presences, over["out-of-fold"], labels["exhaustive"]),
        class_head=_class_head(truth is not None),
        class_rows=[_class_row(n, classes, means, spreads, by_fold, each, true) for n in range(len(classes))],
        known_notes=_known_notes(over, labels["exhaustive"], presences),
        pairs=[
            (label, other, count, f"{count / counts[classes.index(label)].sum():.0%}")
            for label, other, count in pairs
        ],
        count_head=["class", *(f"fold {number}" for number in numbers), "all"],
        count_rows=[
            [label, *values, sum(values)]
            for label, values in zip(classes, sizes.to_numpy().tolist(), strict=True)
        ],
        shown=shown,
        shown_note=shown_note,
        quarantine=_quarantined(quarantine, quarantine_path, usable, unread, truth is not None),
        costs=[
            [row.rule, row.jobs, *map(_time, (row.total, row.longest, row.cpu)), _memory(row.memory)]
            for row in costs.itertuples()
        ],
        facts=facts,
    )
    return Page(html, figures)


def _counted(count, noun):
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _width(svg):
    """Pixels that a figure is shown with where there is room."""
    points = float(ElementTree.fromstring(svg).get("width").removesuffix("pt"))
    return round(points * 4 / 3 * ENLARGED)


def _number(score):
    if score is None:
        return "unknown"
    return f"{score:.3f}" if np.isfinite(score) else "none"


def _time(seconds):
    if not np.isfinite(seconds):
        return "not measured"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _memory(mebibytes):
    return f"{mebibytes:.0f} MiB" if np.isfinite(mebibytes) else "not measured"


def _listed(names, most=20):
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _headlines(settings, scored, matrices, by_model, classes, sizes):
    """The cards at the head of the page, what they mean, and what has to be known before they are believed."""
    cards, notes, warnings, drawn, learnt = [], [], [], {}, {}
    for name, key, told in (("out-of-fold", "oof", "out-of-fold"), ("truth", "truth", "against the truth")):
        cards.append((name, _number(scored[key])))
        if name not in matrices or not np.isfinite(scored[key]):
            continue
        known, predicted = matrices[name]
        drawn[name] = _permutations(scored["metric"], known)
        low, high = scores.chance_interval(
            scored["metric"], known, predicted, seed=settings["seed"], permutations=drawn[name]
        )
        cards.append((f"{name}, by chance", f"{low:.3f}–{high:.3f}"))
        learnt[told] = scored[key] > high
    if drawn:
        often = ", ".join(f"{name} {count} times" for name, count in drawn.items())
        notes.append(
            f"By chance: where 99 % of the scores lie that the same predictions get when they change places at random ({often})."
        )
    if flat := [told for told, above in learnt.items() if not above]:
        warnings.append(
            f"The {scored['metric']} {' and '.join(flat)} is not above what chance gives: nothing was learnt that helps."
        )
    found = pd.Series(np.concatenate(list(by_model.values()))).dropna()
    if len(found):
        cards.append(("folds", f"{found.min():.3f}–{found.max():.3f}"))
    if settings["control"] != "none":
        warnings.append(f"This is a control run ({settings['control']}): its scores should be chance.")
    flattered = [name for name, select in sorted(settings["select"].items()) if select == "best"]
    if flattered:
        warnings.append(
            f"{', '.join(flattered)}: the epoch was chosen by the validation score, so fold and out-of-fold scores flatter."
        )
    if empty := [label for label in classes if not sizes.loc[label].sum()]:
        warnings.append(f"Without a present example, and so without a score: {_listed(empty)}.")
    for fold in sizes.columns:
        seen = sizes.drop(columns=fold).sum(axis=1)
        if lacking := [label for label in classes if sizes.loc[label, fold] and not seen[label]]:
            warnings.append(
                f"Fold {fold} is predicted by models that saw no present example of {_listed(lacking)}."
            )
    return cards, notes, warnings


def _permutations(metric, known):
    """How often predictions change places: less often where a score takes long."""
    present = (known > 0.5).sum(axis=1)
    cells = (present**2).sum() if metric == "lwlrap" else len(known)
    return int(np.clip(CELLS // max(cells, 1), LEAST, MOST))


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
            "A label that nobody gave counts as not present when windows are ranked, so these scores are too low where labels are sparse."
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
    return (
        f"Of {len(classes)} classes, the {EXTREMES} best- and the {EXTREMES} worst-scored are {what}; {rest}."
    )


def _pairs(classes, counts):
    """The most frequent confusions: labelled, predicted, number; the most frequent first."""
    wrong = counts * (1 - np.eye(len(classes), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    places = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(classes[a], classes[b], int(wrong[a, b])) for a, b in places if wrong[a, b]]


def _class_head(with_truth):
    head = [
        "class",
        "mean of the folds",
        "spread",
        "folds",
        "average precision",
        "known present",
        "known absent",
    ]
    return head + (["truth: score", "truth: average precision"] if with_truth else [])


def _class_row(n, classes, means, spreads, by_fold, each, true):
    curve = each["out-of-fold"][n]
    row = [classes[n], _number(means[n]), _number(spreads[n]), int(np.isfinite(by_fold[:, n]).sum())]
    row += [_number(curve.average), curve.present, curve.absent]
    return row + ([] if true is None else [_number(true[n]), _number(each["truth"][n].average)])


def _absent_note(presences, curve, exhaustive):
    """Why absent events are not among the labels that are known to be absent."""
    absent = presences.get("absent", 0)
    if exhaustive or not absent:
        return ""
    return (
        f"The {_counted(absent, 'absent event')} {'is' if absent == 1 else 'are'} for training alone: out-of-fold predictions exist only for examples of "
        f"present events, where {'hardly anything' if curve.absent else 'nothing'} is known to be absent."
    )


def _known_notes(over, exhaustive, presences):
    notes = [
        f"{name[0].upper()}{name[1:]}: {curve.present} present and {curve.absent} absent labels are known."
        for name, curve in over.items()
    ]
    if not exhaustive:
        notes.append("An unknown label counts neither way.")
        if absent := _absent_note(presences, over["out-of-fold"], exhaustive):
            notes.append(absent)
        if over["out-of-fold"].precision is not None:
            notes.append(
                "The few that are known to be absent were rejected by an expert: this curve says how well such are told apart, and less of windows at large."
            )
    return notes


def _quarantined(table, path, usable, unread, with_truth):
    if table.empty:
        return None
    shares = ""
    if unread:
        shares = f"{_counted(unread, 'test recording')} {'has' if unread == 1 else 'have'} the classes' shares of the present examples instead of predictions"
    head = []
    for subset, word in (("train", "training"), ("test", "test")):
        for kind in ("recording", "annotation"):
            if count := int(((table.subset == subset) & (table.kind == kind)).sum()):
                of = f"{count} of {count + len(usable[subset])}" if kind == "recording" else count
                head.append(f"{of} {word} {kind}{'' if of == 1 else 's'}")
    kinds = table.kind.value_counts()
    total = " and ".join(_counted(count, kind) for kind, count in kinds.items())
    total += (" was" if len(table) == 1 else " were") + " set aside. Nothing of what is listed here was used."
    if shares:
        total += f" A submission needs a row for every test recording, though: {shares}."
        total += " They count in the score against the truth." if with_truth else ""
    counts = (
        table.assign(reason=_kinds_of(table.reason))
        .groupby(["subset", "kind", "reason"])
        .size()
        .sort_values(ascending=False, kind="stable")
    )
    rest = counts.iloc[REASONS:]
    return {
        "head": f"Set aside: {', '.join(head)}." + (f" {shares}." if shares else ""),
        "total": total,
        "counts": [[*key, count] for key, count in counts.iloc[:REASONS].items()],
        "more_counts": f"The {REASONS} most frequent of {len(counts)} kinds of reason; the others are those of {_counted(rest.sum(), 'row')}."
        if len(rest)
        else "",
        "rows": table[["subset", "kind", "recording_id", "place", "reason"]]
        .head(QUARANTINED)
        .to_numpy()
        .tolist(),
        "more": f"{len(table) - QUARANTINED} more; the whole list is {path}."
        if len(table) > QUARANTINED
        else "",
    }


def _kinds_of(reasons):
    """Each reason without what only its own row has: what was found, where that holds values, and the values.

    Where all of a kind say the same, it is left as it is.
    """

    def expected(reason):
        wanted, _, found = reason.partition(", found ")
        return wanted if PARTICULAR.search(found) else reason

    wanted = reasons.map(expected)
    kinds = wanted.map(lambda text: PARTICULAR.sub("…", text))
    told = reasons.copy()
    for other in (wanted, kinds):
        apart = told.groupby(kinds).transform("nunique") > 1
        told = told.where(~apart, other)
    return told


def _examples(settings, classes, drawn, index, rows, predicted, store):
    """The best and worst examples of each class that is drawn, and a word on what is left out."""
    if not settings["report"]["examples"]:
        return [], "None is asked for (report.examples is 0)."
    mel = settings["features"]
    frequencies = librosa.mel_frequencies(n_mels=mel["n_mels"] + 2, fmin=mel["fmin"], fmax=mel["fmax"])[1:-1]
    if mel["resize"]:
        bands = mel["resize"][0]
        frequencies = np.interp(
            np.linspace(0, len(frequencies) - 1, bands), np.arange(len(frequencies)), frequencies
        )
    wanted = min(settings["report"]["examples"], max(1, PICTURES // (2 * len(drawn))))
    note = _of_many(drawn, classes, "shown", "the rest is left out")
    if wanted < settings["report"]["examples"]:
        note += f" There are {wanted} and not {settings['report']['examples']} of each kind, to keep the page small."
    boxes = {
        recording: events for recording, events in index[index.presence == "present"].groupby("recording_id")
    }
    shown = []
    for number in drawn:
        own = np.flatnonzero(rows.label == classes[number])
        order = own[np.argsort(-predicted[own, number], kind="stable")]
        most = min(wanted, len(order) // 2 or len(order))
        picked = [("best", place) for place in order[:most]]
        picked += [("worst", place) for place in order[len(order) - min(most, len(order) - most) :]]
        items = []
        for kind, place in picked:
            row = rows.iloc[place]
            events = boxes[row.recording_id]
            inside = events[(events.t_min < row.stop) & (events.t_max > row.start)]
            picture = plots.example(
                np.asarray(store[row.part][0][row.row], dtype=np.float32),
                [
                    (event.label, event.t_min - row.start, event.t_max - row.start, event.f_min, event.f_max)
                    for event in inside.itertuples()
                ],
                window=settings["crop"]["window"],
                mel_frequencies=frequencies,
            )
            place_in_time = f"{row.recording_id}, {row.start:.1f} to {row.stop:.1f} s"
            items.append(
                {
                    "alt": f"Spectrogram of {place_in_time}, with its labels boxed",
                    "caption": f"{kind}: {predicted[place, number]:.3f} · {place_in_time}",
                    "url": plots.data_url(picture, "image/webp"),
                }
            )
        shown.append((classes[number], items))
    return shown, note
