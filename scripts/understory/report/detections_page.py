"""What was detected in new recordings, for the eye: activity by the hour, and a page with the highest events of each class."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from scipy import signal

from understory.core.text import counted
from understory.report.plotting import INK, WIDTH, axes, data_url, encoded, plain
from understory.report.template import PAGE, Examples, Figure, Section, Table

# Images of the page at most, of some 8 kB each, and of one class.
IMAGES, OF_CLASS = 36, 4
# Classes that the figure of activity shows.
ROWS = 40
# Pixels of an image, decibels from its loudest to its darkest, and samples of a frame.
PIXELS, RANGE, FRAME = (420, 200), 70.0, 1024
# Characters of a recording's name in a caption.
LONGEST = 80


class Excerpt(NamedTuple):
    """An event with the sound around it.

    Attributes
    ----------
    path, label : str
    start, end, begin : float
        The event, and where the sound begins, in seconds of the recording.
    score : float
    probability : float or None
    wave : numpy.ndarray
        float32 (samples,).
    sample_rate : int
        Hz.
    band : (float, float)
        What is shown, Hz.
    """

    path: str
    label: str
    start: float
    end: float
    begin: float
    score: float
    probability: float | None
    wave: np.ndarray
    sample_rate: int
    band: tuple[float, float]


class Head(NamedTuple):
    """The head of the page."""

    said: str
    cards: tuple = ()
    notes: tuple = ()
    warnings: tuple = ()

    def counts(self) -> str:
        return self.said


def chosen(detections: Iterable) -> dict[str, list]:
    """The highest detections of each class, by label, that the page has room for: of the classes with most of them."""
    by_label: dict[str, list] = {}
    for each in detections:
        by_label.setdefault(each.label, []).append(each)
    labels = sorted(by_label, key=lambda label: (-len(by_label[label]), label))[:IMAGES]
    most = max(1, min(OF_CLASS, IMAGES // max(len(labels), 1)))
    return {
        label: sorted(by_label[label], key=lambda each: (-each.score, each.path, each.start))[:most]
        for label in sorted(labels)
    }


def activity(summary: list[dict], recordings: list[dict]) -> tuple[bytes, str]:
    """Events of each class by the hour, for each hour that was recorded, as SVG; and what the figure shows.

    Parameters
    ----------
    summary : list of dict
        Rows of `summary.csv`.
    recordings : list of dict
        Rows of `recordings.csv`. Where any has a date and time, the hours are those of the day, and recordings without are left
        out; otherwise hours count from the beginning of each recording.
    """
    dated = any(row["began"] for row in recordings)
    labels, rates = hourly(summary, recordings, dated=dated)
    figure, axis = axes(1.2 + 0.22 * max(len(labels), 1), width=1.4 * WIDTH)
    if labels:
        cells = np.ma.masked_invalid(rates)
        shown = axis.imshow(cells, aspect="auto", cmap="viridis", vmin=0, interpolation="nearest")
        figure.colorbar(shown, ax=axis, label="events in an hour recorded")
    axis.set(
        xlabel="hour of the day" if dated else "hour from the beginning of a recording",
        yticks=range(len(labels)),
        yticklabels=[plain(label) for label in labels],
    )
    axis.tick_params(colors=INK)
    said = "Events in an hour recorded, by the " + (
        "hour of the day that names of recordings say"
        if dated
        else "hour from the beginning of each recording"
    )
    if dated and (others := sum(not row["began"] for row in recordings)):
        said += f"; {counted(others, 'recording')} without a date in the name left out"
    return encoded(figure), said


def hourly(summary: list[dict], recordings: list[dict], *, dated: bool) -> tuple[list[str], np.ndarray]:
    """The classes with most events, and their events by the hour for each hour recorded: (classes, hours), NaN where none was.

    With `dated`, of recordings whose beginning is known, by hour of the day; otherwise of the others, by hour from the beginning.
    """
    effort, counts = Counter(), {}
    for row in recordings:
        if bool(row["began"]) == dated:
            effort.update(_hours(row["began"], float(row["seconds"])))
    for row in summary:
        if row["hour"].startswith("+") != dated:
            own = counts.setdefault(row["label"], Counter())
            own[int(row["hour"][-5:-3] if dated else row["hour"][1:].split(":")[0])] += int(row["events"])
    labels = sorted(counts, key=lambda label: (-counts[label].total(), label))[:ROWS]
    hours = range(24) if dated else range(max(effort, default=0) + 1)
    rates = [[counts[label][h] / effort[h] if effort[h] else np.nan for h in hours] for label in labels]
    return labels, np.array(rates)


def _hours(began, seconds):
    """By hour of the day, or from the beginning, the hours that a recording covers of it."""
    now = datetime.fromisoformat(began) if began else datetime(1, 1, 1)
    first, end, found = now, now + timedelta(seconds=seconds), Counter()
    while now < end:
        following = min((now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0), end)
        key = now.hour if began else int((now - first).total_seconds() // 3600)
        found[key] += (following - now).total_seconds() / 3600
        now = following
    return found


def spectrogram(excerpt: Excerpt) -> bytes:
    """The spectrogram of an excerpt as WebP, with its event between two lines."""
    frame = min(FRAME, len(excerpt.wave))
    frequencies, _, power = signal.spectrogram(
        excerpt.wave, excerpt.sample_rate, nperseg=frame, noverlap=frame // 2
    )
    low, high = excerpt.band
    shown = (frequencies >= low) & (frequencies <= high)
    decibels = 10 * np.log10(np.maximum(power[shown], 1e-20))
    top = decibels.max(initial=-200.0)
    figure = plt.figure(figsize=(PIXELS[0] / 100, PIXELS[1] / 100))
    axis = figure.add_axes((0.14, 0.2, 0.84, 0.75))
    stop = excerpt.begin + len(excerpt.wave) / excerpt.sample_rate
    axis.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=top - RANGE,
        vmax=top,
        extent=(excerpt.begin, stop, low / 1000, high / 1000),
    )
    for edge in (excerpt.start, excerpt.end):
        if excerpt.begin < edge < stop:
            axis.axvline(edge, color="#7CFC9A", linewidth=1)
    axis.set(xlabel="s", ylabel="kHz")
    return encoded(figure, "webp")


def build(
    name: str,
    excerpts: dict[str, list[Excerpt]],
    counts: dict[str, int],
    figure: tuple[bytes, str],
    failed: int,
) -> str:
    """The page.

    Parameters
    ----------
    name : str
        Of the run.
    excerpts : dict
        By class, as `chosen` orders them.
    counts : dict
        The number of events of each class.
    figure : (bytes, str)
        As `activity` gives it.
    failed : int
        Recordings that could not be read.
    """
    warnings = (f"{counted(failed, 'recording')} could not be read, see failed.csv.",) if failed else ()
    head = Head(
        f"{counted(sum(counts.values()), 'event')} of {counted(len(counts), 'class', 'classes')}",
        warnings=warnings,
    )
    items = [(label, [_item(each) for each in own]) for label, own in excerpts.items()]
    rows = [
        [label, f"{count:,}"] for label, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    svg, said = figure
    alt = f"A row for each class, a column for each hour. {said}"
    sections = [
        Section("activity", "Activity", [Figure("activity", svg, said, alt, wide=True)]),
        Section("classes", "Classes", [Table("Number of events", ["class", "events"], rows)]),
        Section("events", "Highest events", [Examples(items)] if items else ["No events were detected."]),
    ]
    return PAGE.render(title="Detections", name=name, head=head, quarantined="", sections=sections)


def _item(excerpt):
    place = excerpt.path if len(excerpt.path) <= LONGEST else f"…{excerpt.path[-LONGEST:]}"
    likely = "" if excerpt.probability is None else f", probability {excerpt.probability:.2f}"
    said = f"{plain(place, LONGEST + 1)}, {excerpt.start:.1f} to {excerpt.end:.1f} s"
    return {
        "alt": f"Spectrogram of {said}",
        "caption": f"score {excerpt.score:.3f}{likely} · {said}",
        "url": data_url(spectrogram(excerpt), "image/webp"),
        "width": PIXELS[0],
        "height": PIXELS[1],
    }
