"""Keras metrics, written with `keras.ops`.

Targets and predictions are of shape (batch, classes); a target above 0.5 is present, any other is not, be it absent
(0) or unknown (-1).
"""

import keras
from keras import ops


def _present(y_true, sample_weight):
    if sample_weight is not None:
        raise ValueError("expected no sample_weight: every example weighs the same")
    return ops.cast(ops.convert_to_tensor(y_true) > 0.5, "float32")


@keras.saving.register_keras_serializable(package="understory")
class LabelRankingPrecision(keras.metrics.Metric):
    """Label-weighted label-ranking average precision (lwlrap), streamed over batches.

    Equal to `understory.evaluation.metrics.lwlrap` of all batches at once; 0 before any present label was seen.
    """

    def __init__(self, name="lwlrap", **options):
        super().__init__(name=name, **options)
        self.precision = self.add_weight(name="precision", initializer="zeros")
        self.labels = self.add_weight(name="labels", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        present = _present(y_true, sample_weight)
        y_pred = ops.convert_to_tensor(y_pred)
        at_least = ops.cast(ops.expand_dims(y_pred, 2) <= ops.expand_dims(y_pred, 1), "float32")
        hits = ops.sum(at_least * ops.expand_dims(present, 1), axis=2)
        self.precision.assign_add(ops.sum(present * hits / ops.sum(at_least, axis=2)))
        self.labels.assign_add(ops.sum(present))

    def result(self):
        return ops.divide_no_nan(self.precision, self.labels)


@keras.saving.register_keras_serializable(package="understory")
class RowF1(keras.metrics.Metric):
    """The mean of the examples' own F1 scores, streamed over batches.

    What is predicted above 0.5 is held against what is present: 2 TP / (2 TP + FP + FN), and 1 where nothing is
    present and nothing predicted. 0 before any example was seen.
    """

    def __init__(self, name="row_f1", **options):
        super().__init__(name=name, **options)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.rows = self.add_weight(name="rows", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        present = _present(y_true, sample_weight)
        predicted = ops.cast(ops.convert_to_tensor(y_pred) > 0.5, "float32")
        both = ops.sum(present, axis=1) + ops.sum(predicted, axis=1)
        f1 = ops.divide_no_nan(2.0 * ops.sum(present * predicted, axis=1), both)
        self.total.assign_add(ops.sum(ops.where(both > 0, f1, 1.0)))
        self.rows.assign_add(ops.sum(ops.ones_like(both)))

    def result(self):
        return ops.divide_no_nan(self.total, self.rows)


@keras.saving.register_keras_serializable(package="understory")
class MacroF1(keras.metrics.Metric):
    """The mean of the classes' own F1 scores, streamed over batches: three numbers a class are all it keeps.

    The highest prediction of an example, the first of equal ones, is the class predicted. The mean is over the
    classes that are present in some example; 0 before any is.
    """

    def __init__(self, name="macro_f1", **options):
        super().__init__(name=name, **options)
        self.hits = self.present = self.predicted = None

    def _count(self, classes):
        for name in ("hits", "present", "predicted"):
            setattr(self, name, self.add_weight(name=name, shape=(classes,), initializer="zeros"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        present = _present(y_true, sample_weight)
        y_pred = ops.convert_to_tensor(y_pred)
        classes = y_pred.shape[-1]
        # How many classes there are is known with the first batch, as in keras.metrics.F1Score.
        if self.hits is None:
            self._count(classes)
        predicted = ops.one_hot(ops.argmax(y_pred, axis=1), classes, dtype="float32")
        self.hits.assign_add(ops.sum(present * predicted, axis=0))
        self.present.assign_add(ops.sum(present, axis=0))
        self.predicted.assign_add(ops.sum(predicted, axis=0))

    def result(self):
        if self.hits is None:
            return ops.convert_to_tensor(0.0)
        f1 = ops.divide_no_nan(2.0 * self.hits, self.present + self.predicted)
        counted = ops.cast(self.present > 0, "float32")
        return ops.divide_no_nan(ops.sum(f1 * counted), ops.sum(counted))


@keras.saving.register_keras_serializable(package="understory")
class RocAuc(keras.metrics.AUC):
    """The area under the ROC curve of the second class of two, streamed over batches.

    Predictions are told apart by 1 / (`num_thresholds` - 1): equal to the exact area of predictions rounded up to
    whole multiples of it, nothing counting as one, with ties counted half. 0 where one of the two is not present.
    """

    def __init__(self, num_thresholds=10_001, name="roc_auc", **options):
        super().__init__(num_thresholds=num_thresholds, name=name, **options)

    def update_state(self, y_true, y_pred, sample_weight=None):
        present = _present(y_true, sample_weight)
        y_pred = ops.convert_to_tensor(y_pred)
        if y_pred.shape[-1] != 2:
            raise ValueError(f"expected 2 classes for roc_auc, found {y_pred.shape[-1]}")
        super().update_state(present[:, 1], y_pred[:, 1])


METRICS = {
    "accuracy": keras.metrics.CategoricalAccuracy,
    "lwlrap": LabelRankingPrecision,
    "macro_f1": MacroF1,
    "roc_auc": RocAuc,
    "row_f1": RowF1,
}


def metric(name: str) -> keras.metrics.Metric:
    """The Keras metric of a score in `understory.evaluation.metrics.SCORES`; a history has it as `name` and `val_name`."""
    return METRICS[name](name=name)
