"""A compact convolutional network for sound event detection."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Count, Dropout, Filters
from understory.training.layers import AttentionPooling


def build(
    shape,
    classes,
    *,
    filters: Filters = (16, 32, 64, 96),
    dense: Count = 128,
    dropout: Dropout = 0.3,
    downsampling: Literal["pooling", "strides"] = "pooling",
    average_frames: Count = 1,
) -> keras.Model:
    """Attention pooling over time and sigmoid outputs.

    The stem takes every second band and frame, and its pooling halves both again; each further block halves both
    axes. Frequency is kept as features, time is pooled by attention.

    Parameters
    ----------
    shape : tuple of int
        (bands, frames, 1).
    classes : int
        Number of outputs.
    filters : sequence of int
        Filters of the stem and of each block after it.
    dense : int
        Features of a frame.
    dropout : float
        Share of a frame's features that is dropped, before and after the dense layer.
    downsampling : {"pooling", "strides"}
        How the blocks after the stem halve both axes: the largest of four neighbours is taken, or their convolutions have
        strides of 2, which is a quarter of the work for the same filters.
    average_frames : int
        Frames of the spectrogram that are averaged before the first layer: 2 train nearly twice as fast, and a little worse.
    """
    inputs = keras.Input(shape)
    x = layers.AveragePooling2D((1, average_frames), padding="same")(inputs) if average_frames > 1 else inputs
    pooled = downsampling == "pooling"
    blocks = [(5, 2, True, filters[0]), *((3, 1 if pooled else 2, pooled, count) for count in filters[1:])]
    for kernel, strides, pooling, count in blocks:
        x = layers.Conv2D(count, kernel, strides=strides, padding="same", use_bias=False)(x)
        if pooling:
            # With pooling first, the layers after it have a quarter of the work, for nearly the same result.
            x = layers.MaxPooling2D(2, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(dense, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, AttentionPooling(classes, dtype="float32")(x), name="sed_cnn")
