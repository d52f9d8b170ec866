"""Losses, written with `keras.ops`."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="understory")
class PartialBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of labels of which some are unknown.

    Targets are 1 (present), 0 (absent) or -1 (unknown), predictions probabilities, both of shape
    (batch, classes). An unknown label is taken for absent with the weight `unknown_weight`, from 0 (it says
    nothing) to 1; the loss is the weighted mean over an example's classes.
    """

    def __init__(self, unknown_weight=0.0, name="partial_binary_crossentropy", **options):
        super().__init__(name=name, **options)
        self.unknown_weight = unknown_weight

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, y_pred.dtype)
        weights = ops.where(y_true < -0.5, self.unknown_weight, 1.0)
        target = ops.maximum(y_true, 0.0)
        p = ops.clip(y_pred, keras.config.epsilon(), 1 - keras.config.epsilon())
        entropy = -(target * ops.log(p) + (1 - target) * ops.log(1 - p))
        return ops.divide_no_nan(ops.sum(weights * entropy, axis=-1), ops.sum(weights, axis=-1))

    def get_config(self):
        return {**super().get_config(), "unknown_weight": self.unknown_weight}


def loss(settings: dict) -> keras.losses.Loss:
    """The loss that a model's settings ask for."""
    options = dict(settings)
    name = options.pop("name")
    return {
        "binary_crossentropy": PartialBinaryCrossentropy,
        "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    }[name](**options)


def wants_centred(settings: dict) -> bool:
    """Whether the loss asks for one class an example: that of its centred event."""
    return settings["name"] == "categorical_crossentropy"
