"""Focal loss of labels of which some are unknown."""

import keras

from understory.core.options import AtLeastOne, Share
from understory.training.losses.binary_crossentropy import PartialBinaryCrossentropy

TARGETS = "labels"


def build(
    *, unknown_weight: Share = 0.3, label_smoothing: Share = 0.0, gamma: AtLeastOne = 2.0
) -> keras.losses.Loss:
    """Binary cross-entropy in which a class counts less, the nearer its prediction is to its target.

    Each class is weighted by |target - prediction|^gamma: of a target of 0 or 1 the focal loss of T.-Y. Lin et al., "Focal Loss for
    Dense Object Detection", ICCV 2017, without its balance of classes; of a target in between, as mixup has it, the quality
    focal loss of X. Li et al., "Generalized Focal Loss", NeurIPS 2020.

    Parameters
    ----------
    unknown_weight : float
        Weight of an unknown label, which then counts as absent: from 0 (ignored) to 1 (like any absent label).
    label_smoothing : float
        Share of a target that is replaced by 0.5: with 0.1, present is 0.95 and absent 0.05.
    gamma : float
        The power.
    """
    return PartialBinaryCrossentropy(unknown_weight, label_smoothing, gamma, name="focal")
