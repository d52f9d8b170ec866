"""A narrow residual network that knows which band it looks at."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Count, Dropout, Filters
from understory.training import blocks
from understory.training.layers import FrequencyCoordinate


def build(
    shape,
    classes,
    *,
    filters: Filters = (24, 48, 96, 192),
    blocks_each: Count = 1,
    stem_pooling: bool = False,
    coordinate: bool = True,
    dropout: Dropout = 0.2,
    pooling: Literal["mean_max", "mean", "log_sum_exp", "attention"] = "mean_max",
    outputs: Literal["sigmoid", "softmax"] = "sigmoid",
) -> keras.Model:
    """Residual blocks, then the mean over the bands, pooling over time, and one dense layer.

    Each band is standardised over the training examples. The stem takes every second band and frame, and its pooling may halve both
    again; the first block of each further number of filters halves both axes (K. He et al., "Deep Residual Learning for Image
    Recognition", CVPR 2016; the shortcut is averaged first, as in T. He et al., "Bag of Tricks for Image Classification", CVPR 2019).

    Parameters
    ----------
    shape : tuple of int
        (bands, frames, channels), at least 16 x 16.
    classes : int
        Number of outputs.
    filters : sequence of int
        Filters of the blocks; the stem has as many as the first.
    blocks_each : int
        Blocks of each number of filters.
    stem_pooling : bool
        Whether the largest of four neighbours is taken after the stem: twice the filters then cost as much.
    coordinate : bool
        Whether a channel is added that says how high a band is, from -1 to 1 (K. Koutini et al., "Receptive-Field-Regularized CNN
        Variants for Acoustic Scene Classification", DCASE 2019).
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
    x = _convolution(x, filters[0], 5, 2)
    x = layers.ReLU()(x)
    if stem_pooling:
        x = layers.MaxPooling2D(2, padding="same")(x)
    for number, count in enumerate(filters):
        for place in range(blocks_each):
            x = _residual(x, count, 2 if number and not place else 1)
    x = keras.ops.mean(x, axis=1)
    x = layers.Dropout(dropout)(blocks.pooled_over_time(x, pooling))
    return keras.Model(inputs, blocks.outputs(x, classes, outputs), name="residual_cnn")


def _convolution(x, filters, kernel, strides):
    x = layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def _residual(x, filters, strides):
    inner = layers.ReLU()(_convolution(x, filters, 3, strides))
    inner = _convolution(inner, filters, 3, 1)
    if strides > 1:
        x = layers.AveragePooling2D(strides, padding="same")(x)
    if x.shape[-1] != filters:
        x = _convolution(x, filters, 1, 1)
    return layers.ReLU()(layers.Add()([x, inner]))
