"""The network of the public RFCX notebook."""

import keras
from keras import layers

from understory.training import blocks


def build(shape, classes) -> keras.Model:
    """ResNet50 without its top, average pooling, and a head of two dense layers with softmax outputs.

    25,716,504 parameters at shape (256, 1876, 1) with 24 classes.

    Parameters
    ----------
    shape : tuple of int
        (height, width, channels).
    classes : int
        Number of outputs, at least 2.
    """
    inputs = keras.Input(shape)
    x = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=inputs).output
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(1024, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3)(x)
    outputs = blocks.outputs(x, classes, "softmax", kernel_initializer="he_normal")
    return keras.Model(inputs, outputs, name="resnet50")
