"""The targets of a training, and of mixtures of examples."""

import numpy as np

from understory.core.rng import Stage, stream
from understory.data.labels import Centred, Labels
from understory.training.inputs.examples import Examples


def training_targets(
    data: Examples, kind: str, *, control: str, rows: np.ndarray, seed: int
) -> Labels | Centred:
    """The targets of all rows of `data`.

    Parameters
    ----------
    data : Examples
    kind : {"labels", "centred"}
        The known labels of each row, or the class of its centred event: `TARGETS` of the loss.
    control : {"none", "shuffled_labels"}
        With "shuffled_labels", the targets of `rows` are shuffled among these.
    rows : numpy.ndarray
        The rows that are trained on.
    seed : int
    """
    targets = data.centred if kind == "centred" else data.labels
    if control != "shuffled_labels":
        return targets
    # Examples of which nothing is known take no part, so that every round of training has the same labels.
    rows = rows[data.index.presence.to_numpy()[rows] != "unknown"]
    # All variants of an example get the same target: only the connection of example and label is broken.
    ids, place = np.unique(data.index.example_id.to_numpy()[rows], return_inverse=True)
    first = rows[np.unique(place, return_index=True)[1]]
    shuffled = first[stream(seed, Stage.CONTROL, "labels").permutation(len(ids))]
    return targets.permuted(rows, shuffled[place])


def mix(
    targets: np.ndarray,
    others: np.ndarray,
    weights: np.ndarray,
    unknown_weight: float,
    *,
    shown: tuple[np.ndarray, np.ndarray],
    union: bool = False,
) -> np.ndarray:
    """Targets of mixed examples, from targets of 1 (present), 0 (absent), a soft label in between, and -1 (unknown).

    The target of a mixture minimises the weighted sum of the two losses, in which an unknown label counts as absent
    with the weight `unknown_weight`. Where neither label is present and one is unknown, the mixture is unknown. With `union`, the mixture has the higher of both labels, whatever their weights.

    Parameters
    ----------
    targets, others : numpy.ndarray
        float32 of shape (examples, classes).
    weights : numpy.ndarray
        float32 of shape (examples, 1): the weight of `targets`.
    unknown_weight : float
        From 0 to 1.
    shown : (numpy.ndarray, numpy.ndarray)
        bool of shape (examples, classes): which of `targets` and of `others` are present, soft labels among them.
    union : bool

    Returns
    -------
    numpy.ndarray
        float32 of shape (examples, classes).
    """

    def absent_share(values):
        return np.where(values < 0, unknown_weight, 1.0) * (1 - np.maximum(values, 0))

    present = weights * np.maximum(targets, 0) + (1 - weights) * np.maximum(others, 0)
    absent = weights * absent_share(targets) + (1 - weights) * absent_share(others)
    total = present + absent
    mixed = np.divide(present, total, out=np.zeros_like(present), where=total > 0)
    if union:
        mixed = np.maximum(targets * (weights > 0), others * (weights < 1))
    present = weights * shown[0] + (1 - weights) * shown[1]
    unknown = (present == 0) & ((targets < 0) | (others < 0))
    return np.where(unknown, -1, mixed).astype(np.float32)
