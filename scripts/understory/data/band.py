"""Annotations and recordings beside the band of frequencies that features show.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import math
from collections import Counter
from dataclasses import replace
from statistics import median
from typing import NamedTuple

from understory.data.dataset import Annotation, Dataset, Quarantined

# Upper ends of boxes up to which numbers below the band are more likely in kHz than in Hz: animals are heard above it.
LIKELY_KHZ = 200.0


def without_unseen(dataset: Dataset, band: "Band") -> Dataset:
    """The data set in which annotations that the band does not show are quarantined."""
    outside = tuple(a for a in dataset.annotations if not band.shows(a))
    if not outside:
        return dataset
    paths = {r.recording_id: r.path for r in dataset.recordings}
    bad = (
        Quarantined(
            "train",
            "annotation",
            a.recording_id,
            dataset.places.get(a, paths[a.recording_id]),
            band.reason(a),
        )
        for a in outside
    )
    return replace(
        dataset,
        annotations=tuple(a for a in dataset.annotations if band.shows(a)),
        quarantined=(*dataset.quarantined, *bad),
        out_of_band=outside,
        # Nobody knows where nothing is in them.
        background=dataset.background - {a.recording_id for a in outside},
    )


def typical(annotations) -> dict[str, list[float]]:
    """By label, the medians of the lower and of the upper frequencies (Hz) of its present annotations that have both."""
    boxes: dict[str, list[tuple[float, float]]] = {}
    for each in annotations:
        if each.presence == "present" and each.f_max < math.inf:
            boxes.setdefault(each.label, []).append((each.f_min, each.f_max))
    return {label: [median(side) for side in zip(*own, strict=True)] for label, own in sorted(boxes.items())}


class Band(NamedTuple):
    """A band of frequencies, in Hz."""

    low: float
    high: float

    def __str__(self):
        return f"{self.low:g} to {self.high:g} Hz"

    def shows(self, annotation: Annotation) -> bool:
        """Whether an annotation's box has a part in the band, and at least half of it where it may be in kHz."""
        seen = min(annotation.f_max, self.high) - max(annotation.f_min, self.low)
        likely_khz = annotation.f_min > 0 and annotation.f_max <= LIKELY_KHZ
        least = (annotation.f_max - annotation.f_min) / 2 if likely_khz else 0
        return seen > 0 and seen >= least

    def reason(self, annotation: Annotation) -> str:
        """Why an annotation that the band does not show is quarantined."""
        asked = "are these kHz? Write Hz; otherwise " if 0 < annotation.f_max <= LIKELY_KHZ else ""
        return (
            f"expected an event within {self}, the band of the features, found {annotation.label} from "
            f"{annotation.f_min:g} to {annotation.f_max:g} Hz: {asked}change fmin and fmax of the features, or set "
            "crop.out_of_band: keep"
        )

    def remarks(self, tables: Dataset) -> list[str]:
        """A line that counts by class the annotations that are quarantined as the band does not show them."""
        if not tables.out_of_band:
            return []
        counts = Counter(annotation.label for annotation in tables.out_of_band).most_common()
        named = ", ".join(f"{label} {count}" for label, count in counts[:20])
        more = f" and {len(counts) - 20} more classes" if len(counts) > 20 else ""
        line = (
            f"{len(tables.out_of_band)} annotations have no part in {self}, the band of the features, and are quarantined: "
            f"{named}{more}. Change fmin and fmax of the features to use them"
        )
        # In kHz, perhaps: where the first of them stands tells which table that is.
        khz = [a for a in tables.out_of_band if 0 < a.f_max <= LIKELY_KHZ]
        if khz:
            where = tables.places.get(khz[0], khz[0].recording_id)
            line += f", or write Hz where tables have kHz, as {len(khz)} of them may, such as {where}"
        return [line]

    def low_rates(self, sample_rates) -> list[str]:
        """A line that counts the recordings whose sample rates (Hz) leave part of the band empty."""
        rates = Counter(rate for rate in map(int, sample_rates) if rate / 2 < self.high)
        if not rates:
            return []
        named = ", ".join(f"{count} at {rate} Hz" for rate, count in sorted(rates.items()))
        return [
            f"{sum(rates.values())} of {len(sample_rates)} training recordings have nothing in the upper part of {self}, the "
            f"band of the features, as they were recorded at lower sample rates: {named}"
        ]
