"""What is scored: the task's rows, and decisions that have seen nothing of them."""

import numpy as np
import pandas as pd
import pytest

from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import analysis, intervals, scoring

BIRDS = Task(["a", "b", "none"], True, "row_f1", "window", "example", "none")
SCANS = Task(["0", "1"], True, "roc_auc", "recording", "recording", None)


def birds(rng, rows=120):
    truth = rng.random((rows, 2)) < 0.3
    present = [
        ";".join(label for label, there in zip("ab", row, strict=True) if there) or "none" for row in truth
    ]
    values = np.clip(0.2 + 0.5 * truth + rng.normal(0, 0.15, truth.shape), 0, 1)
    values = np.c_[values, 1 - values.max(axis=1)]
    keys = pd.DataFrame(
        {
            "example_id": [f"e{row}" for row in range(rows)],
            "recording_id": [f"r{row // 4}" for row in range(rows)],
            "present": present,
            "fold": np.arange(rows) // 4 % 3,
        }
    )
    return Predictions(keys, values, BIRDS.classes)


def naive_f1(truth, decided):
    truth, decided = set(truth.split(";")), set(decided)
    return 2 * len(truth & decided) / (len(truth) + len(decided))


def out_of_fold(task, found, fixed):
    scored = scoring.scored_predictions(task, found)
    return scoring.out_of_fold(task, scored.keys, held_out(task, scored, fixed), seed=0)


def held_out(task, scored, fixed):
    return scoring.held_out(task, scored, scoring.held_out_thresholds(task, scored, fixed))


def test_a_fixed_threshold_decides_all_rows():
    found = birds(np.random.default_rng(0))
    cuts = scoring.thresholds(BIRDS, found, 0.5)
    assert cuts == {"a": 0.5, "b": 0.5, "none": 0.5}
    decided = [
        [label for label, value in zip("ab", row, strict=False) if value > 0.5]
        + ["none"] * bool(row[2] > 0.5 or (row[:2] <= 0.5).all())
        for row in found.values
    ]
    expected = np.mean([naive_f1(*pair) for pair in zip(found.keys.present, decided, strict=True)])
    score, _ = out_of_fold(BIRDS, found, 0.5)
    assert score == pytest.approx(expected)


def test_a_folds_rows_have_no_part_in_their_thresholds():
    """Its truth turned upside down changes how it is scored, and nothing of what is decided for it."""
    found = birds(np.random.default_rng(1))
    before = held_out(BIRDS, found, None)
    rows = (found.keys.fold == 1).to_numpy()
    keys = found.keys.copy()
    keys.loc[rows, "present"] = np.where(keys.present[rows] == "none", "a;b", "none")
    turned = held_out(BIRDS, Predictions(keys, found.values, found.classes), None)
    assert (before[rows] != turned[rows]).nnz == 0
    assert (before[~rows] != turned[~rows]).nnz > 0
    assert scoring.scores_by_fold(BIRDS, found, None).keys() == {0, 1, 2}


def test_a_recording_is_scored_once_by_the_mean_of_its_examples():
    keys = pd.DataFrame(
        {
            "example_id": ["a1", "a2", "a3", "b1", "c1", "c2"],
            "recording_id": ["a", "a", "a", "b", "c", "c"],
            "present": ["1", "1", "1", "0", "0", "0"],
            "fold": [0, 0, 0, 0, 1, 1],
        }
    )
    second = np.array([0.1, 0.2, 0.9, 0.3, 0.6, 0.1])
    found = Predictions(keys, np.c_[1 - second, second], SCANS.classes)
    means_of = scoring.scored_predictions(SCANS, found)
    assert list(means_of.keys.recording_id) == ["a", "b", "c"]
    np.testing.assert_allclose(means_of.values[:, 1], [0.4, 0.3, 0.35])
    score, interval = out_of_fold(SCANS, found, None)
    assert score == 1.0
    assert isinstance(interval, intervals.Interval)
    by_fold = scoring.scores_by_fold(SCANS, found, None)
    assert by_fold[0] == 1.0
    assert np.isnan(by_fold[1])
    by_example = out_of_fold(SCANS._replace(scored="example"), found, None)[0]
    assert by_example < 1


@pytest.mark.parametrize("fixed", [0.5, None])
def test_recordings_may_be_decided_on_as_well(fixed):
    """Their means pass thresholds, fold by fold as all together."""
    task, found = BIRDS._replace(scored="recording"), birds(np.random.default_rng(2))
    keys = found.keys.assign(present=found.keys.groupby("recording_id").present.transform("first"))
    found = Predictions(keys, found.values, found.classes)
    by_fold = scoring.scores_by_fold(task, found, fixed)
    means = scoring.scored_predictions(task, found)
    counts = means.keys.fold.value_counts()
    whole, _ = out_of_fold(task, found, fixed)
    assert whole == pytest.approx(sum(by_fold[n] * counts[n] for n in by_fold) / counts.sum())
    assert 0 < whole < 1


def test_a_recording_with_examples_in_several_folds_is_decided_in_that_of_the_first():
    """Its thresholds are those of that fold, and no other fold may have any."""
    task, found = BIRDS._replace(scored="recording"), birds(np.random.default_rng(3))
    recordings = [f"r{number // 2}" for number in range(len(found))]
    keys = found.keys.assign(recording_id=recordings, fold=np.arange(len(found)) % 2)
    found = Predictions(keys, found.values, found.classes)
    cuts = scoring.held_out_thresholds(task, scoring.scored_predictions(task, found), 0.5)
    assert list(cuts) == list(scoring.scores_by_fold(task, found, 0.5)) == [0]
    scores, sizes = analysis.class_scores_by_fold(task, found, [0, 1], cuts)
    assert sizes == [len(set(recordings)), 0]
    assert np.isfinite(scores[0]).all()
    assert np.isnan(scores[1]).all()


def test_windows_without_a_truth_are_not_scored():
    """As where the truth has a row each 5 s, and predictions each 2.5 s."""
    task = Task(["a", "b"], True, "lwlrap", "window", "example", None)
    keys = pd.DataFrame({"recording_id": ["r"] * 3, "start": [0.0, 2.5, 5.0]})
    tested = Predictions(keys, np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8]]), ("a", "b"))
    truth = pd.DataFrame({"recording_id": ["r", "r"], "start": [0.0, 5.0], "a": [1, 0], "b": [0, 1]})
    labels, told = scoring.with_truth(task, tested, truth)
    assert labels.tolist() == [[1, 0], [0, 1]]
    assert told.keys.start.tolist() == [0.0, 5.0]
    assert scoring.score(task, labels, told.values) == 1
