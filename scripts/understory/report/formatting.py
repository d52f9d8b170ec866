"""Words and numbers as the report writes them."""

from typing import NamedTuple

import numpy as np


class Words(NamedTuple):
    """What the sources of a data set are called, singular and plural.

    Attributes
    ----------
    recording, recordings : str
        What is annotated and predicted.
    example, examples : str
        What a model takes at once: a part of a recording, or a whole one.
    """

    recording: str
    recordings: str
    example: str
    examples: str


WORDS = {
    "recordings": Words("recording", "recordings", "example", "examples"),
    "images": Words("image", "images", "image", "images"),
    "studies": Words("study", "studies", "slice", "slices"),
}


def counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def number(score: float | None) -> str:
    if score is None:
        return "unknown"
    return f"{score:.3f}" if np.isfinite(score) else "none"


def span(low: float, high: float) -> str:
    return f"{low:.3f}–{high:.3f}" if np.isfinite([low, high]).all() else "none"


def time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def memory(megabytes: float) -> str:
    return f"{megabytes:.0f} MB"
