"""The report: one HTML page that needs nothing beside it."""

import jinja2
import librosa
import numpy as np
import pandas as pd

from understory import examples, plots, scores

# The template stands in the code, so that a change to it is a change of the code.
PAGE = jinja2.Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{{ title }}: {{ name }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2a24; background: #fbfaf6; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.7rem; margin: .5rem 0 0; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #cdd5cd; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; }
td.n, th.n { text-align: right; } .wide { overflow-x: auto; } img { max-width: 100%; height: auto; }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; } .cards div { background: #eef2ea; padding: .6rem 1rem; border-radius: .4rem; }
.cards b { display: block; font-size: 1.4rem; } .note { color: #55645b; } .warn { background: #fbeec2; padding: .5rem 1rem; }
figure { margin: 0 0 1rem; } figcaption { font-size: .85rem; color: #55645b; } .pair { display: flex; flex-wrap: wrap; gap: 1rem; }
@media print { body { max-width: none; background: #fff; } figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
</style></head><body>
<h1>{{ title }}</h1><p class="note">{{ name }} · {{ counts }}</p>
<div class="cards">{% for label, value in cards %}<div>{{ label }}<b>{{ value }}</b></div>{% endfor %}</div>
{% for text in warnings %}<p class="warn">{{ text }}</p>{% endfor %}
<h2>Scores of the folds</h2>
<div class="wide"><table><tr><th>model</th><th class="n">fold</th><th class="n">validation examples</th><th class="n">{{ metric }}</th></tr>
{% for row in folds %}<tr><td>{{ row.model }}</td><td class="n">{{ row.fold }}</td><td class="n">{{ row.examples }}</td><td class="n">{{ "%.3f"|format(row.score) }}</td></tr>{% endfor %}</table></div>
<p class="note">{{ folds_note }}</p>
<h2>Scores of the classes</h2><p class="note">{{ classes_note }}</p><img alt="Score of each class" src="{{ class_plot }}">
<h2>Learning curves</h2><p class="note">Solid: validation. Dotted: training, augmented copies included.</p>
<img alt="Loss and score by epoch" src="{{ curves }}">
<h2>Out-of-fold confusion</h2>
<p class="note">Each example is predicted by the models that did not see its fold; its row is the label it was cut for{% if not exhaustive %}. Another species that sings in the window without a label counts as an error here{% endif %}.</p>
<img alt="Confusion matrix" src="{{ confusion }}">
<h2>Examples by class and fold</h2>
<div class="wide"><table><tr><th>class</th>{% for fold in fold_names %}<th class="n">{{ fold }}</th>{% endfor %}<th class="n">all</th></tr>
{% for label, row in class_by_fold %}<tr><td>{{ label }}</td>{% for value in row %}<td class="n">{{ value }}</td>{% endfor %}</tr>{% endfor %}</table></div>
<h2>Best and worst examples</h2>
<p class="note">Spectrograms as the models see them, with the labelled boxes; the number is the out-of-fold prediction for the label.</p>
{% for label, items in shown %}<h3>{{ label }}</h3><div class="pair">{% for item in items %}
<figure><img alt="Spectrogram of {{ item.recording }}" src="{{ item.url }}"><figcaption>{{ item.kind }}: {{ "%.3f"|format(item.score) }} · {{ item.recording }}, {{ "%.1f"|format(item.start) }} to {{ "%.1f"|format(item.stop) }} s</figcaption></figure>
{% endfor %}</div>{% endfor %}
<h2>What ran</h2><div class="wide"><table>{% for key, value in facts %}<tr><th>{{ key }}</th><td>{{ value }}</td></tr>{% endfor %}</table></div>
</body></html>
""")


def page(*, settings, scored, labels, folds, oof, predictions, truth, histories, store, facts) -> str:
    """The report as HTML.

    Parameters
    ----------
    settings : dict
        `title`, `examples`, `seed`, `window` (s), `control`, `select` (by model) and `mel` (the block `spectrogram`).
    scored : dict
        `scores.json`.
    labels : dict
        `labels.json`.
    folds, oof : pandas.DataFrame
        The examples with their folds, and with their out-of-fold predictions.
    predictions, truth : pandas.DataFrame or None
        Of the test recordings, indexed alike.
    histories : dict
        "model fold" to its history.
    store : list of (numpy.ndarray, pandas.DataFrame)
        The shards of the examples as recorded.
    facts : list of (str, str)
    """
    classes, metric = labels["classes"], scored["metric"]
    index = pd.concat(
        [index.assign(part=part, row=range(len(index))) for part, (_, index) in enumerate(store)],
        ignore_index=True,
    )
    rows = index.set_index("example_id").loc[oof.example_id]
    known = examples.label_matrix(rows, classes, exhaustive=labels["exhaustive"])
    predicted = oof[classes].to_numpy()
    by_class = {"out-of-fold": scores.class_scores(known, predicted)}
    warnings = []
    cards = [("out-of-fold", _number(scored["oof"])), ("truth", _number(scored["truth"]))]
    if truth is not None:
        by_class["truth"] = scores.class_scores(truth[classes].to_numpy(), predictions[classes].to_numpy())
        low, high = scores.chance_interval(
            metric, truth[classes].to_numpy(), predictions[classes].to_numpy(), seed=settings["seed"]
        )
        cards.append(("chance, 99 %", f"{low:.3f}–{high:.3f}"))
        if low <= scored["truth"] <= high:
            warnings.append(
                "The score against the truth is within what chance gives: nothing was learnt that helps."
            )
    if settings["control"] != "none":
        warnings.append(f"This is a control run ({settings['control']}): its scores should be chance.")
    flattered = [name for name, select in sorted(settings["select"].items()) if select == "best"]
    if flattered:
        warnings.append(
            f"{', '.join(flattered)}: the epoch was chosen by the validation score, so fold and out-of-fold scores flatter."
        )
    present = folds[folds.presence == "present"]
    for fold in sorted(present.fold.unique()):
        if lacking := sorted(set(classes) - set(present.label[present.fold != fold])):
            warnings.append(
                f"Fold {fold} is predicted by models that saw no present example of {', '.join(lacking)}."
            )
    counts = folds.groupby("presence").size()
    sizes = present.groupby("fold").size()
    table = pd.crosstab(present.label, present.fold).reindex(classes, fill_value=0)
    return PAGE.render(
        title=settings["title"],
        name=scored["name"],
        metric=metric,
        cards=cards,
        warnings=warnings,
        exhaustive=labels["exhaustive"],
        counts=f"{folds.recording_id.nunique()} annotated recordings, {counts.get('present', 0)} present and {counts.get('absent', 0)} absent events, {len(classes)} classes",
        folds=[{**entry, "examples": int(sizes.get(entry["fold"], 0))} for entry in scored["folds"]],
        folds_note=_spread(scored["folds"], labels["exhaustive"]),
        classes_note="Mean share of present labels among those ranked at least as high, over the class's own labels (its part of the lwlrap).",
        class_plot=plots.class_bars(classes, by_class, "class's part of the lwlrap"),
        curves=plots.learning_curves(histories, metric),
        confusion=plots.confusion(classes, _confusion(rows, predicted, classes)),
        fold_names=[f"fold {fold}" for fold in table.columns],
        class_by_fold=[
            (label, [*values, sum(values)])
            for label, values in zip(table.index, table.to_numpy().tolist(), strict=True)
        ],
        shown=_examples(settings, classes, index, rows, predicted, store),
        facts=facts,
    )


def _number(score):
    return "unknown" if score is None else f"{score:.3f}"


def _spread(folds, exhaustive):
    each = [entry["score"] for entry in folds]
    text = f"Mean {np.mean(each):.3f}, standard deviation {np.std(each, ddof=1):.3f} over {len(each)} folds."
    if not exhaustive:
        text += " A label that nobody gave counts as not present when windows are ranked, so these scores are too low where labels are sparse."
    return text


def _confusion(rows, predicted, classes):
    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, ([classes.index(label) for label in rows.label], predicted.argmax(axis=1)), 1)
    return counts


def _examples(settings, classes, index, rows, predicted, store):
    mel = settings["mel"]
    frequencies = librosa.mel_frequencies(n_mels=mel["n_mels"] + 2, fmin=mel["fmin"], fmax=mel["fmax"])[1:-1]
    if mel["resize"]:
        bands = mel["resize"][0]
        frequencies = np.interp(
            np.linspace(0, len(frequencies) - 1, bands), np.arange(len(frequencies)), frequencies
        )
    shown = []
    for number, label in enumerate(classes):
        own = np.flatnonzero(rows.label == label)
        order = own[np.argsort(-predicted[own, number], kind="stable")]
        most = min(settings["examples"], len(order) // 2 or len(order))
        picked = [("best", place) for place in order[:most]] + [
            ("worst", place) for place in order[most:][-most:]
        ]
        items = []
        for kind, place in picked:
            row = rows.iloc[place]
            inside = index[
                (index.recording_id == row.recording_id)
                & (index.presence == "present")
                & (index.t_min < row.stop)
                & (index.t_max > row.start)
            ]
            boxes = [
                (e.label, e.t_min - row.start, e.t_max - row.start, e.f_min, e.f_max)
                for e in inside.itertuples()
            ]
            url = plots.example(
                np.asarray(store[row.part][0][row.row], dtype=np.float32),
                boxes,
                window=settings["window"],
                mel_frequencies=frequencies,
            )
            items.append(
                {
                    "kind": kind,
                    "score": predicted[place, number],
                    "recording": row.recording_id,
                    "start": row.start,
                    "stop": row.stop,
                    "url": url,
                }
            )
        shown.append((label, items))
    return shown
