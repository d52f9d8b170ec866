"""The first and last parts of networks whose features have bands and frames."""

from math import log

import keras
from keras import layers, ops

from understory.training import blocks
from understory.training.layers import FrequencyCoordinate


def banded(shape, coordinate: bool):
    """The inputs of a network of spectrograms, (bands, frames, channels) of at least 16 x 16, and what its first layer is fed: each band
    standardised and, with `coordinate`, a channel that says how high a band is, from -1 to 1."""
    blocks.at_least(shape, 16, 16)
    inputs = keras.Input(shape)
    x = blocks.standardised_bands(inputs)
    return inputs, FrequencyCoordinate()(x) if coordinate else x


def pooled_outputs(x, pooling: str, dropout: float, classes: int, activation: str):
    """Outputs of features of places, (bands, frames, features): the mean over the bands, pooling over time, and one dense layer."""
    x = layers.Dropout(dropout)(pooled_over_time(ops.mean(x, axis=1), pooling))
    return blocks.outputs(x, classes, activation)


def pooled_over_time(x, pooling: str):
    """Features of an example, (features,), of those of its frames, (frames, features).

    `mean`: their mean. `mean_max`: the sum of their mean and their largest values (Q. Kong et al., "PANNs: Large-Scale Pretrained
    Audio Neural Networks for Audio Pattern Recognition", IEEE/ACM TASLP 2020). `log_sum_exp`: the logarithm of the mean of their
    exponentials, which lies between the two (P. O. Pinheiro and R. Collobert, "From Image-level to Pixel-level Labeling with
    Convolutional Networks", CVPR 2015). `attention`: their mean by weights that depend on the frames, one for each frame (M. Ilse
    et al., "Attention-based Deep Multiple Instance Learning", ICML 2018).
    """
    if pooling == "log_sum_exp":
        return ops.logsumexp(x, axis=1) - log(x.shape[1])
    if pooling == "attention":
        weights = layers.Dense(1, use_bias=False)(layers.Dense(64, activation="tanh")(x))
        return ops.sum(ops.softmax(weights, axis=1) * x, axis=1)
    mean = ops.mean(x, axis=1)
    return mean + ops.max(x, axis=1) if pooling == "mean_max" else mean
