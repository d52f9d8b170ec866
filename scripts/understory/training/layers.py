"""The layers that saved models are made of, besides those of Keras: loading a model finds them by their registered names."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="understory")
class AttentionPooling(layers.Layer):
    """Pool frame-wise probabilities over time, with an attention for each class.

    From (batch, frames, features) to (batch, classes): the sum over frames of softmax(4 * attention) times the
    frame's probability, with tanh attention (Q. Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks
    for Audio Pattern Recognition", IEEE/ACM TASLP 2020).
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


@keras.saving.register_keras_serializable(package="understory")
class FrequencyCoordinate(layers.Layer):
    """Add a channel that is -1 in the lowest band and 1 in the highest."""

    def call(self, values):
        bands = values.shape[1]
        heights = ops.reshape(ops.linspace(-1.0, 1.0, bands), (1, bands, 1, 1))
        heights = ops.cast(heights, values.dtype)
        return ops.concatenate([values, ops.zeros_like(values[..., :1]) + heights], axis=-1)

    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + 1)
