"""Calibrated probabilities and thresholds of the classes of a run: `calibration.json`.

Plain Python only at module level. `understory.evaluation.calibration` fits what is stored here.
"""

import json
import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from understory.core import files
from understory.core.errors import InputError
from understory.core.files import replacing

# The name of the file in the folder of a run.
FILE = "calibration.json"
Method = Literal["isotonic", "logistic", "none"]


class ClassCalibration(NamedTuple):
    """What out-of-fold detections say about the scores of one class.

    Attributes
    ----------
    label : str
    method : {"isotonic", "logistic", "none"}
        How probabilities were fitted to scores; `none` where there were too few examples.
    scores : tuple of float
        The knots of the map from scores to probabilities, rising; empty with `none`.
    probabilities : tuple of float
        The probability at each knot, never falling; linear in between, constant outside.
    threshold : float or None
        The lowest score at which the wanted precision is reached; None where there are not enough data.
    precision : float or None
        The share of correct detections among held-out ones at thresholds chosen in the same way.
    interval : (float, float) or None
        The 95 % interval of that precision.
    events : int
        Number of detections that could be judged, at any score.
    reason : str or None
        Why there is no threshold; None where there is one.
    """

    label: str
    method: Method
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    threshold: float | None
    precision: float | None
    interval: tuple[float, float] | None
    events: int
    reason: str | None


def write(path, calibrations: Iterable[ClassCalibration], settings: dict):
    """Write the calibrations of some classes, and the settings of the detections that they come from."""
    content = {
        "settings": settings,
        "classes": {
            each.label: {key: value for key, value in each._asdict().items() if key != "label"}
            for each in calibrations
        },
    }
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    with replacing(path) as new:
        new.write_text(text + "\n", encoding="utf-8")


def read(path) -> dict[str, ClassCalibration]:
    """The calibration of each class, by its label.

    Raises
    ------
    InputError
        There is no such file, or it is damaged.
    """
    return of(_content(path), path)


def of(content: dict, path) -> dict[str, ClassCalibration]:
    """The calibration of each class of the content of such a file, which `path` names in messages."""
    return {label: _read(path, label, fields) for label, fields in content["classes"].items()}


def read_settings(path) -> dict:
    """The settings of the detections that the calibrations in a file come from.

    Raises
    ------
    InputError
        As for `read`.
    """
    return _content(path)["settings"]


def probability(calibration: ClassCalibration, scores):
    """Calibrated probabilities of scores.

    Parameters
    ----------
    calibration : ClassCalibration
    scores : array_like
        Floats of any shape.

    Returns
    -------
    numpy.ndarray
        float64 of the same shape, in [0, 1]; NaN without a calibration (`method` is `none`).
    """
    import numpy as np

    scores = np.asarray(scores, dtype=np.float64)
    if calibration.method == "none":
        return np.full(scores.shape, np.nan)
    return np.interp(scores, calibration.scores, calibration.probabilities)


def _content(path):
    path = Path(path)
    if other := files.other(path):
        raise InputError(f"{path}: expected the calibration of a run, found {other}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content["settings"], dict) or not isinstance(content["classes"], dict):
            raise TypeError("settings and classes are no mappings")
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from None
    return content


def _read(path, label, fields):
    try:
        found = ClassCalibration(label=label, **fields)
        scores, shares = tuple(map(float, found.scores)), tuple(map(float, found.probabilities))
        _check(found, scores, shares)
    except (TypeError, ValueError) as error:
        raise _damaged(path, f"{label}: {error}") from None
    interval = found.interval and tuple(found.interval)
    return found._replace(scores=scores, probabilities=shares, interval=interval)


def _check(found, scores, shares):
    """ValueError where a map is none."""
    if found.method not in get_args(Method):
        raise ValueError(f"expected a method among {', '.join(get_args(Method))}, found {found.method!r}")
    if len(scores) != len(shares) or (found.method == "none") != (not scores):
        raise ValueError(f"expected as many scores as probabilities, found {len(scores)} and {len(shares)}")
    if not all(a < b for a, b in pairwise((-math.inf, *scores, math.inf))):
        raise ValueError("expected rising scores, found others")
    if not all(a <= b for a, b in pairwise((0.0, *shares, 1.0))):
        raise ValueError("expected probabilities from 0 to 1 that never fall, found others")


def _damaged(path, error):
    return InputError(
        f"{path}: expected the calibration of a run, found that it is damaged ({error}): delete it to have it made again"
    )
