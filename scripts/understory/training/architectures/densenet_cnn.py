"""A narrow densely connected network."""

from typing import Literal

import keras
from keras import layers, ops

from understory.core.options import Count, Dropout, Filters
from understory.training import blocks
from understory.training.layers import FrequencyCoordinate


def build(
    shape,
    classes,
    *,
    layers_each: Filters = (4, 4, 4, 4),
    growth: Count = 16,
    coordinate: bool = True,
    dropout: Dropout = 0.2,
    pooling: Literal["mean_max", "mean", "log_sum_exp", "attention"] = "mean_max",
    outputs: Literal["sigmoid", "softmax"] = "sigmoid",
) -> keras.Model:
    """Blocks in which each layer is fed with all before it, then the mean over the bands, pooling over time, and one dense layer.

    Each band is standardised over the training examples. The stem takes every second band and frame; between two blocks the number
    of features and both axes are halved (G. Huang et al., "Densely Connected Convolutional Networks", CVPR 2017).

    Parameters
    ----------
    shape : tuple of int
        (bands, frames, channels), at least 16 x 16.
    classes : int
        Number of outputs.
    layers_each : sequence of int
        Layers of each block.
    growth : int
        Features that each layer adds; the stem has twice as many.
    coordinate : bool
        Whether a channel is added that says how high a band is, from -1 to 1.
    dropout : float
        Share of the features that is dropped before the dense layer.
    pooling : {"mean_max", "mean", "log_sum_exp", "attention"}
        Over time, as `blocks.pooled_over_time` has it.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    """
    blocks.at_least(shape, 16, 16)
    inputs = keras.Input(shape)
    x = blocks.standardised_bands(inputs)
    if coordinate:
        x = FrequencyCoordinate()(x)
    x = _convolution(x, 2 * growth, 5, strides=2)
    for number, count in enumerate(layers_each):
        if number:
            x = _activated(x)
            x = layers.AveragePooling2D(2, padding="same")(_convolution(x, x.shape[-1] // 2, 1))
        for _ in range(count):
            x = ops.concatenate([x, _convolution(_activated(x), growth, 3)], axis=-1)
    x = ops.mean(_activated(x), axis=1)
    x = layers.Dropout(dropout)(blocks.pooled_over_time(x, pooling))
    return keras.Model(inputs, blocks.outputs(x, classes, outputs), name="densenet_cnn")


def _convolution(x, filters, kernel, strides=1):
    return layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)


def _activated(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
