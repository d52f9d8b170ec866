"""Parts that several architectures share, made of Keras' own layers."""

import numpy as np
from keras import layers

# Mean and standard deviation of ImageNet's training images: red, green and blue in 0..1, as torchvision has them.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def outputs(x, classes: int, activation: str, **options):
    """The last dense layer, and its activation."""
    return activated(layers.Dense(classes, **options)(x), activation)


def activated(logits, activation: str):
    """Outputs of logits, computed in float32, whatever the layers before compute in."""
    if activation == "softmax" and logits.shape[-1] < 2:
        raise ValueError(f"expected at least 2 classes for softmax outputs, found {logits.shape[-1]}")
    return layers.Activation(activation, dtype="float32")(logits)


def vectors(inputs, normalise: str):
    """The vectors of an example, (vectors, values), of inputs of shape (vectors, values, 1); values of channels are one after
    the other.

    With `normalise` "batch", each value is standardised by the mean and the deviation of the training examples; with "unit", each
    vector has the length 1; with "none", they are as they were.
    """
    x = layers.Reshape((inputs.shape[1], inputs.shape[2] * inputs.shape[3]))(inputs)
    if normalise == "batch":
        return layers.BatchNormalization(momentum=0.9, center=False, scale=False)(x)
    return layers.UnitNormalization()(x) if normalise == "unit" else x


def standardised_bands(inputs):
    """Features of shape (bands, frames, channels), each band standardised by the mean and the deviation of the training examples."""
    bands, frames, channels = inputs.shape[1:]
    x = layers.Permute((2, 1, 3))(inputs)
    x = layers.Reshape((frames, bands * channels))(x)
    x = layers.BatchNormalization(momentum=0.9, center=False, scale=False)(x)
    x = layers.Reshape((frames, bands, channels))(x)
    return layers.Permute((2, 1, 3))(x)


def at_least(shape, height: int, width: int):
    """Raise a `ValueError` for examples that are smaller."""
    if shape[0] < height or shape[1] < width:
        raise ValueError(f"expected examples of at least {height} x {width}, found {shape[0]} x {shape[1]}")


def imagenet_scaled(x):
    """Images of 0..255, standardised by ImageNet's mean and standard deviation; the layer has no weights."""
    if x.shape[-1] != 3:
        raise ValueError(
            f"expected 3 channels (red, green and blue) for ImageNet's mean and deviation, found {x.shape[-1]}"
        )
    mean, deviation = (255 * np.array(values) for values in IMAGENET)
    return layers.Normalization(mean=mean.tolist(), variance=(deviation**2).tolist())(x)
