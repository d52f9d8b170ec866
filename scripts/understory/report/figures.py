"""The report's figures, as SVG."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from understory.report.plotting import (
    COLOURS,
    FAINT,
    INK,
    WIDTH,
    axes,
    encoded,
    finite,
    legend,
    panels,
    plain,
)

# More folds than this get no legend, which would be larger than the figure.
LEGEND = 12
# Classes up to which a confusion matrix can be read.
MATRIX = 60
# Points that a curve is drawn with.
POINTS = 400


def fold_scores(
    folds: dict[str, np.ndarray], lines: dict[str, float], metric: str, interval: tuple[float, float] | None
) -> bytes:
    """A row for each model: its folds' scores as points, their mean and standard deviation as a bar.

    Parameters
    ----------
    folds : dict
        The scores (folds,) of each model; NaN for a fold without a score.
    lines : dict
        Single scores drawn as vertical lines, by name.
    interval : (float, float) or None
        Drawn as a band behind the scores.
    """
    figure, axis = axes(1.1 + 0.4 * len(folds))
    for row, scores in enumerate(map(finite, folds.values())):
        style = {"color": COLOURS[0], "alpha": 0.75, "markersize": 6, "clip_on": False}
        axis.plot(scores, np.full(len(scores), row), "o", **style)
        if len(scores) > 1:
            spread = np.std(scores, ddof=1)
            axis.errorbar(np.mean(scores), row + 0.25, xerr=spread, fmt="|", color=INK, capsize=3)
    if interval:
        axis.axvspan(*interval, color=COLOURS[1], alpha=0.12, linewidth=0)
    for (name, value), colour in zip(lines.items(), COLOURS[1:], strict=False):
        if np.isfinite(value):
            axis.axvline(value, color=colour, linestyle="--", linewidth=1.2, label=name)
    axis.set(
        yticks=range(len(folds)), yticklabels=[plain(name) for name in folds], xlim=(0, 1), xlabel=metric
    )
    axis.set_ylim(len(folds) - 0.4, -0.6)
    if axis.get_legend_handles_labels()[0]:
        legend(figure, columns=2 if len(lines) > 3 else len(lines))
    return encoded(figure)


def class_scores(
    classes, means: np.ndarray, by_fold: np.ndarray, truth: np.ndarray | None, label: str, every=None
) -> bytes:
    """A bar for each class: the mean over its folds, with the folds as points and the truth as a diamond.

    Parameters
    ----------
    means : numpy.ndarray
        (classes,), NaN where there is none.
    by_fold : numpy.ndarray
        (folds, classes), NaN where a fold has none.
    truth : numpy.ndarray or None
        (classes,), NaN where there is none.
    label : str
        The name of the score.
    every : numpy.ndarray or None
        Where only some classes are drawn, the means of all: their distribution is drawn above.
    """
    height = 1.2 + 0.2 * len(classes)
    if every is None:
        figure, axis = axes(height)
    else:
        figure, (above, axis) = axes(height + 1.8, nrows=2, height_ratios=[1.8, height])
        above.hist(finite(every), bins=np.linspace(0, 1, 41), color=COLOURS[0])
        above.set(xlim=(0, 1.02), ylabel="classes", xlabel=f"{label}, all classes")
        above.yaxis.set_major_locator(MaxNLocator(integer=True))
    places = np.arange(len(classes))
    axis.barh(places, np.nan_to_num(means), height=0.7, color="#bcd6c8", label="mean of folds")
    for number, scores in enumerate(by_fold):
        style = {"color": COLOURS[0], "markersize": 5, "clip_on": False}
        axis.plot(scores, places, ".", label=None if number else "fold", **style)
    if truth is not None:
        axis.plot(truth, places, "D", color=COLOURS[1], markersize=4, label="truth")
    for place in places[np.isnan(means)]:
        axis.text(0.01, place, "none", va="center", color=INK, fontsize=8)
    axis.set(yticks=places, yticklabels=[plain(name) for name in classes], xlim=(0, 1.02), xlabel=label)
    axis.set_ylim(len(classes) - 0.4, -0.6)
    legend(figure, columns=3)
    return encoded(figure)


def learning_curves(histories: dict[str, dict], metric: str) -> bytes:
    """Loss and score by epoch, a row for each model; `histories` maps a model and a fold to a table."""
    figure, grid = axes(2.2 * len(histories), nrows=len(histories), ncols=2, squeeze=False)
    for row, (model, folds) in zip(grid, histories.items(), strict=True):
        for axis, value in zip(row, ("loss", metric), strict=True):
            for number, (fold, history) in enumerate(folds.items()):
                style = {
                    "color": COLOURS[number % len(COLOURS)],
                    "marker": "o" if len(history) == 1 else None,
                }
                if value in history:
                    axis.plot(history.epoch, history[value], linestyle=":", linewidth=1, mfc="white", **style)
                if (validation := f"val_{value}") in history:
                    axis.plot(
                        history.epoch, history[validation], linewidth=1.6, label=f"fold {fold}", **style
                    )
            axis.set(xlabel="epoch", ylabel=value, title=plain(model))
            axis.set_xlim(0.5, max((len(history) for history in folds.values()), default=1) + 0.5)
            axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
    handles = {line.get_label(): line for axis in grid.flat for line in axis.get_lines()}
    handles = {label: line for label, line in handles.items() if label.startswith("fold ")}
    if 0 < len(handles) <= LEGEND:
        legend(figure, handles.values(), handles, columns=min(len(handles), 5))
    return encoded(figure)


def precision_recall(curves: dict) -> bytes:
    """A panel for each `curves.PrecisionRecall`, or for the text that says why there is none, by name.

    Dashed: the precision by chance, which is the share of present labels.
    """
    figure, row = panels(curves)
    for axis, (name, curve), colour in zip(row, curves.items(), COLOURS, strict=False):
        axis.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        if isinstance(curve, str):
            _message(axis, curve)
            continue
        points = np.unique(np.linspace(0, len(curve.recall) - 1, POINTS).round().astype(int))
        axis.plot(curve.recall[points], curve.precision[points], color=colour, drawstyle="steps-post")
        chance = curve.present / (curve.present + curve.absent)
        axis.axhline(chance, color=FAINT, linestyle="--")
        title = f"{plain(name)}\naverage precision {curve.average:.3f},\nchance {chance:.3f}"
        axis.set_title(title, fontsize=9)
    return encoded(figure)


def roc(curves: dict) -> bytes:
    """A panel for each `curves.Roc`, by name. Dashed: chance."""
    figure, row = panels(curves)
    for axis, (name, curve), colour in zip(row, curves.items(), COLOURS, strict=False):
        axis.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="false positive rate", ylabel="true positive rate")
        axis.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
        if curve.false is None:
            _message(axis, "no curve: only one\nclass is present")
            continue
        axis.plot(curve.false, curve.true, color=colour)
        axis.set_title(f"{plain(name)}\narea {curve.area:.3f}, chance 0.5", fontsize=9)
    return encoded(figure)


def separation(predictions: dict, label: str, rows: str) -> bytes:
    """Histograms of the predictions of one class by true class; `predictions` has these by name and true class."""
    figure, row = panels(predictions)
    for axis, by_class in zip(row, predictions.values(), strict=True):
        values = finite(np.concatenate(list(by_class.values())))
        low, high = (values.min(), values.max()) if len(values) else (0, 1)
        edges = np.linspace(low, high if high > low else low + 0.01, 16)
        for (present, values), colour in zip(by_class.items(), COLOURS, strict=False):
            axis.hist(values, bins=edges, color=colour, alpha=0.55, label=plain(present, 16))
        axis.set(xlabel=label, ylabel=rows)
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    legend(figure, *row[0].get_legend_handles_labels(), columns=2, title="true class")
    return encoded(figure)


def reliability(probability, correct, low, high, detections) -> bytes:
    """The share of correct detections by calibrated probability, with intervals; below, how many detections there are.

    Parameters
    ----------
    probability, correct, low, high : sequence of float
        Of each bin: the mean probability, the share of correct detections, and the interval of that.
    detections : sequence of int
    """
    figure, (axis, below) = axes(4.2, nrows=2, height_ratios=[3, 1], sharex=True)
    axis.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
    if len(probability):
        spread = np.abs(np.array([low, high]) - correct)
        axis.errorbar(
            probability, correct, yerr=spread, fmt="o", color=COLOURS[0], ecolor=INK, capsize=3, clip_on=False
        )
        below.bar(probability, detections, width=0.02, color=COLOURS[0])
    else:
        axis.text(0.5, 0.5, "no class has enough detections", ha="center", va="center")
    axis.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share that is correct")
    below.set(xlabel="calibrated probability", ylabel="detections")
    below.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    return encoded(figure)


def _message(axis, text):
    axis.text(0.5, 0.5, text, ha="center", va="center")


def confusion_matrix(classes, shares: np.ndarray, predicted: str, rows: str) -> bytes:
    """A matrix of up to `MATRIX` classes.

    Parameters
    ----------
    shares : numpy.ndarray
        (classes, classes), labels by rows.
    predicted : str
        What the columns are.
    rows : str
        What is counted, such as examples.
    """
    size = min(8.0, 2.5 + 0.2 * len(classes))
    figure, axis = axes(size, width=max(size, WIDTH))
    matrix = axis.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    ticks, names = np.arange(len(classes)), [plain(label, 24) for label in classes]
    small = float(np.clip(300 / len(classes), 5, 9))
    axis.set(xlabel=predicted, ylabel="label")
    axis.set_yticks(ticks, names, fontsize=small)
    axis.set_xticks(ticks, names, rotation=90, fontsize=small)
    figure.colorbar(matrix, ax=axis, shrink=0.6, label=f"share of the label's {rows}")
    return encoded(figure)


def confusion_pairs(pairs: list[tuple[str, str, int]], rows: str) -> bytes:
    """A bar for each pair of a label, what is predicted instead, and how many `rows` there are of it."""
    figure, axis = axes(1 + 0.32 * len(pairs))
    places = np.arange(len(pairs))
    axis.barh(places, [count for *_, count in pairs], height=0.7, color=COLOURS[0])
    names = [f"{plain(label, 24)}\ntaken for {plain(other, 24)}" for label, other, _ in pairs]
    axis.set(yticks=places, yticklabels=names, xlabel=rows)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylim(max(len(pairs), 1) - 0.4, -0.6)
    return encoded(figure)
