"""Keras metrics, written with `keras.ops`."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="understory")
class LabelRankingPrecision(keras.metrics.Metric):
    """Label-weighted label-ranking average precision (lwlrap), streamed over batches.

    Targets and predictions are of shape (batch, classes); a target above 0.5 is present, any other is not.
    Equal to `understory.scores.lwlrap` of all batches at once; 0 before any present label was seen.
    """

    def __init__(self, name="lwlrap", **options):
        super().__init__(name=name, **options)
        self.precision = self.add_weight(name="precision", initializer="zeros")
        self.labels = self.add_weight(name="labels", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError("expected no sample_weight: every present label weighs the same")
        present = ops.cast(ops.convert_to_tensor(y_true) > 0.5, "float32")
        y_pred = ops.convert_to_tensor(y_pred)
        at_least = ops.cast(ops.expand_dims(y_pred, 2) <= ops.expand_dims(y_pred, 1), "float32")
        hits = ops.sum(at_least * ops.expand_dims(present, 1), axis=2)
        self.precision.assign_add(ops.sum(present * hits / ops.sum(at_least, axis=2)))
        self.labels.assign_add(ops.sum(present))

    def result(self):
        return ops.divide_no_nan(self.precision, self.labels)


def metric(name: str) -> keras.metrics.Metric:
    """The Keras metric of a score in `understory.scores.SCORES`."""
    return {"lwlrap": LabelRankingPrecision, "accuracy": keras.metrics.CategoricalAccuracy}[name](name=name)
