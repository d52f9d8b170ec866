"""The precision of each class, estimated from verdicts on a sample of its detections."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import beta

LEVEL = 0.95
COLUMNS = [
    "review",
    "label",
    "detections",
    "sampled",
    "reviewed",
    "accepted",
    "unsure",
    "precision",
    "low",
    "high",
]


class Precision(NamedTuple):
    """A share of detections that are right, with its interval; NaN where nothing is known."""

    estimate: float
    low: float
    high: float


def estimate(strata: pd.DataFrame) -> Precision:
    """The precision of a class.

    The estimate is the ratio of sums of verdicts weighted by one over the probability with which a detection was drawn and
    judged (J. Hájek, in Foundations of Statistical Inference, 1971). The interval is that of C. Clopper and E. Pearson
    (Biometrika 26, 1934) for the effective number of verdicts (L. Kish, Survey Sampling, 1965), as E. Korn and B. Graubard
    have it (Survey Methodology 24, 1998). It ignores that strata and a finite number of detections make an estimate more
    certain, so that it covers the truth at least as often as it says. What no verdict is known of may be right or wrong.

    Parameters
    ----------
    strata : pandas.DataFrame
        One row a stratum, with `events`, the detections in it, `decided`, how many of them were judged right or wrong, and
        `right`.
    """
    everything, right = strata.events.sum(), strata.right.sum()
    seen = strata[strata.decided > 0]
    if seen.empty:
        return Precision(np.nan, np.nan, np.nan)
    covered = seen.events.sum()
    found = (seen.events * seen.right / seen.decided).sum() / covered
    number = covered**2 / (seen.events**2 / seen.decided).sum()
    positive, negative = found * number, number - found * number
    tail = (1 - LEVEL) / 2
    low = beta.ppf(tail, positive, negative + 1) if positive > 0 else 0.0
    high = beta.ppf(1 - tail, positive + 1, negative) if negative > 1e-9 else 1.0
    share = covered / everything
    wrong = strata.decided.sum() - right
    return Precision(
        float(found),
        float(max(low * share, right / everything)),
        float(min(high * share + 1 - share, 1 - wrong / everything)),
    )


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """The precision of each class in each review that was a sample.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of files of verdicts: `path, start, end, label, verdict, inclusion, stratum, stratum_events, review`; also those of
        detections without a verdict. Of several rows of one detection in one review, the last one with a verdict counts.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, by review in the order of the rows, and by label: the detections of the class that the sample stands for, how
        many were drawn, judged, accepted and left as unsure, and the precision with its 95 % interval.
    """
    key = ["review", "label", "path", "start", "end"]
    rows = rows[rows.inclusion > 0]
    rows = rows.assign(open=rows.verdict == "").sort_values("open", ascending=False, kind="stable")
    rows = rows.drop_duplicates(key, keep="last").sort_index()
    rows = rows.assign(
        right=rows.verdict == "accept", decided=rows.verdict.isin(["accept", "reject", "relabel"])
    )
    found = []
    for (review, label), own in rows.groupby(["review", "label"], sort=False):
        strata = own.groupby("stratum").agg(
            events=("stratum_events", "first"), right=("right", "sum"), decided=("decided", "sum")
        )
        counts = [
            strata.events.sum(),
            len(own),
            (own.verdict != "").sum(),
            own.right.sum(),
            (own.verdict == "unsure").sum(),
        ]
        found.append([review, label, *counts, *estimate(strata)])
    found = pd.DataFrame(found, columns=COLUMNS)
    order = {review: number for number, review in enumerate(dict.fromkeys(rows.review))}
    return found.sort_values(
        ["review", "label"], key=lambda c: c.map(order) if c.name == "review" else c, ignore_index=True
    )
