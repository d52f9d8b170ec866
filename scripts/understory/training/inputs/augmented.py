"""Training batches that are drawn anew in each epoch: augmented examples, and mixtures of them."""

import numpy as np

from understory.core import choices
from understory.training.inputs.batches import Batches
from understory.training.inputs.targets import mix

PACKAGE = "understory.training.augmentations"
# Values that differ less, in dB, are all the same, beside rounding.
EVEN = 1e-3


class Augmented:
    """Examples that are augmented each time they are taken.

    Parameters
    ----------
    source
        Examples: `source.rows(numbers)` are float32 of shape (examples, bands, frames, channels), and `source.bands(numbers)` the
        bands of their events, of shape (examples, 2), where a step has `spare_event`.
    steps : list of dict
        The augmentations in order, each a name with its options: `models.NAME.augment`.
    """

    def __init__(self, source, steps):
        self._source = source
        self._steps = [
            (choices.load(PACKAGE, name).apply, options) for step in steps for name, options in step.items()
        ]
        self._sparing = any(options.get("spare_event") for _, options in self._steps)

    def rows(self, numbers, rng: np.random.Generator) -> np.ndarray:
        """The examples of some rows, augmented by draws from `rng`."""
        examples = self._source.rows(numbers)
        bands = self._source.bands(numbers) if self._sparing else [None] * len(examples)
        for place, (values, band) in enumerate(zip(examples, bands, strict=True)):
            for apply, options in self._steps:
                own = {"band": band} if options.get("spare_event") else {}
                values = apply(values, rng, **options, **own)
            examples[place] = values
        return examples


class TrainingBatches(Batches):
    """Batches of augmented examples, each of which may be mixed with another one, as may their targets.

    H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; Y. Tokozume et al., "Learning from
    Between-Class Examples for Deep Sound Recognition", ICLR 2018.

    Parameters
    ----------
    source, rows, batch_size, targets
        As for `Batches`.
    settings : dict
        `augment`, `mixup`, `mixup_of` and `mixup_labels` of a model's block in the configuration.
    unknown_weight : float
        As for `targets.mix`.
    mixing : numpy.random.Generator or None
        Draws partners and weights; None where nothing is mixed.
    drawing : callable
        Gives the generator of a batch of the epoch by its number, for augmentations.
    """

    def __init__(self, source, rows, batch_size, targets, *, settings, unknown_weight, mixing, drawing):
        super().__init__(source, rows, batch_size, targets)
        self._augmented = Augmented(source, settings["augment"])
        self._settings, self._unknown_weight, self._drawing = settings, unknown_weight, drawing
        self._others = None
        if mixing is not None:
            self._others = mixing.permutation(rows)
            alpha = settings["mixup"]
            self._weights = mixing.beta(alpha, alpha, size=len(rows)).astype(np.float32)

    def __getitem__(self, number):
        part, rng = self.part(number), self._drawing(number)
        rows = self.order[part]
        inputs, targets = self._augmented.rows(rows, rng), self.targets.take(rows)
        if self._others is None:
            return inputs, targets
        others, weights = self._others[part], self._weights[part]
        second = self._augmented.rows(others, rng)
        mixed = {"values": mixed_values, "power": mixed_power}[self._settings["mixup_of"]]
        inputs, heard = mixed(inputs, second, weights[:, None, None, None])
        return inputs, mix(
            targets,
            self.targets.take(others),
            heard.reshape(-1, 1),
            self._unknown_weight,
            shown=(self.targets.shown(rows), self.targets.shown(others)),
            union=self._settings["mixup_labels"] == "union",
        )


def mixed_values(examples, others, weights):
    """The weighted mean of the values of two examples, and the weights."""
    mixed = weights * examples
    mixed += (1 - weights) * others
    return mixed, weights


def mixed_power(examples, others, weights):
    """The level, in dB, of two sounds that are heard together, of features in dB, and the weights with which they are heard.

    Both are weighted so that the shares of their amplitudes are `weights` and 1 - `weights`, however loud each was recorded; the
    mixture is as loud as their weighted mean. Where one is silence, whose values are all the same, the other one alone is heard, as it
    is.
    """
    axes = tuple(range(1, examples.ndim))
    silent, other_silent = (np.ptp(each, axis=axes, keepdims=True) < EVEN for each in (examples, others))
    alone = [(silent & ~other_silent, 0), (other_silent & ~silent, 1)]
    heard = np.select([where for where, _ in alone], [np.float32(each) for _, each in alone], weights)
    examples, others = np.where(silent, others, examples), np.where(other_silent, examples, others)
    weights = np.where(silent | other_silent, np.float32(1), weights)
    power, other_power = 10 ** (examples / 10), 10 ** (others / 10)
    level, other_level = power.mean(axis=axes, keepdims=True), other_power.mean(axis=axes, keepdims=True)
    shares, other_shares = weights**2, (1 - weights) ** 2
    total = shares + other_shares
    loudness = level**weights * other_level ** (1 - weights)
    mixed = (shares / level * power + other_shares / other_level * other_power) * (loudness / total)
    return (10 * np.log10(mixed)).astype(np.float32), heard
