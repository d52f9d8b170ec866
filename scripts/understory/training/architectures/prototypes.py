"""A head that compares the vectors of a frozen model with one vector a class."""

from typing import Literal

import keras
from keras import layers

from understory.core.options import Positive
from understory.training import blocks


def build(
    shape,
    classes,
    *,
    scale: Positive = 10.0,
    outputs: Literal["sigmoid", "softmax"] = "sigmoid",
) -> keras.Model:
    """The cosine similarity of the mean vector of a window to a prototype of each class, which is trained.

    The logit of a class is `scale` times the similarity plus a trained constant (H. Wang et al., "CosFace: Large Margin Cosine
    Loss for Deep Face Recognition", CVPR 2018, without the margin). With few examples it has the fewest ways to go wrong: the
    length of a vector counts for nothing.

    Parameters
    ----------
    shape : tuple of int
        (vectors, values, 1).
    classes : int
        Number of outputs.
    scale : float
        Factor of the similarities, which lie within -1 and 1.
    outputs : {"sigmoid", "softmax"}
        softmax for a loss of one class an example.
    """
    inputs = keras.Input(shape)
    x = layers.UnitNormalization()(layers.GlobalAveragePooling1D()(blocks.vectors(inputs, "none")))
    x = layers.Dense(classes, kernel_constraint=keras.constraints.UnitNorm(axis=0))(x)
    x = layers.Rescaling(scale)(x)
    return keras.Model(inputs, blocks.activated(x, outputs), name="prototypes")
