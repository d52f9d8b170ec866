"""The best and the worst examples of the report, as images."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from understory.core import mel_scale
from understory.data.dataset import SEPARATOR
from understory.evaluation import analysis
from understory.images.pixels import limited, resized
from understory.report.plotting import data_url, plain, unknown_glyphs
from understory.report.results import Results

# Images that a page holds at most, of some 10 kB each.
IMAGES = 240
# Pixels of an image's longer side at most, and of its shorter side on the page at least.
LONGEST, SHORTEST = 224, 150
# Width and height of an image of sound.
WIDTH, HEIGHT = 420, 200
BOX = "#7CFC9A"
# What the images show, by kind of features.
LEADS = {
    "log_mel": "Spectrograms as {model} sees them, with the labelled boxes",
    "fft_frames": "Magnitudes of one Fourier transform as {model} sees them: each row is the whole window, with rising "
    "frequency and 0 Hz at the bottom",
    "picture": "{Examples} as {model} sees them",
    "waveform": "The lowest and highest samples of windows as {model} is fed them, over time",
}
ALTS = {"log_mel": "Spectrogram of {name}, with its labels boxed", "fft_frames": "Magnitudes of {name}"}


class Gallery:
    """Draws single examples."""

    def __init__(self, results: Results):
        self.results, self.settings, self.words = results, results.settings, results.words
        self.features = self.settings["features"]
        self.kind = self.features["kind"]
        if self.kind == "log_mel":
            self.spectrograms = Spectrograms(
                window=self.settings["crop"]["window"], mel_frequencies=_mel_frequencies(self.features)
            )

    def lead(self) -> str:
        """What the images show."""
        examples = self.words.examples.capitalize()
        text = LEADS.get(self.kind, "What {model} is fed").format(
            model=self.settings["model"], Examples=examples
        )
        sequences = self.features.get("channels") or self.settings["sequences"]
        if self.kind == "picture" and len(sequences) > 1:
            text += f"; {', '.join(sequences)} from left to right"
        return text

    def item(self, row, heading: str) -> dict:
        """An example, `row` of the index, as the page shows it, with a heading before its name."""
        pixels, name = self.results.shards[row.part][0][row.row], row.recording_id
        also = [label for label in row.present.split(SEPARATOR) if label != row.label]
        if pixels.ndim == 3:
            name += f", {row.item}" if "item" in row._fields and row.item else ""
            content, width, height = self._image(pixels)
        else:
            name += f", {row.start:.1f} to {row.stop:.1f} s"
            content, width, height = self._sound(np.asarray(pixels, dtype=np.float32), row)
        return {
            "alt": ALTS.get(self.kind, "{name}").replace("{name}", name),
            "caption": f"{heading} · {name}" + (f" · also {', '.join(also)}" if also else ""),
            "url": data_url(content, "image/webp"),
            "width": width,
            "height": height,
        }

    def _sound(self, values, row):
        if self.kind == "waveform":
            return image(_envelope(values[0]), cmap="magma", vmin=0, vmax=1), WIDTH, HEIGHT
        if self.kind != "log_mel":
            values = resized(values[..., None], len(values), min(values.shape[1], WIDTH))
            low, high = np.percentile(values, [1, 99])
            values = values.reshape(values.shape[:2])[::-1]
            content = image(values, cmap="magma", vmin=low, vmax=max(high, low + 1e-6))
            return content, WIDTH, round(WIDTH * len(values) / values.shape[1])
        events = self.results.index
        events = events[(events.recording_id == row.recording_id) & (events.presence == "present")]
        inside = events[(events.t_min < row.stop) & (events.t_max > row.start)]
        boxes = [
            (event.label, event.t_min - row.start, event.t_max - row.start, event.f_min, event.f_max)
            for event in inside.itertuples()
        ]
        return self.spectrograms.draw(values, boxes), WIDTH, HEIGHT

    def _image(self, pixels):
        """An image in colour, or the channels of a slice in grey, side by side."""
        zoom, colours = max(1, SHORTEST // min(pixels.shape[:2])), {}
        pixels = limited(pixels, LONGEST)
        if self.settings["sequences"]:
            pixels = np.concatenate(np.moveaxis(pixels, 2, 0), axis=1)
            colours = {"cmap": "gray", "vmin": 0, "vmax": 255}
        height, width = pixels.shape[:2]
        return image(pixels, **colours), zoom * width, zoom * height


def _envelope(samples):
    """A picture of HEIGHT x WIDTH, 1 between the lowest and the highest sample of each column and 0 elsewhere."""
    parts = np.array_split(samples, min(WIDTH, len(samples)))
    lows, highs = (np.array([find(part) for part in parts]) for find in (np.min, np.max))
    largest = max(np.abs(samples).max(), 1e-6)
    heights = np.linspace(largest, -largest, HEIGHT)[:, None]
    half = largest / (HEIGHT - 1)
    return ((heights >= lows - half) & (heights <= highs + half)).astype(np.float32)


def _mel_frequencies(mel):
    """The centre frequency of each band that is shown, Hz."""
    bands, shown = mel["n_mels"], mel["resize"][0] if mel["resize"] else mel["n_mels"]
    # Rows of a resized picture are as far from its edges as their share of it says.
    places = (np.arange(shown) + 0.5) * bands / shown + 0.5
    low, high = mel_scale.to_mel(mel["fmin"]), mel_scale.to_mel(mel["fmax"])
    return mel_scale.to_hertz(low + places / (bands + 1) * (high - low))


def examples(gallery: Gallery, results: Results, *, most: int) -> list[tuple[str, list[dict]]]:
    """The best and the worst examples of each class that is drawn, at most `most` of each.

    Where recordings are scored, these are recordings, of which the middle example is shown. The only example of a class
    is neither its best nor its worst.
    """
    task, rows, members = results.task, results.scored["out-of-fold"], None
    if task.scored == "recording":
        members = results.oof.keys.groupby("recording_id").example_id.apply(list)
    codes = pd.Categorical(rows.keys.label, categories=task.classes).codes
    shown = []
    for number in results.drawn:
        own = np.flatnonzero(codes == number)
        predicted = analysis.column_of(rows.values[own], number)
        order = np.argsort(-predicted, kind="stable")
        count = min(most, len(order) // 2)
        picked = [("best", place) for place in order[:count]]
        picked += [("worst", place) for place in order[len(order) - count :]]
        if len(order) == 1:
            picked = [("only one", 0)]
        items = []
        for kind, place in picked:
            key = rows.keys.iloc[own[place]]
            heading, name = f"{kind}: {predicted[place]:.3f}", key.example_id
            if members is not None:
                examples = members[key.recording_id]
                name = examples[len(examples) // 2]
                if len(examples) > 1:
                    heading += f", the mean of {len(examples)} {gallery.words.examples}"
            row = results.by_id.loc[[name]].reset_index()
            items.append(gallery.item(next(row.itertuples()), heading))
        shown.append((task.classes[number], items))
    return shown


def image(pixels: np.ndarray, *, quality: int = 75, **colours) -> bytes:
    """Pixels of shape (height, width) or (height, width, 3); `colours` are those of `pyplot.imsave`, for one channel."""
    out = io.BytesIO()
    plt.imsave(out, pixels, format="webp", pil_kwargs={"quality": quality}, **colours)
    return out.getvalue()


class Spectrograms:
    """Draws spectrograms of examples, with their labels in boxes, as WebP. The axes are the same for all of them and drawn once,
    which takes longer than all the rest.

    Parameters
    ----------
    window : float
        Length of an example, seconds.
    mel_frequencies : numpy.ndarray
        Centre frequency of each band, Hz.
    """

    def __init__(self, *, window: float, mel_frequencies: np.ndarray):
        self.window, self.frequencies = window, mel_frequencies
        bands = len(mel_frequencies)
        figure = Figure(figsize=(4.2, 2.0), dpi=110)
        self.canvas = FigureCanvasAgg(figure)
        self.axis = figure.add_axes((0.14, 0.2, 0.84, 0.75))
        ticks = np.unique(np.linspace(0, bands - 1, 4).round().astype(int))
        self.axis.set(
            xlabel="s",
            ylabel="kHz",
            yticks=ticks,
            yticklabels=[f"{mel_frequencies[band] / 1000:.1f}" for band in ticks],
            xlim=(0, window),
            ylim=(-0.5, bands - 0.5),
        )
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)

    def draw(self, values: np.ndarray, boxes) -> bytes:
        """A spectrogram (bands, frames); `boxes` are (label, t_min, t_max, f_min, f_max), in seconds from the window's start and Hz."""
        extent = (0, self.window, -0.5, len(values) - 0.5)
        drawn = [self.axis.imshow(values, origin="lower", aspect="auto", cmap="magma", extent=extent)]
        for label, t_min, t_max, f_min, f_max in boxes:
            drawn += self._box(label, max(t_min, 0), min(t_max, self.window), f_min, f_max)
        self.canvas.restore_region(self.background)
        with unknown_glyphs():
            # The lines of the axes above the image, as Matplotlib draws them.
            for artist in (*drawn, *self.axis.spines.values()):
                self.axis.draw_artist(artist)
        for artist in drawn:
            artist.remove()
        return image(np.asarray(self.canvas.buffer_rgba())[..., :3], quality=60)

    def _box(self, label, left, right, f_min, f_max):
        bands = len(self.frequencies)
        low, high = np.interp([f_min, f_max], self.frequencies, np.arange(bands))
        style = {"fill": False, "edgecolor": BOX, "linewidth": 1.2, "clip_on": False}
        box = self.axis.add_patch(Rectangle((left, low), right - left, high - low, **style))
        # Above its box where there is room for a line of text, inside it elsewhere.
        above = high < 0.88 * bands
        text = self.axis.annotate(
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
        return box, text
