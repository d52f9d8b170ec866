"""The sections of the report about a task of two classes that is scored by one curve."""

import numpy as np

from understory.core.text import counted
from understory.evaluation import analysis
from understory.report import figures
from understory.report.formatting import number
from understory.report.plotting import plain
from understory.report.results import Results
from understory.report.template import Figure, Section, Table


def class_scores(results: Results) -> Section:
    """How the predictions of the two classes are distributed."""
    classes, rows, of = results.task.classes, results.rows, "predicted probability of "
    text = "One score, that of the ROC curve below, says how well the two classes are separated."
    by_class = {name: analysis.by_class(scored, classes) for name, scored in results.scored.items()}
    svg = figures.separation(by_class, of + plain(classes[1], 16), rows)
    of += classes[1]
    figure = Figure("separation", svg, f"Distribution of the {of}, by true class.", f"Histograms of the {of}")
    lines = []
    for label, values in by_class["out-of-fold"].items():
        quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]) if len(values) else [np.nan] * 5
        lines.append([label, f"{len(values):,}", *map(number, quartiles)])
    head = ["true class", rows, "lowest", "25 %", "median", "75 %", "highest"]
    table = Table(f"Out-of-fold {of}", head, lines)
    return Section("classes", "Predictions of the classes", [text, figure, table])


def curves(results: Results) -> Section:
    """The receiver operating characteristic."""
    one, other = results.task.classes
    rocs = {name: analysis.roc(scored) for name, scored in results.scored.items()}
    caption = f"True and false positive rate of {other} at every threshold. Dashed: chance."
    areas = ", ".join(f"area {name} {number(roc.area)}" for name, roc in rocs.items())
    figure = Figure("roc", figures.roc(rocs), caption, f"Receiver operating characteristic; {areas}")
    notes = [
        f"{name.capitalize()}: {counted(roc.present, results.row, results.rows)} of {other} and {roc.absent:,} of {one}."
        for name, roc in rocs.items()
    ]
    return Section("known", "Receiver operating characteristic", [figure, *notes])
