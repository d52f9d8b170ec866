"""A moving average of a model's weights over the epochs of its training."""

from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from understory.core.files import replacing


class MovingAverage:
    """The average of the weights after each epoch, those of batch normalisation among them.

    Parameters
    ----------
    share : float or None
        The share of the average that stays when an epoch is added to it; less in the first epochs, so that the weights
        that training began with are soon forgotten. With None nothing is averaged: the weights stay as they are.
    """

    def __init__(self, share: float | None):
        self._share, self._epochs, self._weights = share, 0, []

    def add(self, model: keras.Model):
        """Add the weights of a model after an epoch."""
        if self._share is None:
            return
        share = min(self._share, self._epochs / (self._epochs + 9))
        weights = model.get_weights()
        former = self._weights or weights
        self._weights = [
            # In this order, what does not train stays as it is.
            (old + (1 - share) * (new - old)).astype(new.dtype)
            for old, new in zip(former, weights, strict=True)
        ]
        self._epochs += 1

    @contextmanager
    def within(self, model: keras.Model):
        """The model has the average as its weights, and its own again afterwards."""
        if self._share is None:
            yield
            return
        own = model.get_weights()
        self.give(model)
        try:
            yield
        finally:
            model.set_weights(own)

    def give(self, model: keras.Model):
        """Set the average as the model's weights, as their constraints have them."""
        if self._share is None:
            return
        model.set_weights(self._weights)
        for variable in model.trainable_variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))

    def save(self, path: Path):
        """Save it, so that an interrupted training goes on from it."""
        if self._share is None:
            return
        with replacing(path) as part, open(part, "wb") as file:
            np.savez(file, epochs=self._epochs, **{str(n): each for n, each in enumerate(self._weights)})

    def load(self, path: Path):
        """Go on from a saved average. Raises what `numpy.load` does where there is none."""
        if self._share is None:
            return
        with np.load(path, allow_pickle=False) as saved:
            epochs, weights = int(saved["epochs"]), [saved[str(number)] for number in range(len(saved) - 1)]
        # Both or, where the file is damaged, neither.
        self._epochs, self._weights = epochs, weights
