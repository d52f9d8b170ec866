"""What all figures of the report share: style, names of classes, and encoding."""

import base64
import io
import warnings
from contextlib import contextmanager

import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt

INK = "#1f2a24"
FAINT = "#9aa79e"
COLOURS = ["#2a7f62", "#c1666b", "#48639c", "#d4a017", "#7d4f8a", "#5f7470"]
# Width in inches: text stays readable when a phone shrinks the figure.
WIDTH = 4.5
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
        # A dollar sign in a class name does not start a formula.
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


def axes(height: float, *, width: float = WIDTH, **options):
    """A new figure of a size in inches, and its axes; `options` are those of `pyplot.subplots`."""
    return plt.subplots(figsize=(width, height), layout="constrained", **options)


def panels(names):
    """A new figure with a panel for each name as its title: the figure and the list of axes."""
    figure, grid = axes(2.6, width=WIDTH / 2 * len(names), ncols=len(names), squeeze=False)
    for axis, name in zip(grid[0], names, strict=True):
        axis.set_title(plain(name), fontsize=9)
    return figure, list(grid[0])


def legend(figure, *handles, columns: int, **options):
    """A legend above a figure; `options` are those of `Figure.legend`."""
    figure.legend(*handles, frameon=False, loc="outside upper center", ncols=columns, **options)


def encoded(figure, kind="svg") -> bytes:
    """A figure as SVG or WebP; the figure is closed."""
    out = io.BytesIO()
    options = {
        "svg": {"metadata": {"Date": None}, "facecolor": "white", "bbox_inches": "tight"},
        "webp": {"dpi": 110, "pil_kwargs": {"quality": 60}},
    }[kind]
    with unknown_glyphs():
        figure.savefig(out, format=kind, **options)
    plt.close(figure)
    return out.getvalue()


@contextmanager
def unknown_glyphs():
    """No warning of characters that Matplotlib's font lacks: names may be in any script, and a browser that shows an SVG has its own fonts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def finite(values: np.ndarray) -> np.ndarray:
    """The values that are neither NaN nor infinite."""
    return values[np.isfinite(values)]
