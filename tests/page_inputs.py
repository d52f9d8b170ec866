"""Small inputs of a report, built by hand, and what a page says."""

from html.parser import HTMLParser
from unittest import mock
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.report import page
from understory.report.results import Results

WINDOW, BANDS, FRAMES = 4.0, 16, 20
MEL = {"kind": "log_mel", "n_mels": BANDS, "fmin": 100, "fmax": 8000, "resize": None}
NO_QUARANTINE = pd.DataFrame(columns=["subset", "kind", "recording_id", "place", "reason"])
NO_COSTS = pd.DataFrame(columns=["rule", "jobs", "total", "longest", "memory", "cpu"])


def inputs(classes=("a", "b", "c"), *, takes=4, folds=2, models=("m",), exhaustive=False, tests=0, **changes):
    """The tables of a report: `takes` recordings a class, dealt to the folds in turn."""
    classes, rng = list(classes), np.random.default_rng(0)
    rows = [
        (
            f"e{n}-{take}",
            f"r{n}-{take}",
            label,
            "present",
            1.0,
            2.0,
            500.0,
            2000.0,
            0.0,
            WINDOW,
            label,
            "",
            take % folds,
        )
        for n, label in enumerate(classes)
        for take in range(takes)
    ]
    columns = [
        "example_id",
        "recording_id",
        "label",
        "presence",
        "t_min",
        "t_max",
        "f_min",
        "f_max",
        "start",
        "stop",
        "present",
        "absent",
        "fold",
    ]
    index = pd.DataFrame(rows, columns=columns)
    oof = index[["example_id", "recording_id", "label", "present", "fold"]].reset_index(drop=True)
    oof = oof.join(pd.DataFrame(rng.random((len(oof), len(classes))), columns=classes))
    names = pd.Index([f"t{number}" for number in range(tests)], name="recording_id")
    predictions = pd.DataFrame(rng.random((tests, len(classes))), columns=classes, index=names)
    history = pd.DataFrame(
        {
            "epoch": [1, 2],
            "loss": [1, 0.5],
            "lwlrap": [0.2, 0.3],
            "val_loss": [1, 1],
            "val_lwlrap": [0.2, 0.25],
        }
    )
    array = rng.random((len(index), BANDS, FRAMES)).astype(np.float16)
    return {
        "settings": {
            "report": {"title": "Title", "examples": 1},
            "seed": 1,
            "threshold": None,
            "crop": {"window": WINDOW, "long_events": "middle"},
            "model": models[0],
            "priors": True,
            "features": MEL,
            "sources": "recordings",
            "sequences": [],
        },
        "scores": {
            "name": "run",
            "metric": "lwlrap",
            "oof": 0.5,
            "oof_interval": {"low": 0.45, "high": 0.55, "resamples": 1000, "undefined": 0},
            "caveats": [],
            "truth": 0.4 if tests else None,
            "folds": [
                {"model": model, "fold": fold, "score": 0.5} for model in models for fold in range(folds)
            ],
        },
        "labels": {
            "classes": classes,
            "exhaustive": exhaustive,
            "metric": "lwlrap",
            "unit": "recording",
            "scored": "example",
            "none": None,
        },
        "folds": index[["example_id", "recording_id", "label", "presence", "fold"]],
        "oof": oof,
        "predictions": predictions if tests else None,
        "truth": (predictions > 0.5).astype(int) if tests else None,
        "thresholds": None,
        "held_out_thresholds": None,
        "histories": {model: dict.fromkeys(range(folds), history) for model in models},
        "shards": [(array, index.drop(columns="fold"))],
        "usable": {"train": list(index.recording_id), "test": list(names)},
        "sample_rates": [48_000] * len(index),
        "quarantine": NO_QUARANTINE,
        "costs": NO_COSTS,
        "facts": [("seed", 1)],
        "configuration": "seed: 1\n",
    } | changes


def results_of(given):
    """`Results` with these tables in place of files; predictions are tables with a column a class, or `Predictions`."""
    labels = given["labels"]

    def of(table):
        if table is None or isinstance(table, Predictions):
            return table
        keys = table.columns[~table.columns.isin(labels["classes"])]
        return Predictions(table[keys], table[labels["classes"]].to_numpy(), labels["classes"])

    def reset(table):
        return table if table is None else table.reset_index()

    results = Results({"quarantine": "results/run/quarantine.csv"}, given["settings"])
    own = ("scores", "folds", "thresholds", "held_out_thresholds", "histories", "shards", "usable")
    own += ("sample_rates", "quarantine")
    vars(results).update({name: given[name] for name in own})
    vars(results).update(
        task=Task(**labels),
        oof=of(given["oof"]),
        predictions=of(reset(given["predictions"])),
        truth=reset(given["truth"]),
    )
    return results


def built(given):
    """The report of `inputs`."""
    rest = {name: given[name] for name in ("costs", "facts", "configuration")}
    return page.build(results_of(given), **rest)


class Tags(HTMLParser):
    """Every element with its attributes, the text, and whether all that was opened was closed."""

    VOID = frozenset({"meta", "link", "img"})

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def text_built(given):
    """The text of the report of `inputs`. Its figures are made and not drawn, which is most of the time of a page."""
    with mock.patch.object(Figure, "savefig", _save_empty), mock.patch.object(FigureCanvasAgg, "draw"):
        return text_of(built(given).html)


def _save_empty(figure, out, **options):
    out.write(b'<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt" viewBox="0 0 9 9"/>')


def text_of(html):
    """The text of a page as it is read, with single spaces."""
    return " ".join(" ".join(Tags(html).text).split())


def svg_text(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
