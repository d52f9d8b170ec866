"""The task of a data set: what is predicted, and how it is scored."""

import json
from pathlib import Path
from typing import NamedTuple

# Where metrics are: a metric is the name of a module in it.
METRICS = "understory.evaluation.metrics"


class Task(NamedTuple):
    """A data set's task, as `labels.json` has it.

    Attributes
    ----------
    classes : list of str
    exhaustive : bool
        Whether a label without an annotation is absent; otherwise it is unknown.
    metric : str
        The name of a module in `understory.evaluation.metrics`.
    unit : {"recording", "window"}
        What a row of the predictions of the test recordings is.
    scored : {"example", "recording"}
        What is scored out of fold: each example, or each recording by the mean of its examples.
    none : str or None
        The class of rows that have no other class.
    untrained : sequence of str
        The classes without a present example to learn from, which are never predicted.
    bands : dict or None
        By class, its typical labelled band: the medians of the lower and of the upper frequencies of its present annotations,
        Hz; without classes that have no frequencies.
    outputs : dict or None
        The class of each output of a network before these are merged to classes, by its name, in the order of the classes; None
        where each class has one.
    """

    classes: list[str]
    exhaustive: bool
    metric: str
    unit: str
    scored: str
    none: str | None
    untrained: tuple[str, ...] = ()
    bands: dict[str, tuple[float, float]] | None = None
    outputs: dict[str, str] | None = None

    @property
    def output_names(self) -> list[str]:
        """The names of a network's outputs: those of the classes where each has one."""
        return list(self.outputs or self.classes)

    @property
    def merged(self) -> list[int] | None:
        """The number of the class of each output; None where nothing is to be merged."""
        return self.outputs and [self.classes.index(label) for label in self.outputs.values()]

    @classmethod
    def read(cls, path) -> "Task":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))

    def told(self) -> dict:
        """It as `labels.json` has it, without outputs that are the classes themselves."""
        told = self._asdict()
        if told["outputs"] is None:
            del told["outputs"]
        return told
