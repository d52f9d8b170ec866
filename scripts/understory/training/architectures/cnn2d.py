"""The network of the public RSNA-MICCAI entry."""

import keras
from keras import layers

from understory.training import blocks


def build(shape, classes) -> keras.Model:
    """Two convolutions over images of 0..255, softmax outputs.

    182,466 parameters at shape (32, 32, 1) with 2 outputs.

    Parameters
    ----------
    shape : tuple of int
        (height, width, channels), at least 7 x 7.
    classes : int
        Number of outputs, at least 2.
    """
    blocks.at_least(shape, 7, 7)
    inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(64, 4, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(32, 2, activation="relu")(x)
    x = layers.MaxPooling2D(1)(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(32, activation="relu")(x)
    return keras.Model(inputs, blocks.outputs(x, classes, "softmax"), name="cnn2d")
