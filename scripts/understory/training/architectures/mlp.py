"""A head with one hidden layer on the vectors of a frozen model."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Count, Dropout, NonNegative
from understory.training import blocks


def build(
    shape,
    classes,
    *,
    units: Count = 256,
    dropout: Dropout = 0.3,
    outputs: Literal["sigmoid", "softmax"] = "sigmoid",
    normalise: Literal["batch", "unit", "none"] = "batch",
    l2: NonNegative = 0.0001,
) -> keras.Model:
    """A dense layer and a linear one, of the mean vector of a window.

    Parameters
    ----------
    shape : tuple of int
        (vectors, values, 1).
    classes : int
        Number of outputs.
    units : int
        Units of the hidden layer.
    dropout : float
        Share of the values that is dropped before and after the hidden layer.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    normalise : {"batch", "unit", "none"}
        Each value standardised over the training examples, each vector scaled to the length 1, or neither.
    l2 : float
        Weight of the sum of squared weights of both layers in the loss.
    """
    inputs, regularised = keras.Input(shape), {"kernel_regularizer": keras.regularizers.L2(l2)}
    x = layers.GlobalAveragePooling1D()(blocks.vectors(inputs, normalise))
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(units, activation="relu", **regularised)(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, blocks.outputs(x, classes, outputs, **regularised), name="mlp")
