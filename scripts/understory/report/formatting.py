"""Numbers as the report writes them."""

import numpy as np


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
