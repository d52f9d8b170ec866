import json

import baseline
import pandas as pd
import pytest
from sklearn.metrics import f1_score

# Labels of four rows, the first two of one recording.
PRESENT = ["b", "a", "b", "a;c"]


def run(folder, metric, present, **changes):
    """What a run leaves behind, with three classes or two."""
    classes = ["a", "b", "c"][: 2 if metric == "roc_auc" else 3]
    task = {
        "classes": classes,
        "exhaustive": True,
        "metric": metric,
        "unit": "recording",
        "scored": "example",
        "none": None,
        **changes,
    }
    (folder / "ensemble").mkdir()
    (folder / "labels.json").write_text(json.dumps(task))
    keys = {"example_id": ["1", "2", "3", "4"], "recording_id": ["x", "x", "y", "z"], "present": present}
    table = pd.DataFrame({**keys, **{name: [0.1, 0.2, 0.9, 0.4] for name in classes}})
    table.to_csv(folder / "ensemble/oof.csv", index=False)
    scores = {"name": "mine", "metric": metric, "oof": 0.25, "oof_interval": {"low": 0.1, "high": 0.5}}
    (folder / "scores.json").write_text(json.dumps(scores))
    return folder


@pytest.mark.parametrize(
    ("metric", "present", "expected"),
    [
        # Always b, which is as frequent as a.
        ("row_f1", PRESENT, (1 + 0 + 1 + 0) / 4),
        ("row_f1", ["b", "a", "a", "a;c"], (0 + 1 + 1 + 2 / 3) / 4),
        ("accuracy", ["a", "a", "b", "a"], 3 / 4),
        ("macro_f1", ["a", "a", "b", "a"], f1_score(list("aaba"), list("aaaa"), average="macro")),
        ("roc_auc", ["a", "b", "b", "a"], 0.5),
        # In the order b, a, c: of the last row half and two thirds.
        ("lwlrap", PRESENT, (1 + 1 / 2 + 1 + 1 / 2 + 2 / 3) / 5),
    ],
)
def test_the_baseline_is_the_score_of_one_answer_for_all(tmp_path, metric, present, expected):
    assert baseline.baseline(run(tmp_path, metric, present)) == pytest.approx(expected)


def test_the_baseline_is_of_the_rows_that_are_scored(tmp_path):
    """Of three recordings, not of four examples."""
    folder = run(tmp_path, "accuracy", ["b", "b", "a", "a"], scored="recording")
    assert baseline.baseline(folder) == pytest.approx(2 / 3)


def test_a_row_of_the_table(tmp_path):
    found = baseline.row(run(tmp_path, "accuracy", ["a", "a", "b", "a"]))
    assert found == "| mine | accuracy | 0.250 | 0.100 to 0.500 | 0.750 |"
