"""Model architectures, by name."""

import keras
from keras import layers, ops


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
        self.attention = layers.Dense(classes, activation="tanh", name="attention")
        self.probability = layers.Dense(
            classes,
            activation="sigmoid",
            bias_initializer=keras.initializers.Constant(-3.0),
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
    return keras.Model(inputs, AttentionPooling(classes)(x), name="sed_cnn")


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
    outputs = layers.Dense(classes, activation="softmax", kernel_initializer="he_normal")(x)
    return keras.Model(inputs, outputs, name="resnet50")


ARCHITECTURES = {"sed_cnn": sed_cnn, "resnet50": resnet50}


def build(architecture: str, shape, classes: int, options: dict) -> keras.Model:
    """A new model of one of `ARCHITECTURES`, for examples of `shape` (height, width, channels)."""
    return ARCHITECTURES[architecture](tuple(shape), classes, **options)
