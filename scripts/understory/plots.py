"""The report's figures, as SVG or WebP in data URLs."""

import base64
import io

import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt

INK = "#1f2a24"
COLOURS = ["#2a7f62", "#c1666b", "#48639c", "#d4a017", "#7d4f8a", "#5f7470"]
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
        "svg.fonttype": "path",
    }
)


def data_url(figure, kind: str = "svg") -> str:
    """A figure as a data URL, as SVG or, for pictures, as WebP; closes it."""
    out = io.BytesIO()
    options = {
        "svg": {"metadata": {"Date": None}, "transparent": True},
        "webp": {"dpi": 110, "pil_kwargs": {"quality": 60}},
    }[kind]
    figure.savefig(out, format=kind, bbox_inches="tight", **options)
    plt.close(figure)
    mime = {"svg": "image/svg+xml", "webp": "image/webp"}[kind]
    return f"data:{mime};base64,{base64.b64encode(out.getvalue()).decode()}"


def learning_curves(histories: dict[str, list], score: str) -> str:
    """Training and validation loss and score by epoch; `histories` maps "model fold" to a table."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    for (name, history), colour in zip(histories.items(), COLOURS * len(histories), strict=False):
        for axis, value in zip(axes, ("loss", score), strict=True):
            axis.plot(history.epoch, history[value], color=colour, linestyle=":", linewidth=1)
            axis.plot(history.epoch, history[f"val_{value}"], color=colour, linewidth=1.6, label=name)
    for axis, value in zip(axes, ("loss", score), strict=True):
        axis.set(xlabel="epoch", ylabel=value)
    axes[1].legend(frameon=False, fontsize=8)
    return data_url(figure)


def class_bars(classes, values: dict[str, np.ndarray], label: str) -> str:
    """Horizontal bars of each class's scores; `values` maps a name to (classes,)."""
    figure, axis = plt.subplots(figsize=(9, max(2.5, 0.22 * len(classes) * len(values))))
    height = 0.8 / len(values)
    for number, (name, scores) in enumerate(values.items()):
        axis.barh(
            np.arange(len(classes)) + number * height,
            np.nan_to_num(scores),
            height=height * 0.9,
            color=COLOURS[number],
            label=name,
        )
    axis.set(
        yticks=np.arange(len(classes)) + 0.4 - height / 2, yticklabels=classes, xlim=(0, 1), xlabel=label
    )
    axis.set_ylim(len(classes) - 0.1, -0.4)
    if len(values) > 1:
        axis.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(values))
    return data_url(figure)


def confusion(classes, counts: np.ndarray) -> str:
    """Rows of labelled, columns of predicted classes, as shares of each row; counts of shape (classes, classes)."""
    size = min(8.0, 2.5 + 0.25 * len(classes))
    figure, axis = plt.subplots(figsize=(size, size))
    image = axis.imshow(
        counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Greens", vmin=0, vmax=1
    )
    ticks = np.arange(len(classes))
    axis.set(xlabel="highest prediction", ylabel="label", yticks=ticks, yticklabels=classes)
    axis.set_xticks(ticks, classes, rotation=90)
    figure.colorbar(image, ax=axis, shrink=0.6, label="share of the label's examples")
    return data_url(figure)


def example(spectrogram: np.ndarray, boxes, *, window: float, mel_frequencies: np.ndarray) -> str:
    """A spectrogram (bands, frames) with labelled boxes.

    Parameters
    ----------
    boxes : list of (label, t_min, t_max, f_min, f_max)
        Seconds from the window's start, and Hz.
    window : float
        Seconds.
    mel_frequencies : numpy.ndarray
        Centre frequency of each band, Hz.
    """
    figure, axis = plt.subplots(figsize=(4.2, 2.0))
    bands = len(spectrogram)
    axis.imshow(
        spectrogram, origin="lower", aspect="auto", cmap="magma", extent=(0, window, -0.5, bands - 0.5)
    )
    for label, t_min, t_max, f_min, f_max in boxes:
        low, high = np.interp([f_min, f_max], mel_frequencies, np.arange(bands))
        left, right = max(t_min, 0), min(t_max, window)
        axis.add_patch(
            plt.Rectangle(
                (left, low), right - left, high - low, fill=False, edgecolor="#7CFC9A", linewidth=1.2
            )
        )
        axis.text(left, min(high + 2, bands - 10), label, color="#7CFC9A", fontsize=8)
    shown = np.linspace(0, bands - 1, 4).round().astype(int)
    axis.set(
        xlabel="s",
        ylabel="kHz",
        yticks=shown,
        yticklabels=[f"{mel_frequencies[band] / 1000:.1f}" for band in shown],
        xlim=(0, window),
        ylim=(-0.5, bands - 0.5),
    )
    return data_url(figure, "webp")
