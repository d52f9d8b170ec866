"""Which windows to label next: those of which models know least, of rare classes first, and unlike each other."""

from typing import NamedTuple

import numpy as np

from understory.core.errors import InputError
from understory.core.rng import Stage, stream
from understory.search.nearest import overlap, unit

# The score below which a class is not likely.
FLOOR = 0.2
# For each window of the queue, how many are compared: of those in doubt, and of a random sample.
DOUBTFUL, SAMPLED = 3, 50
# Labelled windows whose vectors are in memory at once.
TOGETHER = 1024
# Decimals of a distance, so that rounding decides nothing.
DIGITS = 9


class Windows(NamedTuple):
    """Windows of recordings.

    Attributes
    ----------
    recordings : numpy.ndarray
        int (windows,): the place of each window's recording in the order of their paths.
    starts, stops : numpy.ndarray
        float64 (windows,): s.
    labels : numpy.ndarray
        int (windows,): the class with the highest score.
    doubts : numpy.ndarray
        float64 (windows,): as `doubt` gives them.
    """

    recordings: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    labels: np.ndarray
    doubts: np.ndarray


def doubt(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The class with the highest score of each window, this score, and how much it is in doubt.

    The doubt is one minus the margin, by which the highest score exceeds the second highest one (T. Scheffer et al., 2001). Where
    even the highest score is below 0.2, it is that score: nothing is heard in most windows of a recording, and no class is likely.

    Parameters
    ----------
    scores : numpy.ndarray
        float32 (windows, classes): in [0, 1].

    Returns
    -------
    labels, highest, doubts : numpy.ndarray
        int, float32 and float64 (windows,).
    """
    ordered = np.sort(scores, axis=1).astype(np.float64)
    highest, second = ordered[:, -1], ordered[:, -2] if scores.shape[1] > 1 else 1 - ordered[:, -1]
    return (
        scores.argmax(axis=1),
        scores.max(axis=1),
        np.where(highest < FLOOR, highest, 1 - abs(highest - second)),
    )


def of_scores(names, recordings, starts, stops, scored) -> tuple[Windows, np.ndarray]:
    """The windows of recordings with their doubts, and their highest scores.

    Parameters
    ----------
    names, recordings, starts, stops
        As `vectors.in_order` gives them.
    scored : iterable of Scored
        The scores of the same windows, one recording at a time.

    Raises
    ------
    InputError
        They are of other windows.
    """
    count = len(starts)
    labels, highest, doubts = np.zeros(count, dtype=int), np.zeros(count), np.zeros(count)
    order = np.argsort(recordings, kind="stable")
    ends = np.searchsorted(recordings[order], np.arange(len(names) + 1))
    place, known = {name: number for number, name in enumerate(names)}, 0
    for each in scored:
        number = place.get(each.path)
        own = order[ends[number] : ends[number + 1]] if number is not None else order[:0]
        if not np.array_equal(starts[own], each.starts):
            raise InputError(
                f"{each.path}: expected scores and vectors of the same windows, found {len(each.starts)} and {len(own)}: run again"
            )
        labels[own], highest[own], doubts[own] = doubt(each.scores)
        known += len(own)
    if known != count:
        raise InputError(
            f"expected scores of {count} windows, as there are vectors, found {known}: run again"
        )
    return Windows(recordings, starts, stops, labels, doubts), highest


def choose(
    windows: Windows,
    allowed: np.ndarray,
    *,
    counts: np.ndarray,
    labelled: np.ndarray,
    rows,
    size: int,
    strategy: str,
    seed: int,
) -> list[int]:
    """The windows of a queue, the most important one first; no two of them overlap.

    Parameters
    ----------
    windows : Windows
    allowed : numpy.ndarray
        bool (windows,): those that may be chosen.
    counts : numpy.ndarray
        int (classes,): the present labels of each class that there are.
    labelled : numpy.ndarray
        int: the numbers of windows that have a label.
    rows : callable
        From numbers of windows to their vectors, float64 (windows, values).
    size : int
        How many at most.
    strategy : {"random", "uncertain", "spread", "mixed"}
        `uncertain`: those of the highest doubt. `spread`: k-centre greedy (O. Sener and S. Savarese, 2018) in a random sample of
        50 windows for each of the queue: that whose nearest labelled or chosen window is the farthest, by the cosine, again and
        again. `mixed`: the same among the windows of the highest doubt times rarity, three for each of the queue, from that of
        the highest one on, and far from those chosen alone; the rarity of a class is one over the square root of one more than its
        labels. `random`: at random.
    seed : int

    Returns
    -------
    list of int
        Their numbers.
    """
    numbers = np.flatnonzero(allowed)
    numbers = numbers[np.lexsort((windows.starts[numbers], windows.recordings[numbers]))]
    if strategy in ("random", "spread"):
        order = stream(seed, Stage.QUEUE, strategy).permutation(len(numbers))
    else:
        rarity = 1 / np.sqrt(1 + counts) if strategy == "mixed" else np.ones(len(counts))
        order = np.argsort(-windows.doubts[numbers] * rarity[windows.labels[numbers]], kind="stable")
    if strategy in ("random", "uncertain"):
        return apart(windows, numbers[order], size)
    # Of doubtful windows, those that are far from all labels are mostly odd ones: they teach less (docs/search.md).
    most, centres = (SAMPLED, labelled) if strategy == "spread" else (DOUBTFUL, labelled[:0])
    return k_centre(np.array(apart(windows, numbers[order], size * most), dtype=int), centres, rows, size)


def apart(windows: Windows, numbers, most: int) -> list[int]:
    """The first windows of a sequence, without those that overlap one before them in their recording; at most so many."""
    found: list[int] = []
    taken: dict[int, list[int]] = {}
    for number in map(int, numbers):
        if len(found) == most:
            break
        own = taken.setdefault(int(windows.recordings[number]), [])
        if not any(overlap(windows.starts, windows.stops, number, other) for other in own):
            own.append(number)
            found.append(number)
    return found


def k_centre(pool: np.ndarray, labelled: np.ndarray, rows, size: int) -> list[int]:
    """The windows of a pool that are chosen one after the other, each the farthest from those chosen and labelled before.

    Windows without a direction are not chosen. Of equally far ones, and where there is nothing to be far from, the first is.
    """
    vectors = unit(rows(pool))
    there = np.isfinite(vectors).all(axis=1)
    pool, vectors = pool[there], vectors[there]
    # Farther than any other, until there is something to be far from.
    distance = np.full(len(pool), 3.0)

    def approach(own):
        # Not a matrix product, whose rounding depends on the other rows.
        each = np.round(1 - (vectors * own).sum(axis=1), DIGITS)
        np.minimum(distance, each, out=distance)

    for first in range(0, len(labelled), TOGETHER):
        for own in unit(rows(labelled[first : first + TOGETHER])):
            if np.isfinite(own).all():
                approach(own)
    chosen: list[int] = []
    for _ in range(min(size, len(pool))):
        place = int(distance.argmax())
        chosen.append(int(pool[place]))
        approach(vectors[place])
        # It is not chosen again, though others may lie as near.
        distance[place] = -3.0
    return chosen
