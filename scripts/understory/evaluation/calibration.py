"""Probabilities that belong to scores, fitted to out-of-fold detections that are known to be correct or wrong.

What is reported of a calibration is cross-fitted: each detection gets the probability of a map that was fitted to the other
folds.
"""

from typing import NamedTuple

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from understory.data import calibration as files
from understory.data.calibration import ClassCalibration
from understory.evaluation.intervals import Interval, precision_interval, resampled_interval

# The least judged detections of a class for a calibration.
LEAST = 20
# The least judged detections of a class, and the least that are correct and the least that are wrong, for an isotonic one:
# with fewer a logistic one is better (A. Niculescu-Mizil and R. Caruana, "Predicting good probabilities with supervised
# learning", ICML 2005).
ISOTONIC, OF_EACH = 500, 50
# Knots that a logistic curve is drawn with, evenly spaced in log odds.
KNOTS = 65
# Scores nearer to 0 and 1 than this are taken for this near: they have no log odds.
NEAREST = 1e-6
# Bins of the reliability diagram, each with the same number of detections.
BINS = 10


class Map(NamedTuple):
    """A calibration: its method and its knots, as `understory.data.calibration.ClassCalibration` has them."""

    method: files.Method
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __call__(self, scores) -> np.ndarray:
        blank = ClassCalibration("", *self, None, None, None, 0, None)
        return files.probability(blank, scores)


class Reliability(NamedTuple):
    """A reliability diagram and the expected calibration error.

    Attributes
    ----------
    probability, correct : numpy.ndarray
        float64 (bins,): the mean probability of the detections of a bin, and the share of them that are correct.
    low, high : numpy.ndarray
        float64 (bins,): the 95 % interval of that share, as `intervals.precision_interval` gives it.
    detections : numpy.ndarray
        int (bins,): their number.
    error : float
        The mean over detections of the distance between both in their bin (M. P. Naeini et al., "Obtaining well calibrated
        probabilities using Bayesian binning", AAAI 2015). It is 0 at best, and above 0 by chance.
    interval : Interval
        Its 95 % interval over recordings.
    """

    probability: np.ndarray
    correct: np.ndarray
    low: np.ndarray
    high: np.ndarray
    detections: np.ndarray
    error: float
    interval: Interval


def fit(scores, correct) -> Map:
    """Fit probabilities to scores: isotonic, logistic, or none where there are fewer than `LEAST` detections.

    Parameters
    ----------
    scores : array_like
        Floats (detections,) in [0, 1].
    correct : array_like
        bool (detections,).

    Returns
    -------
    Map
        Its probabilities never fall as scores rise.
    """
    scores, correct = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=bool)
    if not (np.isfinite(scores).all() and scores.shape == correct.shape):
        raise ValueError("expected a finite score for each detection, found others")
    right = int(correct.sum())
    if len(scores) < LEAST:
        return Map("none")
    if len(scores) >= ISOTONIC and OF_EACH <= right <= len(scores) - OF_EACH:
        return _isotonic(scores, correct)
    return _logistic(scores, correct, right)


def _isotonic(scores, correct):
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, correct)
    knots, shares = fitted.X_thresholds_, fitted.y_thresholds_
    return Map("isotonic", tuple(map(float, knots)), tuple(map(float, np.maximum.accumulate(shares))))


def _logistic(scores, correct, right):
    """Logistic regression on the log odds of scores, with the targets of J. Platt, "Probabilistic outputs for support vector
    machines" (1999): they are within (0, 1), so that one class alone, or two that are apart, have a finite fit."""
    wrong = len(scores) - right
    targets = np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))
    odds = _log_odds(scores)[:, None]
    model = LogisticRegression(C=np.inf).fit(
        np.concatenate([odds, odds]),
        np.repeat([True, False], len(scores)),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    slope, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= 0:
        # Higher scores are no likelier to be correct: all have the same probability.
        share = float(targets.mean())
        return Map("logistic", (0.0, 1.0), (share, share))
    knots = np.linspace(_log_odds(scores).min(), _log_odds(scores).max(), KNOTS)
    shares = 1 / (1 + np.exp(-(slope * knots + offset)))
    places, first = np.unique(1 / (1 + np.exp(-knots)), return_index=True)
    return Map("logistic", tuple(map(float, places)), tuple(map(float, shares[first])))


def _log_odds(scores):
    inside = np.clip(scores, NEAREST, 1 - NEAREST)
    return np.log(inside / (1 - inside))


def crossfitted(scores, correct, folds) -> np.ndarray:
    """The probability of each detection by a map fitted to the detections of all other folds.

    Parameters
    ----------
    scores, correct
        As for `fit`.
    folds : array_like
        int (detections,).

    Returns
    -------
    numpy.ndarray
        float64 (detections,); NaN where the other folds have too few detections.
    """
    scores, correct, folds = (np.asarray(each) for each in (scores, correct, folds))
    probabilities = np.full(scores.shape, np.nan)
    for fold in np.unique(folds):
        inside = folds == fold
        probabilities[inside] = fit(scores[~inside], correct[~inside])(scores[inside])
    return probabilities


def reliability(probabilities, correct, recordings, *, seed: int, resamples: int = 1000) -> Reliability:
    """How well cross-fitted probabilities agree with the share of correct detections.

    Parameters
    ----------
    probabilities : array_like
        Floats (detections,); those that are NaN are left out.
    correct : array_like
        bool (detections,).
    recordings : array_like
        The recording of each detection: those of one recording are drawn together.
    seed : int
    resamples : int
    """
    given = np.isfinite(probabilities)
    shares = np.asarray(probabilities, dtype=float)[given]
    correct = np.asarray(correct, dtype=bool)[given]
    names, of = np.unique(np.asarray(recordings)[given], return_inverse=True)
    # Equal probabilities share a bin.
    edges = np.unique(np.quantile(shares, np.linspace(0, 1, BINS + 1)[1:-1])) if len(shares) else []
    numbers = np.searchsorted(edges, shares, side="right")
    # By recording and bin: detections, the sum of their probabilities, and how many are correct.
    sums = np.zeros((3, len(names), len(edges) + 1))
    for total, values in zip(sums, (np.ones(len(shares)), shares, correct), strict=True):
        np.add.at(total, (of, numbers), values)
    detections, expected, right = sums.sum(axis=1)
    filled = detections > 0
    detections, expected, right = (each[filled] for each in (detections, expected, right))
    of_right, of_all = sums[2][:, filled].T, sums[0][:, filled].T
    bounds = [precision_interval(*each) for each in zip(of_right, of_all - of_right, strict=True)]
    low, high = np.array(bounds).reshape(-1, 2).T

    def error(times):
        total, sum_of, found = (times @ each for each in sums)
        return np.abs(sum_of - found).sum() / total.sum()

    whole = np.ones(len(names))
    return Reliability(
        expected / detections,
        right / detections,
        low,
        high,
        detections.astype(int),
        float(error(whole)) if len(names) else float("nan"),
        resampled_interval(error, len(names), seed=seed, name="calibration", resamples=resamples),
    )
