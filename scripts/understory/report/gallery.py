"""The best and the worst examples of the report, as pictures."""

import librosa
import numpy as np
import pandas as pd

from understory.data.dataset import SEPARATOR
from understory.data.task import Task
from understory.evaluation import analysis
from understory.images.pixels import limited, resized
from understory.report import figures
from understory.report.formatting import Words

# Pictures that a page holds at most, of some 10 kB each.
PICTURES = 240
# Pixels of a picture's longer side that are kept, and of its shorter side that it is shown with at least.
LONGEST, SHORTEST = 224, 150
# What a picture of the kind of features shows.
SHOWN = {
    "log_mel": "Spectrograms as {model} sees them, with the labelled boxes",
    "fft_frames": "Magnitudes of one Fourier transform as {model} sees them: rows of rising frequency, each over the "
    "whole window, from 0 Hz at the bottom",
    "picture": "{Pictures} as {model} sees them",
}


class Gallery:
    """Draws single examples.

    Parameters
    ----------
    settings : dict
        As `understory.report.page.page` takes them.
    index : pandas.DataFrame
        All examples, with `part` and `row`, their place in the store.
    store : list
        The shards' arrays or pictures.
    words : Words
    """

    def __init__(self, settings: dict, index: pd.DataFrame, store, words: Words):
        self.features, self.settings, self.words = settings["features"], settings, words
        self.store, self.index = store, index
        self.kind = self.features["kind"]
        if self.kind == "log_mel":
            self.frequencies = _mel_frequencies(self.features)

    def lead(self) -> str:
        """What is to be seen."""
        pictures = self.words.examples.capitalize()
        said = SHOWN.get(self.kind, "What {model} is fed").format(
            model=min(self.settings["select"]), Pictures=pictures
        )
        sequences = self.features.get("channels") or self.settings["sequences"]
        if self.kind == "picture" and len(sequences) > 1:
            said += f"; {', '.join(sequences)} from left to right"
        return said

    def item(self, row, told: str) -> dict:
        """An example, `row` of the index, as the page shows it; `told` stands before its name."""
        pixels = self.store[row.part][row.row]
        name = row.recording_id
        also = [label for label in row.present.split(SEPARATOR) if label != row.label]
        if pixels.ndim == 3:
            name += f", {row.item}" if "item" in row._fields and row.item else ""
            content, size = self._picture(pixels)
        else:
            name += f", {row.start:.1f} to {row.stop:.1f} s"
            content, size = self._sound(np.asarray(pixels, dtype=np.float32), row)
        what = {"log_mel": "Spectrogram of ", "fft_frames": "Magnitudes of "}.get(self.kind, "")
        return {
            "alt": f"{what}{name}" + (", with its labels boxed" if self.kind == "log_mel" else ""),
            "caption": f"{told} · {name}" + (f" · also {', '.join(also)}" if also else ""),
            "url": figures.data_url(content, "image/webp"),
            "width": size[1],
            "height": size[0],
        }

    def _sound(self, values, row):
        if self.kind != "log_mel":
            values = resized(values[..., None], len(values), min(values.shape[1], 420))
            low, high = np.percentile(values, [1, 99])
            values = values.reshape(values.shape[:2])[::-1]
            size = round(420 * len(values) / values.shape[1]), 420
            return figures.picture(values, cmap="magma", vmin=low, vmax=max(high, low + 1e-6)), size
        events = self.index[
            (self.index.recording_id == row.recording_id) & (self.index.presence == "present")
        ]
        inside = events[(events.t_min < row.stop) & (events.t_max > row.start)]
        boxes = [
            (event.label, event.t_min - row.start, event.t_max - row.start, event.f_min, event.f_max)
            for event in inside.itertuples()
        ]
        window = self.settings["crop"]["window"]
        return figures.example(values, boxes, window=window, mel_frequencies=self.frequencies), (200, 420)

    def _picture(self, pixels):
        """A photograph in colour, or the channels of a slice in grey, side by side."""
        zoom = max(1, SHORTEST // min(pixels.shape[:2]))
        if not self.settings["sequences"]:
            pixels = limited(pixels, LONGEST)
            return figures.picture(pixels), (zoom * pixels.shape[0], zoom * pixels.shape[1])
        pixels = limited(pixels, LONGEST)
        strip = np.concatenate(np.moveaxis(pixels, 2, 0), axis=1)
        shown = figures.picture(strip, cmap="gray", vmin=0, vmax=255)
        return shown, (zoom * strip.shape[0], zoom * strip.shape[1])


def _mel_frequencies(mel):
    """The centre frequency of each band that is shown, Hz."""
    found = librosa.mel_frequencies(n_mels=mel["n_mels"] + 2, fmin=mel["fmin"], fmax=mel["fmax"])[1:-1]
    if not mel["resize"]:
        return found
    places = np.linspace(0, len(found) - 1, mel["resize"][0])
    return np.interp(places, np.arange(len(found)), found)


def examples(
    gallery: Gallery, task: Task, drawn, oof, rows: analysis.ScoredRows, by_id: pd.DataFrame, *, wanted: int
) -> list[tuple[str, list[dict]]]:
    """The best and the worst examples of classes.

    Where recordings are scored, these are recordings, of which the middle one of their examples is shown.

    Parameters
    ----------
    gallery : Gallery
    task : Task
    drawn : sequence of int
        Numbers of the classes.
    oof : Predictions
        Of examples.
    rows : evidence.Rows
        What is scored of them.
    by_id : pandas.DataFrame
        The examples, by `example_id`.
    wanted : int
        How many of each kind.
    """
    members = None
    if task.scored == "recording":
        members = oof.keys.groupby("recording_id").example_id.apply(list)
    codes = pd.Categorical(rows.keys.label, categories=task.classes).codes
    shown = []
    for number in drawn:
        own = np.flatnonzero(codes == number)
        predicted = analysis.column_of(rows.values[own], number)
        order = np.argsort(-predicted, kind="stable")
        most = min(wanted, len(order) // 2 or len(order))
        picked = [("best", place) for place in order[:most]]
        picked += [("worst", place) for place in order[len(order) - min(most, len(order) - most) :]]
        items = []
        for kind, place in picked:
            key = rows.keys.iloc[own[place]]
            told, name = f"{kind}: {predicted[place]:.3f}", key.example_id
            if members is not None:
                own_examples = members[key.recording_id]
                name = own_examples[len(own_examples) // 2]
                if len(own_examples) > 1:
                    told += f", the mean of {len(own_examples)} {gallery.words.examples}"
            row = by_id.loc[[name]].reset_index()
            items.append(gallery.item(next(row.itertuples()), told))
        shown.append((task.classes[number], items))
    return shown
