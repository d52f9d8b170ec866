"""The 34-layer residual network as torchvision has it."""

import keras
from keras import layers

from understory.training import blocks


def build(shape, classes) -> keras.Model:
    """Residual network for colour images of 0..255, softmax outputs.

    K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. 54,373,172 trained parameters with
    64,500 outputs. The first layer standardises by ImageNet's mean and standard deviation.

    Parameters
    ----------
    shape : tuple of int
        (height, width, 3).
    classes : int
        Number of outputs, at least 2.
    """
    inputs = keras.Input(shape)
    x = layers.ReLU()(_convolution(blocks.imagenet_scaled(inputs), 64, 7, 2))
    # Padding with zeros never makes a maximum: nothing is below zero here.
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    for filters, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(count):
            strides = 2 if block == 0 and filters > 64 else 1
            y = layers.ReLU()(_convolution(x, filters, 3, strides))
            y = _convolution(y, filters, 3, 1)
            if strides > 1:
                x = _convolution(x, filters, 1, strides)
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    # PyTorch draws weights and biases of a linear layer uniformly, within 1 / sqrt(inputs) of zero.
    bound = x.shape[-1] ** -0.5
    outputs = blocks.outputs(
        x,
        classes,
        "softmax",
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
    )
    return keras.Model(inputs, outputs, name="resnet34")


def _convolution(x, filters, kernel, strides):
    """A convolution and its batch normalisation.

    Both sides are padded equally, where Keras' "same" with strides pads the end more than the beginning.
    """
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2)(x)
    x = layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
    )(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
