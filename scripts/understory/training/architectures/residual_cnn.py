"""A narrow residual network that knows which band it looks at."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Count, Dropout, Filters, Pooling
from understory.training import bands, blocks


def build(
    shape,
    classes,
    *,
    filters: Filters = (24, 48, 96, 192),
    blocks_each: Count = 1,
    stem_pooling: bool = False,
    coordinate: bool = True,
    dropout: Dropout = 0.2,
    pooling: Pooling = "mean_max",
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
        Over time: the mean and the largest value added up, the mean, the logarithm of the mean exponential, or a mean by weights that
        are learned.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    """
    inputs, x = bands.banded(shape, coordinate)
    x = _convolution(x, filters[0], 5, 2)
    x = layers.ReLU()(x)
    if stem_pooling:
        x = layers.MaxPooling2D(2, padding="same")(x)
    for number, count in enumerate(filters):
        for place in range(blocks_each):
            x = _residual(x, count, 2 if number and not place else 1)
    made = bands.pooled_outputs(x, pooling, dropout, classes, outputs)
    return keras.Model(inputs, made, name="residual_cnn")


def _convolution(x, filters, kernel, strides):
    return blocks.normalised(blocks.convolution(x, filters, kernel, strides))


def _residual(x, filters, strides):
    inner = layers.ReLU()(_convolution(x, filters, 3, strides))
    inner = _convolution(inner, filters, 3, 1)
    if strides > 1:
        x = layers.AveragePooling2D(strides, padding="same")(x)
    if x.shape[-1] != filters:
        x = _convolution(x, filters, 1, 1)
    return layers.ReLU()(layers.Add()([x, inner]))
