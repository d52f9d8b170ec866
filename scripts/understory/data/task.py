"""What a data set's predictions are about."""

import json
from pathlib import Path
from typing import NamedTuple


class Task(NamedTuple):
    """A data set's task, as `labels.json` tells it.

    Attributes
    ----------
    classes : list of str
    exhaustive : bool
        Whether a label that is not named is absent.
    metric : str
        One of `understory.evaluation.metrics.SCORES`.
    unit : {"recording", "window"}
        What a prediction of the test recordings is about.
    scored : {"example", "recording"}
        What is scored out of fold: each example, or each recording by the mean of its examples.
    none : str or None
        The class of rows that have no other.
    """

    classes: list[str]
    exhaustive: bool
    metric: str
    unit: str
    scored: str
    none: str | None

    @classmethod
    def read(cls, path) -> "Task":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
