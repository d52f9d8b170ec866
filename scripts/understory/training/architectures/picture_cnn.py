"""A compact residual network for images."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Dropout, Filters
from understory.training import blocks


def build(
    shape,
    classes,
    *,
    filters: Filters = (32, 64, 128, 256),
    dropout: Dropout = 0.2,
    outputs: Literal["softmax", "sigmoid"] = "softmax",
    scaling: Literal["symmetric", "imagenet"] = "symmetric",
) -> keras.Model:
    """Residual blocks and global average pooling over images of 0..255, of any size.

    The stem halves both axes. So does each block after it: the first of its two convolutions on the one path, average
    pooling on the other.

    Parameters
    ----------
    shape : tuple of int
        (height, width, channels).
    classes : int
        Number of outputs; at least 2 with softmax.
    filters : sequence of int
        Filters of the stem and of each block after it.
    dropout : float
        Share of the pooled features that is dropped.
    outputs : {"softmax", "sigmoid"}
        softmax for one class an example, sigmoid for several.
    scaling : {"symmetric", "imagenet"}
        symmetric scales images to -1..1; imagenet standardises by ImageNet's mean and standard deviation (3 channels).
    """
    inputs = keras.Input(shape)
    if scaling == "imagenet":
        x = blocks.imagenet_scaled(inputs)
    else:
        x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = layers.ReLU()(_convolution(x, filters[0], 3, 2))
    for count in filters[1:]:
        y = layers.ReLU()(_convolution(x, count, 3, 2))
        y = _convolution(y, count, 3, 1)
        x = _convolution(layers.AveragePooling2D(2, padding="same")(x), count, 1, 1)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, blocks.outputs(x, classes, outputs), name="picture_cnn")


def _convolution(x, filters, kernel, strides):
    x = layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.BatchNormalization(momentum=0.9)(x)
