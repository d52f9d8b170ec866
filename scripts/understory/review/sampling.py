"""Which detections are reviewed, and how likely each was to be drawn."""

import numpy as np
import pandas as pd

from understory.core.rng import Stage, stream

# Strata of a class at most, and items of a stratum at least, so that one can be left out.
STRATA, FEWEST = 5, 2
ORDERS = ("sample", "doubtful", "above")
# Of events that were not drawn at random.
UNKNOWN = {"inclusion": np.nan, "stratum": 0, "stratum_events": 0, "stratum_order": 0}


def chosen(events: pd.DataFrame, *, order: str, items: int, above: float, seed: int) -> pd.DataFrame:
    """The detections that are reviewed.

    Every class gets the same number of items, as far as it has as many events; what it does not use goes to the others.

    Parameters
    ----------
    events : pandas.DataFrame
        Detections, with the columns `path, start, end, label, score, threshold`.
    order : {"sample", "doubtful", "above"}
        `sample`: of each class a random sample, stratified by score. `doubtful`: those whose score is nearest to the
        threshold. `above`: those with a score of at least `above`, from the highest down.
    items : int
        How many at most.
    above : float
        For the order `above`.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Rows of `events` with `inclusion`, the probability with which the row was drawn, `stratum`, its number from the
        lowest scores of its class on, `stratum_events`, the events in it, and `stratum_order`, the place of the row among those
        of its stratum, from 1 on; NaN, 0, 0 and 0 where nothing can be said of the events that were not chosen. By class; within it in random order for `sample`, so that the part that has been
        reviewed is a sample as well, and otherwise in the order named.
    """
    every = events.label.value_counts().to_dict()
    if order == "above":
        events = events[events.score >= above]
    # By content, so that the sample does not depend on the order of the table.
    events = events.sort_values(["label", "score", "path", "start", "end"], kind="stable")
    sizes = events.label.value_counts().to_dict()
    numbers = shares(sizes, items)
    pick = {"sample": _sample, "doubtful": _doubtful, "above": _above}[order]
    parts = [
        pick(of_class, numbers[label], stream(seed, Stage.REVIEW, label))
        for label, of_class in events.groupby("label", sort=True)
        if numbers[label]
    ]
    if order == "above":
        # Nothing is said of a class of which some are not shown.
        parts = [part if len(part) == every[part.label.iloc[0]] else part.assign(**UNKNOWN) for part in parts]
    return pd.concat(parts, ignore_index=True) if parts else events.assign(**UNKNOWN).iloc[:0]


def shares(sizes: dict[str, int], items: int) -> dict[str, int]:
    """How many items each class has: equally many, or all of its events, together at most `items`."""
    found, left = dict.fromkeys(sizes, 0), items
    open_classes = sorted(sizes)
    while left and open_classes:
        each = max(left // len(open_classes), 1)
        for label in open_classes[: left if each == 1 else None]:
            taken = min(each, sizes[label] - found[label])
            found[label] += taken
            left -= taken
        open_classes = [label for label in open_classes if found[label] < sizes[label]]
    return found


def _sample(events, number, rng):
    """A random sample stratified by score; strata are cut so that all events are almost equally likely to be drawn."""
    strata = min(STRATA, max(number // FEWEST, 1))
    drawn = np.diff(np.linspace(0, number, strata + 1).round().astype(int))
    edges = (np.cumsum([0, *drawn]) * len(events) / number).round().astype(int)
    sizes = np.diff(edges)
    rows = [
        first + rng.choice(size, take, replace=False)
        for first, size, take in zip(edges[:-1], sizes, drawn, strict=True)
    ]
    found = events.iloc[np.concatenate(rows)].assign(
        inclusion=np.repeat(drawn / sizes, drawn),
        stratum=np.repeat(np.arange(strata) + 1, drawn),
        stratum_events=np.repeat(sizes, drawn),
    )
    found = found.iloc[rng.permutation(number)]
    return found.assign(stratum_order=found.groupby("stratum").cumcount() + 1)


def _doubtful(events, number, rng):
    distance = (events.score - events.threshold).abs()
    nearest = events.loc[distance.sort_values(kind="stable").index[:number]]
    return nearest.assign(**UNKNOWN)


def _above(events, number, rng):
    highest = events.iloc[::-1].iloc[:number]
    # Each is a stratum of its own, as the first of them say nothing of those of lower scores.
    return highest.assign(inclusion=1.0, stratum=np.arange(number) + 1, stratum_events=1, stratum_order=1)
