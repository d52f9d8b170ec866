"""Augmentation by chains of transforms, whose draws can be recorded and replayed.

Each medium has a folder of transforms, one module each. What a transform changes is an example of its medium: a waveform of
float32, or an image of uint8 or uint16.
"""

import json

import numpy as np
import pandas as pd

from understory.core import choices
from understory.core.errors import InputError
from understory.core.options import Share
from understory.core.rng import Stage, stream


class Transform:
    """A transform that is applied with probability `p`.

    A subclass takes its options by keyword, and has `_draw(rng, *facts)`, which returns what it is going to do as keyword
    arguments that JSON can hold, and `_apply(example, *facts, **drawn)`, which does it and leaves `example` as it is. The facts
    are those of the medium: for sound, `_draw` gets the number of samples and the sample rate in Hz, and `_apply` the sample
    rate; images have none.

    Parameters
    ----------
    p : float
        Probability that the transform is applied.
    """

    def __init__(self, *, p: Share = 1.0):
        self.p = p

    def draw(self, rng: np.random.Generator, *facts):
        """What is going to be done to one example, of types that JSON has; None where it stays as it is."""
        return self._draw(rng, *facts) if rng.random() < self.p else None

    def apply(self, example: np.ndarray, drawn, *facts) -> np.ndarray:
        """The example, changed as drawn; its type stays the same."""
        if drawn is None:
            return example
        return np.ascontiguousarray(self._apply(example, *facts, **drawn), dtype=example.dtype)

    def _draw(self, rng, *facts):
        return {}


class Compose(Transform):
    """Apply transforms one after the other.

    A waveform is first made finite, and in the end scaled down where it would clip.
    """

    def __init__(self, *, transforms: list[Transform], p: Share = 1.0):
        super().__init__(p=p)
        self.transforms = transforms

    def _draw(self, rng, *facts):
        return {"each": [transform.draw(rng, *facts) for transform in self.transforms]}

    def _apply(self, example, *facts, each):
        sound = np.issubdtype(example.dtype, np.floating)
        if sound and not np.isfinite(example).all():
            example = np.nan_to_num(example, nan=0.0, posinf=0.0, neginf=0.0)
        for transform, drawn in zip(self.transforms, each, strict=True):
            example = transform.apply(example, drawn, *facts)
        if sound and (peak := max(example.max(initial=0.0), -example.min(initial=0.0))) > 1:
            example = example / peak
        return example


class OneOf(Transform):
    """Apply one of several transforms, each with the same probability."""

    def __init__(self, *, transforms: list[Transform], p: Share = 1.0):
        super().__init__(p=p)
        self.transforms = transforms

    def _draw(self, rng, *facts):
        choice = int(rng.integers(len(self.transforms)))
        return {"choice": choice, "drawn": self.transforms[choice].draw(rng, *facts)}

    def _apply(self, example, *facts, choice, drawn):
        return self.transforms[choice].apply(example, drawn, *facts)


COMBINED = {"Compose": Compose, "OneOf": OneOf}


def build(chain: list[dict], package: str) -> Compose:
    """The transform that a configured chain describes.

    Parameters
    ----------
    chain : list of dict
        Each maps the name of a transform to its options.
    package : str
        Where the transforms of the medium are, such as `understory.audio.transforms`.

    Raises
    ------
    InputError
        The package has no transform of such a name.
    """
    return Compose(transforms=[_build(step, package) for step in chain])


def _build(step, package):
    ((name, options),) = step.items()
    options = dict(options or {})
    if name in COMBINED:
        inner = [_build(each, package) for each in options.pop("transforms")]
        return COMBINED[name](transforms=inner, **options)
    module = choices.module_name(name)
    if module not in choices.names(package):
        raise InputError(f"augment.chain: expected a transform in {package}, found {name}")
    return getattr(choices.load(package, module), name)(**options)


def copied(windows, index: pd.DataFrame, *, augment, package: str, settings: dict, variant: int):
    """One augmented copy of each window or image of a shard.

    Parameters
    ----------
    windows
        As the medium's `augment` takes them.
    index : pandas.DataFrame
        A row for each; `example_id` names its random stream.
    augment : callable
        Of the medium, such as `understory.audio.augment.augment`.
    package : str
        Where the transforms of the medium are.
    settings : dict
        `augment`: `chain`; `seed`; and what the medium's `augment` reads.
    variant : int
        The number of the copy, from 1.

    Returns
    -------
    store.Stream, pandas.DataFrame
        The copies, which are made as they are read, and their table: `index` with the `draw` of each copy, as JSON.
    """
    chain = build(settings["augment"]["chain"], package)
    streams = (stream(settings["seed"], Stage.AUGMENT, example, variant) for example in index.example_id)
    copies, draws = augment(windows, chain, streams, settings)
    return copies, index.assign(draw=[json.dumps(drawn) for drawn in draws])
