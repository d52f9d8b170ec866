"""The outputs of a run, as the report shows them."""

import json
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from understory.core.words import WORDS
from understory.data import calibration, examples, predictions, store
from understory.data.calibration import ClassCalibration
from understory.data.folds import UNVALIDATED
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import analysis, scoring
from understory.evaluation.metric import Metric
from understory.evaluation.scoring import ByFold

# An interval narrower than this holds a single score.
NARROWEST = 1e-9


class Results:
    """The outputs of a run, each read, or computed, when it is first used.

    Parameters
    ----------
    inputs : dict
        Paths by name. Single files: `scores`, `labels`, `members`, `folds`, `oof`, `quarantine`, and `predictions` and
        `truth`, `calibration` and `detection_scores`, which may be empty. Lists: `histories`, `train_recordings`, `test_recordings`, `arrays`, `indexes`.
    settings : dict
        `report`, `features` (those shown), `model` (whose they are) and `crop` (`window` in s, `long_events`) as in the configuration;
        `seed`, `trained` (the model and fold of each history), `sources` (one of `words.WORDS`), `sequences` of
        studies, and `threshold`, where it is fixed.
    read : function
        Reads the array and the table of a shard, as `data.store.read` does.
    """

    def __init__(self, inputs: dict, settings: dict, read=store.read):
        self.inputs, self.settings, self.read = inputs, settings, read

    @cached_property
    def scores(self) -> dict:
        """`scores.json`."""
        return json.loads(Path(self.inputs["scores"]).read_text(encoding="utf-8"))

    @cached_property
    def task(self) -> Task:
        return Task.read(self.inputs["labels"])

    @cached_property
    def metric(self) -> Metric:
        return Metric(self.task.metric)

    @cached_property
    def folds(self) -> pd.DataFrame:
        """The examples with their folds."""
        return store.read_table(self.inputs["folds"])

    @cached_property
    def oof(self) -> Predictions:
        """Out-of-fold predictions of examples."""
        return predictions.read(self.inputs["oof"], self.task.classes)

    @cached_property
    def predictions(self) -> Predictions | None:
        """Predictions of the test recordings, or of their windows."""
        path = self.inputs["predictions"]
        return predictions.read(path, self.task.classes) if path else None

    @cached_property
    def truth(self) -> pd.DataFrame | None:
        """Of the test recordings: 1 for present and 0 for absent."""
        return store.read_table(self.inputs["truth"]) if self.inputs["truth"] else None

    @cached_property
    def _members(self) -> dict:
        """`members.json`."""
        return json.loads(Path(self.inputs["members"]).read_text(encoding="utf-8"))

    @cached_property
    def thresholds(self) -> dict[str, float] | None:
        """The threshold of each class for test predictions; None where the metric needs none."""
        return self._members["thresholds"]

    @cached_property
    def held_out_thresholds(self) -> ByFold | None:
        """By fold, the threshold of each class for out-of-fold predictions; None where the metric needs none."""
        found = self._members["held_out_thresholds"]
        return found and {int(fold): cuts for fold, cuts in found.items()}

    @cached_property
    def calibrations(self) -> dict[str, ClassCalibration]:
        """The calibration of each class; none where detections are not calibrated."""
        path = self.inputs.get("calibration")
        return calibration.read(path) if path else {}

    @cached_property
    def detection_scores(self) -> dict | None:
        """`detection_scores.json`, where detections are scored."""
        path = self.inputs.get("detection_scores")
        return json.loads(Path(path).read_text(encoding="utf-8")) if path else None

    @cached_property
    def histories(self) -> dict[str, dict[int, pd.DataFrame]]:
        """The history of each model and fold."""
        tables = {}
        for (model, fold), path in zip(self.settings["trained"], self.inputs["histories"], strict=True):
            tables.setdefault(model, {})[fold] = store.read_table(path)
        return tables

    @cached_property
    def shards(self) -> list:
        """The arrays and tables of the examples as recorded."""
        paths = zip(self.inputs["arrays"], self.inputs["indexes"], strict=True)
        return [self.read(array, index) for array, index in paths]

    @cached_property
    def usable(self) -> dict[str, list[str]]:
        """The ids of the recordings that could be read, by subset."""
        return {
            subset: [name for path in self.inputs[paths] for name in store.read_table(path).recording_id]
            for subset, paths in (("train", "train_recordings"), ("test", "test_recordings"))
        }

    @cached_property
    def sample_rates(self) -> list[int]:
        """The sample rates (Hz) of the training recordings that could be read, of sound."""
        tables = map(store.read_table, self.inputs["train_recordings"])
        return [int(rate) for table in tables if "sample_rate" in table for rate in table.sample_rate]

    @cached_property
    def quarantine(self) -> pd.DataFrame:
        """`subset, kind, recording_id, place, reason`, all text: what was not used."""
        return store.read_table(self.inputs["quarantine"])

    @property
    def words(self):
        """What the sources of this data set are called."""
        return WORDS[self.settings["sources"]]

    @property
    def row(self) -> str:
        """What is scored out of fold, such as an example."""
        return self.words.recording if self.task.scored == "recording" else self.words.example

    @property
    def rows(self) -> str:
        return self.words.recordings if self.task.scored == "recording" else self.words.examples

    @property
    def test_rows(self) -> str:
        """What predictions of the test recordings are about."""
        return "windows" if self.task.unit == "window" else self.words.recordings

    @cached_property
    def index(self) -> pd.DataFrame:
        """The examples of all shards, with `part` and `row`, their place in `shards`."""
        return examples.of_shards([index for _, index in self.shards], self.folds)

    @cached_property
    def by_id(self) -> pd.DataFrame:
        """The same, by `example_id`."""
        return self.index.set_index("example_id")

    @cached_property
    def scored(self) -> dict[str, analysis.ScoredRows]:
        """What is scored: `out-of-fold`, and `truth` where there is one."""
        rows = {
            "out-of-fold": analysis.out_of_fold(self.task, self.oof, self.by_id, self.held_out_thresholds)
        }
        if self.truth is not None:
            rows["truth"] = analysis.against_truth(self.task, self.predictions, self.truth, self.thresholds)
        return rows

    @cached_property
    def baseline(self) -> dict[str, float | None]:
        """The score of predicting the class `none` alone for every row."""
        return {name: scoring.baseline(self.task, rows.labels) for name, rows in self.scored.items()}

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the out-of-fold score, where there is one."""
        interval = self.scores["oof_interval"]
        return None if self.why_no_interval else (interval["low"], interval["high"])

    @cached_property
    def why_no_interval(self) -> str:
        """Why the out-of-fold score has no interval; empty where it has."""
        low, high = (self.scores["oof_interval"][side] for side in ("low", "high"))
        if not np.isfinite([low, high]).all():
            return "no resample has a score"
        if self.scored["out-of-fold"].keys.recording_id.nunique() == 1:
            return f"only one {self.words.recording} is scored"
        return "all resamples have the same score" if high - low < NARROWEST else ""

    @cached_property
    def scores_by_model(self) -> dict[str, np.ndarray]:
        """The scores (folds,) of each model."""
        entries = pd.DataFrame(self.scores["folds"], columns=["model", "fold", "score"])
        return {model: part.score.to_numpy(dtype=float) for model, part in entries.groupby("model")}

    @property
    def weights(self) -> dict[str, float] | None:
        """The weight of each model where they were fitted; None where all have the same."""
        return self.scores.get("weights")

    @cached_property
    def fold_numbers(self) -> list[int]:
        return sorted(
            {entry["fold"] for entry in self.scores["folds"]} | set(self.folds.fold) - {UNVALIDATED}
        )

    @cached_property
    def _by_fold(self):
        return analysis.class_scores_by_fold(self.task, self.oof, self.fold_numbers, self.held_out_thresholds)

    @property
    def class_scores_by_fold(self) -> np.ndarray:
        """(folds, classes), NaN where a fold has none."""
        return self._by_fold[0]

    @property
    def fold_sizes(self) -> dict[int, int]:
        """How many rows each fold validates."""
        return dict(zip(self.fold_numbers, self._by_fold[1], strict=True))

    @cached_property
    def class_means(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the standard deviation of each class's scores over the folds."""
        return analysis.over_folds(self.class_scores_by_fold)

    @cached_property
    def true_class_scores(self) -> np.ndarray | None:
        """(classes,), against the truth, where there is one."""
        return analysis.class_scores(self.task, self.scored["truth"]) if "truth" in self.scored else None

    @cached_property
    def drawn(self) -> np.ndarray:
        """The numbers of the classes that figures show: all, or of many the best- and the worst-scored."""
        return analysis.extremes(self.class_means[0])

    @cached_property
    def curves(self) -> dict:
        """The precision-recall curves over all classes together, out-of-fold and against the truth."""
        return {name: analysis.precision_recall(rows) for name, rows in self.scored.items()}

    @cached_property
    def confusion(self) -> analysis.Confusion:
        return analysis.confusion(self.task, self.scored["out-of-fold"])

    @cached_property
    def present_counts(self) -> pd.DataFrame:
        """Present examples by class and fold, `UNVALIDATED` among the folds where there are any."""
        folds = self.folds
        counts = folds[folds.presence == "present"].groupby(["label", "fold"]).size().unstack(fill_value=0)
        columns = self.fold_numbers + [UNVALIDATED] * bool((folds.fold == UNVALIDATED).any())
        return counts.reindex(index=self.task.classes, columns=columns, fill_value=0).astype(int)

    @cached_property
    def absent_examples(self) -> int:
        return int((self.folds.presence == "absent").sum())

    @cached_property
    def tested(self) -> list[str]:
        """The ids of the test recordings that have predictions."""
        return [] if self.predictions is None else list(self.predictions.keys.recording_id.unique())

    @cached_property
    def unreadable(self) -> int:
        """How many of these could not be read."""
        return len(set(self.tested) - set(self.usable["test"]))
