"""Probabilities scaled by how frequent their classes are among the training labels."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse

# The powers that are tried, the nearest to 0 first.
POWERS = sorted(np.linspace(-1, 1, 21).round(1).tolist(), key=lambda power: (abs(power), power))


def shares(folds: pd.DataFrame, classes) -> np.ndarray:
    """The share of each class among the present labels of training examples: float64 (classes,), above 0, with a sum of 1.

    It is (labels of the class + 1) / (all labels + classes), so that no share is 0.

    Parameters
    ----------
    folds : pandas.DataFrame
        `label` and `presence` of the examples.
    classes : sequence of str
    """
    counts = folds.label[folds.presence == "present"].value_counts().reindex(list(classes), fill_value=0)
    return (counts.to_numpy() + 1.0) / (counts.sum() + len(counts))


def factors(shares: np.ndarray, power: float) -> np.ndarray:
    """What the odds of each class are multiplied by: its share over an even one, 1 / classes, to a power."""
    return (shares * len(shares)) ** power


def scaled(values, factors: np.ndarray):
    """Probabilities of which the odds are multiplied by factors.

    p becomes p·f / (1 - p + p·f), so that 0 and 1 stay, and the order within a class does.

    Parameters
    ----------
    values : numpy.ndarray or scipy.sparse.csr_array
        Probabilities (rows, classes).
    factors : numpy.ndarray
        float64 (classes,), above 0.
    """
    if sparse.issparse(values):
        own = values.data * factors[values.indices]
        parts = own / (1 - values.data + own), values.indices, values.indptr
        return sparse.csr_array(parts, shape=values.shape)
    own = values * factors
    return own / (1 - values + own)


def power(values, shares: np.ndarray, score: Callable) -> float:
    """The one of `POWERS` with which probabilities score highest; of equal ones, that nearest to 0.

    Parameters
    ----------
    values
        As for `scaled`.
    shares : numpy.ndarray
        float64 (classes,).
    score : callable
        Called with scaled probabilities; higher for better, NaN where it is not defined.
    """
    found = [score(scaled(values, factors(shares, each))) for each in POWERS]
    return POWERS[int(np.argmax(np.nan_to_num(found, nan=-np.inf)))]
