"""How much there is of a data set and of each of its shards, as the tables and the sizes of the files tell.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from understory.inference.new_recordings import seconds_of
from understory.plan.job_settings import Medium


class Part(NamedTuple):
    """How much there is of a shard: recordings, windows or images to make examples of, bytes of their files and of the largest one,
    and seconds of sound."""

    recordings: int
    examples: int
    bytes: int
    largest: int
    seconds: float = 0.0


class Counts(NamedTuple):
    """How much there is of a data set: recordings of either subset, annotated windows or images, bytes of the files of either
    subset, and as far as it is known how much of it each shard has.
    """

    train: int
    test: int
    examples: int
    train_bytes: int = 0
    test_bytes: int = 0
    parts: Mapping[str, Part] = MappingProxyType({})


# What is asked for where a data set is still to be fetched, and nothing is known of it.
UNKNOWN = Counts(60_000, 6_000, 90_000)


def planned(config: dict) -> Counts:
    """The counts of a data set that is still to be made; `UNKNOWN` where it is to be fetched."""
    if config["data"] != "synthetic":
        return UNKNOWN
    made = config["synthetic"]
    train = made["train_recordings"] + made["rejected_recordings"]
    return Counts(train, made["test_recordings"], 3 * train // 2)


def examples(config: dict, tables, seconds: float) -> int:
    """How many training examples of sound there are, where a recording is taken to last `seconds`."""
    background = len(tables.background) * config["crop"]["background"]
    return _covering(config, tables.annotations, lambda _: seconds) + background


def _covering(config, annotations, seconds):
    """How many windows annotations have, of recordings that are `seconds` of their id long."""
    crop = config["crop"]
    lengths = [
        (seconds(each.recording_id) if each.t_max == math.inf else each.t_max) - each.t_min
        for each in annotations
        if each.presence == "present" or (each.presence == "absent" and crop["absent"])
    ]
    covering = crop["long_events"] == "cover"
    return sum(max(1, math.ceil(length / crop["window"])) if covering else 1 for length in lengths)


def part(config: dict, tables, shard: str, count: int, sizes: dict[str, int], *, sound: bool) -> Part:
    """How much there is of a shard, of `count`, by the size of each recording's file.

    Files are not opened for a plan: sound lasts as long as in a file of this size it usually does.
    """
    own = tables.shard(shard, count)
    held = [sizes[recording.recording_id] for recording in own]
    annotated = [each for r in own for each in tables.annotations_of.get(r.recording_id, ())]
    seconds = {r.recording_id: seconds_of(r.path, size) for r, size in zip(own, held, strict=True) if sound}
    if shard.startswith("test"):
        medium = Medium("audio", config)
        number = sum(map(medium.windows, seconds.values())) if sound else len(own)
    elif sound:
        background = sum(recording.recording_id in tables.background for recording in own)
        number = _covering(config, annotated, seconds.get) + background * config["crop"]["background"]
    else:
        number = len(annotated)
    return Part(len(own), number, sum(held), max(held, default=0), round(sum(seconds.values())))
