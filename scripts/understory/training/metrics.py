"""The score that is watched while training, as a Keras metric."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from understory.training.layers import merge


class _Metric(keras.metrics.Metric):
    """What both kinds share: labels and predictions are (batch, classes), and every example weighs the same.

    A label above 0.5 is present, any other is not, be it absent (0) or unknown (-1).
    """

    # The module of the metric, of `understory.evaluation.metrics`, and the class of each output; set by `metric`.
    module, merged = None, None

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError("expected no sample_weight: every example weighs the same")
        pair = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        self.add_batch(*(each if self.merged is None else merge(each, self.merged) for each in pair))


class SummedMetric(_Metric):
    """A metric whose module says which sums over batches it is computed of; 0 before the first batch."""

    def __init__(self, **options):
        super().__init__(**options)
        self.sums = {}

    def add_batch(self, labels, predictions):
        sums = self.module.batch_sums(ops, labels, predictions)
        # Their shapes are known with the first batch, as in keras.metrics.F1Score.
        if not self.sums:
            self.sums = {
                key: self.add_weight(name=key, shape=value.shape, initializer="zeros")
                for key, value in sums.items()
            }
        for key, value in sums.items():
            self.sums[key].assign_add(value)

    def result(self):
        return self.module.score_of_sums(ops, self.sums) if self.sums else ops.convert_to_tensor(0.0)


class CollectedMetric(_Metric):
    """A metric with nothing but a score: batches are collected in memory and scored at the end of an epoch.

    0 where the score is not defined. Decisions are the predictions above 0.5.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.batches = []

    def add_batch(self, labels, predictions):
        tf.numpy_function(self._collect, [labels, predictions], [])

    def _collect(self, labels, predictions):
        self.batches.append((labels, predictions))

    def reset_state(self):
        self.batches.clear()

    def result(self):
        # Within a step the score is asked for as well, and shown to nobody.
        if not tf.executing_eagerly() or not self.batches:
            return ops.convert_to_tensor(0.0)
        labels, predictions = (np.concatenate(part) for part in zip(*self.batches, strict=True))
        score = self.module.score(
            labels, predictions > 0.5 if getattr(self.module, "DECIDED", False) else predictions
        )
        return ops.convert_to_tensor(np.nan_to_num(score), dtype="float32")


def metric(module, merged=None) -> keras.metrics.Metric:
    """A new Keras metric of a metric's module.

    A history has it by the module's name, as `name` and `val_name`. A saved model names it in its compiled state, which
    only a resumed training reads, after this function has registered it.

    Parameters
    ----------
    module
        Of `understory.evaluation.metrics`, as described in `understory.evaluation.metric`.
    merged : sequence of int, optional
        The number of the class of each output, of which the highest counts as the class; without it outputs are classes.
    """
    name = module.__name__.rpartition(".")[2]
    summed = hasattr(module, "batch_sums")
    kind = type(name, (SummedMetric if summed else CollectedMetric,), {"module": module, "merged": merged})
    return keras.saving.register_keras_serializable("understory", name)(kind)(name=name)
