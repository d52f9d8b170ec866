"""A head with attention over the vectors of a frozen model."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Count, Dropout
from understory.training import blocks
from understory.training.layers import AttentionPooling


def build(
    shape,
    classes,
    *,
    units: Count = 128,
    dropout: Dropout = 0.3,
    normalise: Literal["batch", "unit", "none"] = "batch",
) -> keras.Model:
    """A dense layer on each vector, attention pooling over them, and sigmoid outputs.

    Parameters
    ----------
    shape : tuple of int
        (vectors, values, 1); the features have pooling none.
    classes : int
        Number of outputs.
    units : int
        Units of the dense layer.
    dropout : float
        Share of the values that is dropped before and after the dense layer.
    normalise : {"batch", "unit", "none"}
        Each value standardised over the training examples, each vector scaled to the length 1, or neither.
    """
    inputs = keras.Input(shape)
    x = layers.Dropout(dropout)(blocks.vectors(inputs, normalise))
    x = layers.Dense(units, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, AttentionPooling(classes, dtype="float32")(x), name="attentive")
