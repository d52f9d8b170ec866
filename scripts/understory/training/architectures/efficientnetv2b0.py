"""EfficientNetV2-B0."""

from typing import Literal

import keras

from understory.core.options import Dropout
from understory.training import blocks

# It holds a network of keras.applications, to which `init_from.weights` gives the weights of a file.
APPLICATION = True


def build(
    shape, classes, *, dropout: Dropout = 0.2, outputs: Literal["sigmoid", "softmax"] = "sigmoid"
) -> keras.Model:
    """The network of keras.applications without its top, the mean over its places, and one dense layer.

    M. Tan and Q. V. Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021.

    Parameters
    ----------
    shape : tuple of int
        (height, width, channels), at least 32 x 32. With three channels, values are those of pictures, 0 to 255; otherwise rows are
        bands, each of which is standardised over the training examples.
    classes : int
        Number of outputs.
    dropout : float
        Share of the features that is dropped before the dense layer.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    """
    return blocks.application(
        keras.applications.EfficientNetV2B0,
        keras.Input(shape),
        classes,
        outputs,
        dropout,
        "efficientnetv2b0",
    )
