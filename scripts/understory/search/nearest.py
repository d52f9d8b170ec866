"""The windows whose vectors are nearest to those of examples, exactly, by the cosine of the angle between them."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from understory.core.errors import InputError
from understory.inference.events import SAME
from understory.search import vectors
from understory.search.vectors import Shard

# Vectors that are compared at once: they stay in the cache of a core.
CHUNK = 512
# Vectors whose similarity is computed exactly at once.
EXACT = 1 << 14
# Of float16: the bits of the exponent, all of which are set in what is not finite. Of float32: all bits but those that the sign
# was copied into, and 2 to the power of the difference of the biases.
EXPONENT, KEPT, SCALE = np.int16(0x7C00), np.int32(-0x70002000), np.float32(2.0**112)
# Decimals of a similarity.
DIGITS = 9


def find(
    shards: list[Shard], examples: np.ndarray, *, items: int, overlapping: int, threads: int = 1
) -> list[tuple[int, float, int]]:
    """The nearest windows of recordings, of which no two overlap.

    From the most similar one down, a window is taken unless it overlaps one of its recording that was taken before; of equally
    similar ones the first by path and start comes first. Similarities are computed in float32, and once more in float64, each by
    itself, where that may decide, so that neither shards nor threads change anything.

    Parameters
    ----------
    shards : list of Shard
    examples : numpy.ndarray
        (examples, values). The similarity of a window is that to the nearest of them.
    items : int
        How many windows at most.
    overlapping : int
        How many windows of a recording, at most, one of them overlaps, itself included.
    threads : int

    Returns
    -------
    list of (int, float, int)
        The number of each window among those of all shards, its similarity from -1 to 1, and which example is the nearest. Windows
        without a direction, whose vector is zero or holds what is not finite, are none of them.

    Raises
    ------
    InputError
        An example has no direction.
    """
    units = unit(np.asarray(examples, dtype=np.float64))
    if not np.isfinite(units).all():
        raise InputError(
            "like: expected a sound whose vector has a direction, found one that is zero or not finite"
        )
    rough = _rough(shards, units.astype(np.float32), threads)
    # So many of the best hold all that are taken, as each that is taken keeps at most `overlapping` windows from being so.
    wanted = items * overlapping
    among = np.flatnonzero(np.isfinite(rough))
    if len(among) > wanted:
        least = np.partition(rough[among], -wanted)[-wanted]
        # Of sums of so many products of float32, twice, no error is larger (N. J. Higham, 2002, section 3.1).
        error = 4 * units.shape[1] * 2.0**-24
        among = among[rough[among] >= least - error]
    similarity, nearest = _exact(shards, among, units)
    _, recordings, starts, stops = vectors.in_order(shards)
    order = np.lexsort((starts[among], recordings[among], -similarity))
    found, taken = [], {}
    for place in order:
        number = int(among[place])
        own = taken.setdefault(int(recordings[number]), [])
        if any(overlap(starts, stops, number, other) for other in own):
            continue
        own.append(number)
        found.append((number, float(similarity[place]), int(nearest[place])))
        if len(found) == items:
            break
    return found


def overlap(starts, stops, one: int, other: int) -> bool:
    """Whether two windows of a recording overlap, by more than their times were rounded."""
    return min(stops[one], stops[other]) - max(starts[one], starts[other]) > SAME


def overlapping(window: float, hop: float) -> int:
    """How many windows of a recording one overlaps at most, with itself and the last one, which ends with the recording."""
    return 2 * math.ceil(window / hop) + 1


def unit(rows: np.ndarray) -> np.ndarray:
    """Vectors of length 1, float64 (vectors, values); NaN where one has no direction."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))


def widened(block: np.ndarray) -> np.ndarray:
    """float16 as float32, exactly.

    NumPy converts one value after the other, which would take most of the time of a search. Here exponent and fraction are moved to
    where float32 has them, and the difference of the biases of the exponents is multiplied in.
    """
    bits = block.view("<i2")
    if ((bits & EXPONENT) == EXPONENT).any():
        return block.astype(np.float32)
    moved = bits.astype("<i4")
    moved <<= 13
    moved &= KEPT
    wide = moved.view("<f4")
    wide *= SCALE
    return wide


def _rough(shards, units, threads):
    """The similarity of each window to the nearest example, float32, in chunks."""
    out = np.empty(sum(len(shard.vectors) for shard in shards), dtype=np.float32)
    parts, before = [], 0
    for shard in shards:
        parts += [(shard.vectors, first, before) for first in range(0, len(shard.vectors), CHUNK)]
        before += len(shard.vectors)
    columns = np.ascontiguousarray(units.T)

    def compare(part):
        array, first, before = part
        block = widened(array[first : first + CHUNK])
        length = np.sqrt(np.einsum("ij,ij->i", block, block))
        with np.errstate(invalid="ignore", divide="ignore"):
            highest = (block @ columns).max(axis=1) / length
        out[before + first : before + first + len(block)] = highest

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(compare, parts))
    return out


def _exact(shards, numbers, units):
    """The similarity of windows to the nearest example, float64, each computed by itself; and which example that is."""
    similarity, nearest = np.empty(len(numbers)), np.empty(len(numbers), dtype=int)
    for first in range(0, len(numbers), EXACT):
        part = slice(first, first + EXACT)
        block = unit(vectors.rows(shards, numbers[part]))
        # Not a matrix product, whose rounding depends on the other rows.
        each = np.stack([(block * own).sum(axis=1) for own in units], axis=1)
        # Rounded as it is written, so that vectors of one direction and different lengths are equally similar.
        each = np.round(each, DIGITS)
        similarity[part], nearest[part] = each.max(axis=1), each.argmax(axis=1)
    return similarity, nearest
