"""A narrow densely connected network."""

from typing import Literal

import keras
from keras import layers, ops

from understory.core.options import Count, Dropout, Filters, Pooling
from understory.training import bands, blocks


def build(
    shape,
    classes,
    *,
    layers_each: Filters = (4, 4, 4, 4),
    growth: Count = 16,
    coordinate: bool = True,
    dropout: Dropout = 0.2,
    pooling: Pooling = "mean_max",
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
        Over time: the mean and the largest value added up, the mean, the logarithm of the mean exponential, or a mean by weights that
        are learned.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    """
    inputs, x = bands.banded(shape, coordinate)
    x = blocks.convolution(x, 2 * growth, 5, strides=2)
    for number, count in enumerate(layers_each):
        if number:
            x = _activated(x)
            x = layers.AveragePooling2D(2, padding="same")(blocks.convolution(x, x.shape[-1] // 2, 1))
        for _ in range(count):
            x = ops.concatenate([x, blocks.convolution(_activated(x), growth, 3)], axis=-1)
    made = bands.pooled_outputs(_activated(x), pooling, dropout, classes, outputs)
    return keras.Model(inputs, made, name="densenet_cnn")


def _activated(x):
    return layers.ReLU()(blocks.normalised(x))
