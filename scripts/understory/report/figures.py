"""The report's figures, as SVG, and its examples, as WebP."""

import base64
import io
import warnings

import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

INK = "#1f2a24"
FAINT = "#9aa79e"
COLOURS = ["#2a7f62", "#c1666b", "#48639c", "#d4a017", "#7d4f8a", "#5f7470"]
BOX = "#7CFC9A"
# Beyond so many folds a legend says less than it takes.
LEGEND = 12
# Points that a curve is drawn with.
POINTS = 400
# Inches: as wide as leaves text of a figure readable when a telephone shrinks it.
WIDTH = 4.5
# Classes up to which a confusion matrix can be read.
MATRIX = 60
plt.rcParams.update(
    {
        "font.size": 9,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "understory",
        # Text stays text: it can be searched, and the reader's fonts have scripts that Matplotlib's lacks.
        "svg.fonttype": "none",
        # Labels are names and no formulae, whatever dollars they hold.
        "text.parse_math": False,
    }
)


def data_url(content: bytes, mime: str) -> str:
    """Bytes as a data URL."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def plain(text: str, most: int = 32) -> str:
    """A name in one line of at most `most` characters that XML and every font can hold."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _saved(figure, kind="svg") -> bytes:
    out = io.BytesIO()
    options = {
        "svg": {"metadata": {"Date": None}, "facecolor": "white", "bbox_inches": "tight"},
        "webp": {"dpi": 110, "pil_kwargs": {"quality": 60}},
    }[kind]
    with warnings.catch_warnings():
        # Names may be in any script; what shows an SVG has its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(out, format=kind, **options)
    plt.close(figure)
    return out.getvalue()


def fold_scores(
    folds: dict[str, np.ndarray], lines: dict[str, float], metric: str, interval: tuple[float, float]
) -> bytes:
    """A row a model: its folds' scores as points, their mean and standard deviation as a bar.

    Parameters
    ----------
    folds : dict
        The scores (folds,) of each model; NaN for a fold without a score.
    lines : dict
        Single scores drawn as vertical lines, by name.
    interval : (float, float)
        Drawn as a band behind them all; NaN where there is none.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 1.1 + 0.4 * len(folds)), layout="constrained")
    for row, values in enumerate(folds.values()):
        found = values[np.isfinite(values)]
        axis.plot(
            found, np.full(len(found), row), "o", color=COLOURS[0], alpha=0.75, markersize=6, clip_on=False
        )
        if len(found) > 1:
            spread = np.std(found, ddof=1)
            axis.errorbar(np.mean(found), row + 0.25, xerr=spread, fmt="|", color=INK, capsize=3)
    if np.isfinite(interval).all():
        axis.axvspan(*interval, color=COLOURS[1], alpha=0.12, linewidth=0)
    for (name, value), colour in zip(lines.items(), COLOURS[1:], strict=False):
        if np.isfinite(value):
            axis.axvline(value, color=colour, linestyle="--", linewidth=1.2, label=name)
    axis.set(
        yticks=range(len(folds)), yticklabels=[plain(name) for name in folds], xlim=(0, 1), xlabel=metric
    )
    axis.set_ylim(len(folds) - 0.4, -0.6)
    if axis.get_legend_handles_labels()[0]:
        figure.legend(frameon=False, loc="outside upper center", ncols=2 if len(lines) > 3 else len(lines))
    return _saved(figure)


def class_scores(
    classes, means: np.ndarray, by_fold: np.ndarray, truth: np.ndarray | None, label: str, every=None
) -> bytes:
    """A bar a class: the mean over its folds, with the folds as points and the truth as a diamond.

    Where these are some of many classes, above them the distribution of the means of all.

    Parameters
    ----------
    means : numpy.ndarray
        (classes,), NaN where there is none.
    by_fold : numpy.ndarray
        (folds, classes), NaN where a fold has none.
    truth : numpy.ndarray or None
        (classes,), NaN where there is none.
    every : numpy.ndarray or None
        The means of all classes, where those that are drawn are not all.
    """
    height = 1.2 + 0.2 * len(classes)
    if every is None:
        figure, axis = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    else:
        figure, (above, axis) = plt.subplots(
            2, 1, figsize=(WIDTH, height + 1.8), height_ratios=[1.8, height], layout="constrained"
        )
        above.hist(every[np.isfinite(every)], bins=np.linspace(0, 1, 41), color=COLOURS[0])
        above.set(xlim=(0, 1.02), ylabel="classes", xlabel=f"{label}, of all classes")
        above.yaxis.set_major_locator(MaxNLocator(integer=True))
    places = np.arange(len(classes))
    axis.barh(places, np.nan_to_num(means), height=0.7, color="#bcd6c8", label="mean of the folds")
    for number, scores in enumerate(by_fold):
        axis.plot(
            scores,
            places,
            ".",
            color=COLOURS[0],
            markersize=5,
            clip_on=False,
            label=None if number else "each fold",
        )
    if truth is not None:
        axis.plot(truth, places, "D", color=COLOURS[1], markersize=4, label="truth")
    for place in places[np.isnan(means)]:
        axis.text(0.01, place, "none", va="center", color=INK, fontsize=8)
    axis.set(yticks=places, yticklabels=[plain(name) for name in classes], xlim=(0, 1.02), xlabel=label)
    axis.set_ylim(len(classes) - 0.4, -0.6)
    figure.legend(frameon=False, loc="outside upper center", ncols=3)
    return _saved(figure)


def learning_curves(histories: dict[str, dict], metric: str) -> bytes:
    """Loss and score by epoch, a row a model; `histories` maps a model and a fold to a table."""
    figure, grid = plt.subplots(
        len(histories), 2, figsize=(WIDTH, 2.2 * len(histories)), squeeze=False, layout="constrained"
    )
    for axes, (model, folds) in zip(grid, histories.items(), strict=True):
        for axis, value in zip(axes, ("loss", metric), strict=True):
            for number, (fold, history) in enumerate(folds.items()):
                colour = COLOURS[number % len(COLOURS)]
                mark = "o" if len(history) == 1 else None
                if value in history:
                    axis.plot(
                        history.epoch,
                        history[value],
                        color=colour,
                        linestyle=":",
                        linewidth=1,
                        marker=mark,
                        mfc="white",
                    )
                if f"val_{value}" in history:
                    axis.plot(
                        history.epoch,
                        history[f"val_{value}"],
                        color=colour,
                        linewidth=1.6,
                        marker=mark,
                        label=f"fold {fold}",
                    )
            axis.set(xlabel="epoch", ylabel=value, title=plain(model))
            axis.set_xlim(0.5, max((len(history) for history in folds.values()), default=1) + 0.5)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    handles = {line.get_label(): line for axis in grid.flat for line in axis.get_lines()}
    handles = {label: line for label, line in handles.items() if label.startswith("fold ")}
    if 0 < len(handles) <= LEGEND:
        figure.legend(
            handles.values(), handles, frameon=False, loc="outside upper center", ncols=min(len(handles), 5)
        )
    return _saved(figure)


def precision_recall(curves: dict) -> bytes:
    """A panel a `curves.PrecisionRecall`, by name, with the share of present labels as what chance gives."""
    figure, axes = plt.subplots(
        1, len(curves), figsize=(WIDTH / 2 * len(curves), 2.6), squeeze=False, layout="constrained"
    )
    for axis, (name, curve), colour in zip(axes[0], curves.items(), COLOURS, strict=False):
        if curve.precision is None:
            axis.text(
                0.5,
                0.5,
                f"no curve: no label is\nknown to be {'absent' if curve.present else 'present'}",
                ha="center",
                va="center",
            )
            title = plain(name)
        else:
            some = np.unique(np.linspace(0, len(curve.recall) - 1, POINTS).round().astype(int))
            axis.plot(curve.recall[some], curve.precision[some], color=colour, drawstyle="steps-post")
            chance = curve.present / (curve.present + curve.absent)
            axis.axhline(chance, color=FAINT, linestyle="--")
            title = f"{plain(name)}\naverage precision {curve.average:.3f},\nchance {chance:.3f}"
        axis.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        axis.set_title(title, fontsize=9)
    return _saved(figure)


def roc(curves: dict) -> bytes:
    """A panel a `curves.Roc`, by name, with the diagonal as what chance gives."""
    figure, axes = plt.subplots(
        1, len(curves), figsize=(WIDTH / 2 * len(curves), 2.6), squeeze=False, layout="constrained"
    )
    for axis, (name, curve), colour in zip(axes[0], curves.items(), COLOURS, strict=False):
        title = plain(name)
        axis.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
        if curve.false is None:
            axis.text(0.5, 0.5, "no curve: one of the\nclasses is not there", ha="center", va="center")
        else:
            axis.plot(curve.false, curve.true, color=colour)
            title = f"{title}\narea {curve.area:.3f}, chance 0.5"
        axis.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="false positives", ylabel="true positives")
        axis.set_title(title, fontsize=9)
    return _saved(figure)


def separation(panels: dict, label: str, rows: str) -> bytes:
    """Histograms of the predictions of one class, by what is present; `panels` maps a name to predictions by class."""
    figure, axes = plt.subplots(
        1, len(panels), figsize=(WIDTH / 2 * len(panels), 2.6), squeeze=False, layout="constrained"
    )
    for axis, (name, by_class) in zip(axes[0], panels.items(), strict=True):
        found = np.concatenate(list(by_class.values()))
        found = found[np.isfinite(found)]
        low, high = (found.min(), found.max()) if len(found) else (0, 1)
        edges = np.linspace(low, high if high > low else low + 0.01, 16)
        for (present, values), colour in zip(by_class.items(), COLOURS, strict=False):
            axis.hist(values, bins=edges, color=colour, alpha=0.55, label=plain(present, 16))
        axis.set(xlabel=label, ylabel=rows)
        axis.set_title(plain(name), fontsize=9)
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, loc="outside upper center", ncols=2, title="labelled")
    return _saved(figure)


def confusion(classes, shares: np.ndarray | None, pairs, said: str, rows: str) -> bytes:
    """What is taken for what.

    Parameters
    ----------
    classes : sequence of str
    shares : numpy.ndarray or None
        (classes, classes), of up to `MATRIX` classes, which are drawn as a matrix; of more, `pairs` are, as bars.
    pairs : list of (str, str, int)
        Labelled, predicted, and how often.
    said : str
        What the second stands for.
    rows : str
        What is counted.
    """
    if shares is None:
        figure, axis = plt.subplots(figsize=(WIDTH, 1 + 0.32 * len(pairs)), layout="constrained")
        places = np.arange(len(pairs))
        axis.barh(places, [count for *_, count in pairs], height=0.7, color=COLOURS[0])
        names = [f"{plain(label, 24)}\ntaken for {plain(other, 24)}" for label, other, _ in pairs]
        axis.set(yticks=places, yticklabels=names, xlabel=rows)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_ylim(max(len(pairs), 1) - 0.4, -0.6)
        return _saved(figure)
    size = min(8.0, 2.5 + 0.2 * len(classes))
    figure, axis = plt.subplots(figsize=(max(size, WIDTH), size), layout="constrained")
    image = axis.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    ticks, names = np.arange(len(classes)), [plain(label, 24) for label in classes]
    small = float(np.clip(300 / len(classes), 5, 9))
    axis.set(xlabel=said, ylabel="label")
    axis.set_yticks(ticks, names, fontsize=small)
    axis.set_xticks(ticks, names, rotation=90, fontsize=small)
    figure.colorbar(image, ax=axis, shrink=0.6, label=f"share of the label's {rows}")
    return _saved(figure)


def picture(values: np.ndarray, **colours) -> bytes:
    """Pixels of shape (height, width) or (height, width, 3) as WebP; `colours` are of `pyplot.imsave`, for one channel."""
    out = io.BytesIO()
    plt.imsave(out, values, format="webp", pil_kwargs={"quality": 75}, **colours)
    return out.getvalue()


def example(spectrogram: np.ndarray, boxes, *, window: float, mel_frequencies: np.ndarray) -> bytes:
    """A spectrogram (bands, frames) with labelled boxes, as WebP.

    Parameters
    ----------
    boxes : list of (label, t_min, t_max, f_min, f_max)
        Seconds from the window's start, and Hz.
    window : float
        Seconds.
    mel_frequencies : numpy.ndarray
        Centre frequency of each band, Hz.
    """
    figure = plt.figure(figsize=(4.2, 2.0))
    # A fixed place: a layout that measures what it draws takes twice the time, for each of many pictures.
    axis = figure.add_axes((0.14, 0.2, 0.84, 0.75))
    bands = len(spectrogram)
    axis.imshow(
        spectrogram, origin="lower", aspect="auto", cmap="magma", extent=(0, window, -0.5, bands - 0.5)
    )
    for label, t_min, t_max, f_min, f_max in boxes:
        low, high = np.interp([f_min, f_max], mel_frequencies, np.arange(bands))
        left, right = max(t_min, 0), min(t_max, window)
        axis.add_patch(
            plt.Rectangle(
                (left, low), right - left, high - low, fill=False, edgecolor=BOX, linewidth=1.2, clip_on=False
            )
        )
        # Above its box where there is room for a line of text, within it elsewhere.
        above = high < 0.88 * bands
        axis.annotate(
            plain(label, 24),
            (left, high),
            xytext=(2, 2 if above else -2),
            textcoords="offset points",
            va="bottom" if above else "top",
            color=BOX,
            fontsize=9,
            annotation_clip=False,
            clip_on=True,
        )
    shown = np.unique(np.linspace(0, bands - 1, 4).round().astype(int))
    axis.set(
        xlabel="s",
        ylabel="kHz",
        yticks=shown,
        yticklabels=[f"{mel_frequencies[band] / 1000:.1f}" for band in shown],
        xlim=(0, window),
        ylim=(-0.5, bands - 0.5),
    )
    return _saved(figure, "webp")
