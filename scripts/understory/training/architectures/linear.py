"""A linear head on the vectors of a frozen model."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import NonNegative
from understory.training import blocks


def build(
    shape,
    classes,
    *,
    outputs: Literal["sigmoid", "softmax"] = "sigmoid",
    normalise: Literal["batch", "unit", "none"] = "batch",
    l2: NonNegative = 0.0001,
) -> keras.Model:
    """Logistic regression of the mean vector of a window.

    Parameters
    ----------
    shape : tuple of int
        (vectors, values, 1).
    classes : int
        Number of outputs.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    normalise : {"batch", "unit", "none"}
        Each value standardised over the training examples, each vector scaled to the length 1, or neither.
    l2 : float
        Weight of the sum of squared weights in the loss.
    """
    inputs = keras.Input(shape)
    x = layers.GlobalAveragePooling1D()(blocks.vectors(inputs, normalise))
    regularised = {"kernel_regularizer": keras.regularizers.L2(l2)}
    return keras.Model(inputs, blocks.outputs(x, classes, outputs, **regularised), name="linear")
