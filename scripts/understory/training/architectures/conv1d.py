"""The network of the public BirdCLEF 2021 entry."""

import keras
from keras import layers

from understory.training import blocks


def build(shape, classes) -> keras.Model:
    """One-dimensional convolutions over the magnitudes of one Fourier transform, sigmoid outputs.

    They run over the rows of `fft_frames` features; the bins of a row are its features. 347,313 parameters, of which
    347,057 are trained, at shape (100, 800, 1) with 49 outputs.

    Parameters
    ----------
    shape : tuple of int
        (frames, bins, channels), with at least 49 frames.
    classes : int
        Number of outputs.
    """
    blocks.at_least(shape, 49, 1)
    inputs = keras.Input(shape)
    x = layers.Reshape((shape[0], shape[1] * shape[2]))(inputs)
    x = layers.Conv1D(64, 5, strides=4, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling1D(4)(x)
    x = layers.Conv1D(64, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256, activation="relu")(x)
    return keras.Model(inputs, blocks.outputs(x, classes, "sigmoid"), name="conv1d")
