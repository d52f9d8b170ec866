"""Binary cross-entropy of labels of which some are unknown."""

import keras
from keras import ops

from understory.core.options import Share

TARGETS = "labels"


def build(*, unknown_weight: Share = 0.3, label_smoothing: Share = 0.0) -> keras.losses.Loss:
    """The weighted mean, over an example's classes, of the binary cross-entropy.

    Parameters
    ----------
    unknown_weight : float
        Weight of an unknown label, which then counts as absent: from 0 (ignored) to 1 (like any absent label).
    label_smoothing : float
        Share of a target that is replaced by 0.5: with 0.1, present is 0.95 and absent 0.05.
    """
    return PartialBinaryCrossentropy(unknown_weight, label_smoothing)


@keras.saving.register_keras_serializable(package="understory")
class PartialBinaryCrossentropy(keras.losses.Loss):
    """Targets are 1 (present), 0 (absent) or -1 (unknown), predictions probabilities, both (batch, classes).

    With `gamma`, each class counts by the power `gamma` of how far its prediction is from its target.
    """

    def __init__(
        self,
        unknown_weight,
        label_smoothing=0.0,
        gamma=0.0,
        name="partial_binary_crossentropy",
        **options,
    ):
        super().__init__(name=name, **options)
        self.unknown_weight, self.label_smoothing, self.gamma = unknown_weight, label_smoothing, gamma

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, y_pred.dtype)
        weights = ops.where(y_true < -0.5, self.unknown_weight, 1.0)
        target = ops.maximum(y_true, 0.0)
        if self.label_smoothing:
            target = target * (1 - self.label_smoothing) + self.label_smoothing / 2
        p = ops.clip(y_pred, keras.config.epsilon(), 1 - keras.config.epsilon())
        entropy = -(target * ops.log(p) + (1 - target) * ops.log(1 - p))
        if self.gamma:
            entropy = ops.power(ops.abs(target - p), self.gamma) * entropy
        return ops.divide_no_nan(ops.sum(weights * entropy, axis=-1), ops.sum(weights, axis=-1))

    def get_config(self):
        own = {
            "unknown_weight": self.unknown_weight,
            "label_smoothing": self.label_smoothing,
            "gamma": self.gamma,
        }
        return {**super().get_config(), **own}
