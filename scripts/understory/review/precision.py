"""The precision of each class, estimated from verdicts on a sample of its detections."""

import numpy as np
import pandas as pd
from scipy.stats import beta

LEVEL = 0.95
CLASS = ["review", "label"]
COLUMNS = [
    *CLASS,
    "detections",
    "sampled",
    "reviewed",
    "accepted",
    "unsure",
    "skipped",
    "precision",
    "low",
    "high",
]


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """The precision of each class in each review that was a sample.

    The estimate is the ratio of sums of verdicts weighted by one over the probability with which a detection was drawn and
    judged (J. Hájek, in Foundations of Statistical Inference, 1971). The interval is that of C. Clopper and E. Pearson
    (Biometrika 26, 1934) for the effective number of verdicts (L. Kish, Survey Sampling, 1965), as E. Korn and B. Graubard
    have it (Survey Methodology 24, 1998). It ignores that strata and a finite number of detections make an estimate more
    certain, so that it covers the truth at least as often as it says. A stratum without a verdict may be all right or all
    wrong.

    The order within a stratum is random, so that those reviewed are a sample of it if they are the first ones. If others
    were skipped before one that was reviewed, those reviewed were picked, and nothing is estimated of the class.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of files of verdicts, `annotations.verdicts.Sampled`; also those of detections without a verdict. Of several rows of one
        detection in one review, the last one with a verdict counts.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, by review in the order of the rows, and by label: the detections of the class that the sample stands for, how
        many were drawn, judged, accepted, left as unsure and skipped, and the precision with its 95 % interval, NaN where nothing
        is known.
    """
    rows = rows[rows.inclusion > 0]
    rows = rows.assign(open=rows.verdict == "").sort_values("open", ascending=False, kind="stable")
    rows = rows.drop_duplicates([*CLASS, "path", "start", "end"], keep="last").sort_index()
    rows = rows.assign(
        sampled=1,
        reviewed=~rows.open,
        accepted=rows.verdict == "accept",
        unsure=rows.verdict == "unsure",
        decided=rows.verdict.isin(["accept", "reject", "relabel"]),
        reached=rows.stratum_order.where(~rows.open, 0),
        # So that reviews stay in their order when they are grouped.
        review=pd.Categorical(rows.review, rows.review.unique()),
    )
    counts = ["sampled", "reviewed", "accepted", "unsure", "decided"]
    by_stratum = rows.groupby([*CLASS, "stratum"], observed=True)
    strata = by_stratum[counts].sum().assign(detections=by_stratum.stratum_events.first())
    strata["skipped"] = (by_stratum.reached.max() - strata.reviewed).clip(lower=0)
    seen = strata.decided.where(strata.decided > 0)
    strata = strata.assign(
        covered=strata.detections * (strata.decided > 0),
        right=strata.detections * strata.accepted / seen,
        squares=strata.detections**2 / seen,
    )
    return _estimated(strata.groupby(CLASS, observed=True).sum()).reset_index()[COLUMNS]


def _estimated(found):
    """Sums over the strata of each class, with the precision and its interval."""
    share = (found.right / found.covered).where((found.covered > 0) & (found.skipped == 0))
    number = found.covered**2 / found.squares
    tail = (1 - LEVEL) / 2
    low = beta.ppf(tail, share * number, (1 - share) * number + 1)
    high = beta.ppf(1 - tail, share * number + 1, (1 - share) * number)
    low, high = np.where(share > 0, low, 0), np.where(share < 1, high, 1)
    part = found.covered / found.detections
    least, most = found.accepted, found.detections - found.decided + found.accepted
    low = np.maximum(low * part, least / found.detections).where(share.notna())
    high = np.minimum(high * part + 1 - part, most / found.detections).where(share.notna())
    return found.assign(precision=share, low=low, high=high)
