"""ACDNet: a network for waveforms."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Count, Dropout, Samples
from understory.training import blocks


def build(
    shape,
    classes,
    *,
    frame: Samples = 200,
    width: Count = 32,
    dropout: Dropout = 0.2,
    outputs: Literal["sigmoid", "softmax"] = "softmax",
) -> keras.Model:
    """Two layers of filters over the samples, whose outputs are the rows of a picture, and eleven convolutions over it.

    M. Mohaimenuzzaman et al., "Environmental Sound Classification on the Edge: A Pipeline for Deep Acoustic Networks on Extremely
    Resource-Constrained Devices", Pattern Recognition 133, 2023. 4.74 million parameters at a width of 32 and 50 classes.

    Parameters
    ----------
    shape : tuple of int
        (1, samples, 1): features of kind waveform; at least 64 frames.
    classes : int
        Number of outputs.
    frame : int
        Samples of a frame, 10 ms at 20 kHz: at least 4.
    width : int
        Filters of the first convolution over the picture; the last but one has 16 times as many.
    dropout : float
        Share of the features that is dropped before the last convolution.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    """
    if shape[0] != 1 or shape[2] != 1:
        raise ValueError(
            f"expected examples of shape (1, samples, 1), of kind waveform, found {tuple(shape)}"
        )
    pool = frame // 4
    if pool < 1 or shape[1] < 64 * frame:
        raise ValueError(f"expected a frame of 4 to {shape[1] // 64} samples, found {frame}")
    x = inputs = keras.Input(shape)
    x = _convolution(x, 8, (1, 9), (1, 2))
    x = _convolution(x, 64, (1, 5), (1, 2))
    x = layers.MaxPooling2D((1, pool))(x)
    # (1, frames, filters) to (filters, frames, 1): the filters are the bands of a picture.
    x = layers.Permute((3, 2, 1))(x)
    for number, factor in enumerate((1, 2, 4, 8, 16)):
        for _ in range(2 if number else 1):
            x = _convolution(x, factor * width, (3, 3), (1, 1))
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(dropout)(x)
    x = _convolution(x, classes, (1, 1), (1, 1))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, blocks.outputs(x, classes, outputs), name="acdnet")


def _convolution(x, filters, kernel, strides):
    return layers.ReLU()(blocks.normalised(blocks.convolution(x, filters, kernel, strides)))
