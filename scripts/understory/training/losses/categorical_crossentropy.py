"""Categorical cross-entropy of the class of an example's centred event."""

import keras

from understory.core.options import Share

TARGETS = "centred"


def build(*, label_smoothing: Share = 0.0) -> keras.losses.Loss:
    """Keras' categorical cross-entropy.

    Parameters
    ----------
    label_smoothing : float
        Share of the target that is spread evenly over all classes.
    """
    return keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
