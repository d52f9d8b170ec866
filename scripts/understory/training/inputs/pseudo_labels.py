"""Pseudo-labels: which predictions stand in for labels that are unknown, and the targets of a training with them."""

import numpy as np

from understory.core.errors import InputError
from understory.data.labels import Labels


def confident(
    probabilities: np.ndarray, known: np.ndarray, *, by: str, high: float, low: float | None
) -> np.ndarray:
    """The predictions of unknown labels that are high or low enough, as they are: soft labels.

    D.-H. Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks", ICML workshop
    2013; with soft labels Q. Xie et al., "Self-Training with Noisy Student Improves ImageNet Classification", CVPR 2020.

    Parameters
    ----------
    probabilities : numpy.ndarray
        float32 of shape (examples, classes).
    known : numpy.ndarray
        float32 of the same shape: 1 present, 0 absent, -1 unknown.
    by : {"threshold", "quantile"}
        What `high` and `low` are: probabilities; or quantiles of a class's probabilities where its label is unknown.
    high : float
        Predictions of at least this are taken.
    low : float or None
        Predictions of at most this are taken as well.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape, NaN where nothing is taken.

    Raises
    ------
    InputError
        No label is unknown.
    """
    unknown = known < 0
    if not unknown.any():
        raise InputError(
            "pseudo_labels.rounds: expected 0, as every label of the training examples is known, so that there is nothing to predict; "
            "or set pseudo_labels.unlabelled: test"
        )
    above, below = high, -1.0 if low is None else low
    if by == "quantile":
        above, below = _quantiles(probabilities, unknown, high), -1.0
        below = below if low is None else _quantiles(probabilities, unknown, low)
    taken = unknown & ((probabilities >= above) | (probabilities <= below))
    return np.where(taken, probabilities, np.float32(np.nan))


def _quantiles(probabilities, unknown, share):
    """A quantile of each class where its label is unknown: float32 (classes,), NaN where it never is."""
    found = np.full(probabilities.shape[1], np.nan, np.float32)
    for number in np.flatnonzero(unknown.any(axis=0)):
        # A value that is there: one in between would be rounded to float32, and could leave out the value next to it.
        own = probabilities[unknown[:, number], number]
        found[number] = np.quantile(own, share, method="nearest")
    return found


class PseudoLabels:
    """Targets in which labels that are unknown have soft labels, where there are some. A label that is known stays as it is.

    Parameters
    ----------
    known : Labels
        The known labels of each row.
    soft : numpy.ndarray
        Floats of shape (examples, classes): probabilities, NaN where there is none.
    places : numpy.ndarray
        int of shape (len(known),): the example of each row in `soft`, -1 where it has none. All copies of an example have its own.

    Attributes
    ----------
    shape : tuple of int
        (rows, classes).
    """

    def __init__(self, known: Labels, soft: np.ndarray, places: np.ndarray):
        self._known, self._soft, self._places, self.shape = known, soft, places, known.shape

    def __len__(self):
        return self.shape[0]

    def take(self, rows) -> np.ndarray:
        """The targets of some rows: float32 (len(rows), classes) of 1 present, 0 absent, a soft label in between, or -1 unknown."""
        found, places = self._known.take(rows), self._places[rows]
        own = np.flatnonzero(places >= 0)
        labels, soft = found[own], self._soft[places[own]]
        found[own] = np.where((labels < 0) & ~np.isnan(soft), soft, labels)
        return found

    def shown(self, rows) -> np.ndarray:
        """Where a label of some rows is present, or rather there than not by its pseudo-label: bool (len(rows), classes)."""
        return self._known.shown(rows) | ((self._known.take(rows) < 0) & (self.take(rows) > 0.5))
