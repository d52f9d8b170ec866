"""Random streams that depend on what they are for, never on order, process or sharding."""

from enum import IntEnum

import numpy as np

from understory.core.hashing import stable_hash


class Stage(IntEnum):
    """The fixed number of each stage that draws at random. Numbers are never reused."""

    SYNTHETIC = 1
    AUGMENT = 2
    SHUFFLE = 3
    WEIGHTS = 4
    CONTROL = 5
    INTERVAL = 6
    MIXUP = 7
    SPLIT = 8
    BACKGROUND = 9
    PROBE = 11
    REVIEW = 12
    QUEUE = 13
    EPOCH = 14
    CROP = 15


def stream(seed: int, stage: Stage, name: str, variant: int = 0) -> np.random.Generator:
    """The generator for the thing called `name` at one stage, e.g. an example and its augmented copy."""
    return np.random.default_rng([seed, int(stage), stable_hash(name), variant])
