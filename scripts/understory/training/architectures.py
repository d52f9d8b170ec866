"""Model architectures, by name.

Each takes the shape of its examples, (height, width, channels), and the number of classes. What of the two it
cannot take is a `ValueError`, which `build` makes a message of.
"""

import inspect

import keras
import numpy as np
from keras import layers, ops

from understory.core.errors import InputError

# Mean and deviation of ImageNet's training pictures, red, green and blue in 0..1, as torchvision's models take them.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@keras.saving.register_keras_serializable(package="understory")
class AttentionPooling(layers.Layer):
    """Pool frame-wise probabilities over time with an attention of each class's own.

    From (batch, frames, features) to (batch, classes): the sum over frames of softmax(tanh(attention)) times
    the frame's probability (Q. Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio
    Pattern Recognition", IEEE/ACM TASLP 2020).
    """

    def __init__(self, classes, **options):
        super().__init__(**options)
        self.classes = classes
        self.attention = layers.Dense(classes, activation="tanh", dtype=self.dtype_policy, name="attention")
        self.probability = layers.Dense(
            classes,
            activation="sigmoid",
            bias_initializer=keras.initializers.Constant(-3.0),
            dtype=self.dtype_policy,
            name="probability",
        )

    def build(self, shape):
        self.attention.build(shape)
        self.probability.build(shape)

    def call(self, features):
        weights = ops.softmax(4.0 * self.attention(features), axis=1)
        # A float32 softmax may add up to a little over 1.
        return ops.clip(ops.sum(weights * self.probability(features), axis=1), 0.0, 1.0)

    def compute_output_shape(self, shape):
        return (shape[0], self.classes)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


def _outputs(x, classes, activation, **options):
    """The last dense layer. Its activation computes in float32 whatever the layers before it do."""
    if activation == "softmax" and classes < 2:
        raise ValueError(f"expected at least 2 classes for softmax outputs, found {classes}")
    return layers.Activation(activation, dtype="float32")(layers.Dense(classes, **options)(x))


def _at_least(shape, height, width):
    if shape[0] < height or shape[1] < width:
        raise ValueError(f"expected examples of at least {height} x {width}, found {shape[0]} x {shape[1]}")


def _imagenet(x):
    """Pictures of 0..255 with ImageNet's mean taken off, and divided by its deviation; no weights."""
    if x.shape[-1] != 3:
        raise ValueError(
            f"expected 3 channels (red, green and blue) for ImageNet's mean and deviation, found {x.shape[-1]}"
        )
    mean, deviation = (255 * np.array(values) for values in IMAGENET)
    return layers.Normalization(mean=mean.tolist(), variance=(deviation**2).tolist())(x)


def _symmetric(x):
    """Pictures of 0..255 as -1..1."""
    return layers.Rescaling(1 / 127.5, offset=-1.0)(x)


SCALING = {"symmetric": _symmetric, "imagenet": _imagenet}


def _scaled(x, scaling):
    return SCALING[_one_of("scaling", scaling, SCALING)](x)


def _one_of(option, given, choices):
    if given not in choices:
        raise ValueError(f"expected options.{option} to be one of {', '.join(choices)}, found {given}")
    return given


ACTIVATIONS = ("softmax", "sigmoid")


def sed_cnn(shape, classes, *, filters=(16, 32, 64, 96), dense=128, dropout=0.3) -> keras.Model:
    """A compact convolutional network with attention pooling over time and sigmoid outputs.

    The stem looks at every second band and fourth frame; each block halves both axes. Frequency is kept as
    features, time is pooled by attention.

    Parameters
    ----------
    shape : tuple of int
        (bands, frames, 1).
    filters : sequence of int
        Filters of the stem and of each block after it.
    dense : int
        Features of a frame.
    """
    inputs = keras.Input(shape)
    x = inputs
    for kernel, strides, count in ((5, 2, filters[0]), *((3, 1, count) for count in filters[1:])):
        x = layers.Conv2D(count, kernel, strides=strides, padding="same", use_bias=False)(x)
        # Pooled first, what follows has a quarter of the work and nearly the same result.
        x = layers.MaxPooling2D(2, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(dense, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, AttentionPooling(classes, dtype="float32")(x), name="sed_cnn")


def resnet50(shape, classes) -> keras.Model:
    """The public notebook's network: ResNet50 without its top, average pooling, and a head of two dense layers.

    Softmax outputs; 25,716,504 parameters at shape (256, 1876, 1) with 24 classes.
    """
    inputs = keras.Input(shape)
    x = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=inputs).output
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(1024, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3)(x)
    outputs = _outputs(x, classes, "softmax", kernel_initializer="he_normal")
    return keras.Model(inputs, outputs, name="resnet50")


def conv1d(shape, classes) -> keras.Model:
    """The public BirdCLEF 2021 entry's network over the magnitudes of one Fourier transform, sigmoid outputs.

    Convolutions run over the rows of `understory.audio.features.fft_frames`, with what is in a row as features.
    347,313 parameters, of which 347,057 are trained, at shape (100, 800, 1) with 49 outputs.

    Parameters
    ----------
    shape : tuple of int
        (frames, bins, channels), 49 frames at least.
    """
    _at_least(shape, 49, 1)
    inputs = keras.Input(shape)
    x = layers.Reshape((shape[0], shape[1] * shape[2]))(inputs)
    x = layers.Conv1D(64, 5, strides=4, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling1D(4)(x)
    x = layers.Conv1D(64, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256, activation="relu")(x)
    return keras.Model(inputs, _outputs(x, classes, "sigmoid"), name="conv1d")


def cnn2d(shape, classes) -> keras.Model:
    """The public RSNA-MICCAI entry's network for pictures of 0..255, softmax outputs.

    182,466 parameters at shape (32, 32, 1) with 2 outputs.
    """
    _at_least(shape, 7, 7)
    inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(64, 4, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(32, 2, activation="relu")(x)
    x = layers.MaxPooling2D(1)(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(32, activation="relu")(x)
    return keras.Model(inputs, _outputs(x, classes, "softmax"), name="cnn2d")


def resnet34(shape, classes) -> keras.Model:
    """The 34-layer residual network as torchvision has it, for colour pictures of 0..255, softmax outputs.

    K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. 54,373,172 trained parameters with
    64,500 outputs. Its first layer takes ImageNet's mean off and divides by its deviation.
    """
    inputs = keras.Input(shape)
    x = layers.ReLU()(_torch_convolution(_imagenet(inputs), 64, 7, 2))
    # What is padded is never the largest, for nothing is below zero here.
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    for filters, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            strides = 2 if block == 0 and filters > 64 else 1
            y = layers.ReLU()(_torch_convolution(x, filters, 3, strides))
            y = _torch_convolution(y, filters, 3, 1)
            if strides > 1:
                x = _torch_convolution(x, filters, 1, strides)
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    # PyTorch draws a linear layer's weights and biases alike, up to one over the root of its inputs.
    bound = x.shape[-1] ** -0.5
    outputs = _outputs(
        x,
        classes,
        "softmax",
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
    )
    return keras.Model(inputs, outputs, name="resnet34")


def _torch_convolution(x, filters, kernel, strides):
    """A convolution as torchvision's residual networks have it, with its batch normalisation.

    Padded by as much on either side, where Keras' "same" with strides would pad the end more than the beginning.
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


def picture_cnn(
    shape,
    classes,
    *,
    filters=(32, 64, 128, 256),
    dropout=0.2,
    outputs="softmax",
    scaling="symmetric",
) -> keras.Model:
    """A compact residual network with global average pooling for pictures of 0..255, of any size.

    The stem halves both axes; so does each block after it, by the first of its two convolutions and by average
    pooling beside them.

    Parameters
    ----------
    shape : tuple of int
        (height, width, channels).
    filters : sequence of int
        Filters of the stem and of each block after it.
    dropout : float
        Share of the pooled features dropped.
    outputs : {"softmax", "sigmoid"}
        For one class an example, or several.
    scaling : {"symmetric", "imagenet"}
        Of the pictures: to -1..1, or by ImageNet's mean and deviation (3 channels only).
    """
    inputs = keras.Input(shape)
    x = layers.ReLU()(_convolution(_scaled(inputs, scaling), filters[0], 3, 2))
    for count in filters[1:]:
        y = layers.ReLU()(_convolution(x, count, 3, 2))
        y = _convolution(y, count, 3, 1)
        x = _convolution(layers.AveragePooling2D(2, padding="same")(x), count, 1, 1)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(
        inputs, _outputs(x, classes, _one_of("outputs", outputs, ACTIVATIONS)), name="picture_cnn"
    )


def _convolution(x, filters, kernel, strides):
    x = layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.BatchNormalization(momentum=0.9)(x)


ARCHITECTURES = {
    "cnn2d": cnn2d,
    "conv1d": conv1d,
    "picture_cnn": picture_cnn,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "sed_cnn": sed_cnn,
}


def build(architecture: str, shape, classes: int, options: dict, *, name: str | None = None) -> keras.Model:
    """A new model of one of `ARCHITECTURES`, for examples of `shape` (height, width, channels).

    Parameters
    ----------
    architecture : str
    shape : sequence of int
    classes : int
        Number of outputs.
    options : dict
        Of the architecture.
    name : str, optional
        The model's name in the configuration, for messages; the architecture's where it has no other.

    Raises
    ------
    InputError
        There is no such architecture or option, or it cannot take such examples, classes or values.
    """
    place, shape = f"models.{name or architecture}", tuple(int(side) for side in shape)
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"{place}.architecture: expected one of {', '.join(sorted(ARCHITECTURES))}, found {architecture}"
        )
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(
            f"{place}: expected examples of shape (height, width, channels), found {shape}: choose other features"
        )
    if classes < 1:
        raise InputError(f"{place}: expected at least one class, found {classes}")
    make = ARCHITECTURES[architecture]
    known = list(inspect.signature(make).parameters)[2:]
    for option in sorted(set(options) - set(known)):
        raise InputError(
            f"{place}.options.{option}: expected {architecture} to have {', '.join(known) or 'no options'}, "
            f"found {options[option]}"
        )
    try:
        return make(shape, classes, **options)
    except (ValueError, TypeError, IndexError) as error:
        given = ", ".join(f"{option}: {value}" for option, value in sorted(options.items())) or "no options"
        raise InputError(
            f"{place}: {architecture} cannot be made for examples of shape {shape} and {classes} classes "
            f"with {given}: {str(error).splitlines()[0]}"
        ) from error
