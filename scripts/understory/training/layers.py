"""The layers that saved models are made of, besides those of Keras: loading a model finds them by their registered names."""

import keras
import numpy as np
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


@keras.saving.register_keras_serializable(package="understory")
class MergedOutputs(layers.Layer):
    """The scores of classes, from those of outputs: each class has that of its highest output.

    From (batch, outputs) to (batch, classes).

    Parameters
    ----------
    merged : sequence of int
        The number of the class of each output. Each class has at least one.
    """

    def __init__(self, merged, **options):
        super().__init__(**options)
        self.merged = list(merged)

    def call(self, scores):
        return merge(scores, self.merged)

    def compute_output_shape(self, shape):
        return (*shape[:-1], max(self.merged) + 1)

    def get_config(self):
        return {**super().get_config(), "merged": self.merged}


def merge(scores, merged):
    """The highest of the outputs of each class, (batch, classes), of (batch, outputs); `merged` as `MergedOutputs` takes it."""
    own = [[] for _ in range(max(merged) + 1)]
    for output, number in enumerate(merged):
        own[number].append(output)
    most = max(map(len, own))
    # Rows of one length, in which the first output of a class comes again.
    places = [output for outputs in own for output in outputs + outputs[:1] * (most - len(outputs))]
    # NumPy's numbers are constants of every backend.
    found = ops.take(scores, np.array(places, np.int32), axis=-1)
    return ops.max(ops.reshape(found, (-1, len(own), most)), axis=-1)


def merging(model: keras.Model, merged) -> keras.Model:
    """A model whose outputs are merged to classes by its last layer, which keeps nothing; the model itself without `merged`."""
    if merged is None:
        return model
    # In float32, as the outputs are.
    layer = MergedOutputs(merged, name="merged_outputs", dtype="float32")
    return keras.Model(model.input, layer(model.output), name=model.name)


def before_merging(model: keras.Model) -> keras.Model:
    """The model with the outputs that `merging` merged; the model itself where it merges none."""
    last = model.layers[-1]
    return keras.Model(model.input, last.input) if isinstance(last, MergedOutputs) else model
