"""The trial of what a reader writes."""

import json
import types

import pandas as pd
import pytest

from understory.core.errors import InputError
from understory.data import source
from understory.data.dataset import Dataset, Quarantined, Recording
from understory.data.task import Task
from understory.evaluation import trials

NAMES = ("a", "b")


def submission(template, predictions, decisions):
    return pd.DataFrame({"file": template[1], "best": predictions[["x", "y"]].idxmax(axis=1)})


def tried(monkeypatch, tmp_path, *, quarantined=(), top_k=None, labels=None, **changes):
    names = {
        "METRIC": "lwlrap",
        "UNIT": "recording",
        "submission_template": lambda folder: ("file", [*NAMES], ["best"]),
        "submission": submission,
        **changes,
    }
    reader = types.SimpleNamespace(**{key: value for key, value in names.items() if value is not None})
    monkeypatch.setattr(source, "reader", lambda name: reader)
    recordings = tuple(Recording(name, name, "test") for name in NAMES)
    tables = Dataset(("x", "y"), recordings, (), False, quarantined=quarantined)
    trials.try_reader(tables, source.Source("mine", str(tmp_path), "all"), top_k=top_k, labels=labels)


def test_a_reader_that_keeps_its_contract_passes(monkeypatch, tmp_path):
    tried(monkeypatch, tmp_path)
    tried(
        monkeypatch,
        tmp_path,
        submission=None,
        submission_template=lambda folder: ("file", ["b", "a"], ["y", "x"]),
    )


def test_what_is_quarantined_has_a_row_by_its_id(monkeypatch, tmp_path):
    odd = Quarantined("test", "recording", "c\nd", "new", "expected plain text")
    template = {"submission_template": lambda folder: ("file", [*NAMES, "c\nd"], ["best"])}
    tried(monkeypatch, tmp_path, quarantined=(odd,), **template)
    with pytest.raises(InputError, match="submission: expected the 3 ids of the sample submission"):
        tried(
            monkeypatch,
            tmp_path,
            submission=lambda t, p, d: pd.DataFrame({"file": p.recording_id, "best": "x"}),
            **template,
        )


def test_predictions_are_given_as_the_run_will_give_them(monkeypatch, tmp_path):
    seen = []

    def remember(template, predictions, decisions):
        seen.append((predictions, decisions))
        return pd.DataFrame({"file": template[1], "best": "x"})

    tried(monkeypatch, tmp_path, submission=remember, METRIC="row_f1", UNIT="window")
    tried(monkeypatch, tmp_path, submission=remember, top_k=1)
    (windows, decided), (highest, none) = seen
    assert list(windows) == ["recording_id", "start", "stop", "x", "y"]
    assert decided == [["x"], ["x"]]
    assert highest.values.nnz == 2
    assert none is None


def test_the_classes_of_models_of_another_run_count(monkeypatch, tmp_path):
    """Not those of the tables, which may have none."""
    labels = tmp_path / "labels.json"
    task = Task(["x", "other"], False, "lwlrap", "recording", "example", None)
    labels.write_text(json.dumps(task._asdict()))
    template = {"submission": None, "submission_template": lambda folder: ("file", [*NAMES], ["x", "y"])}
    tried(monkeypatch, tmp_path, **template)
    with pytest.raises(InputError, match="missing for y"):
        tried(monkeypatch, tmp_path, labels=labels, **template)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"submission_template": lambda folder: ("file", 5, None)}, "the ids and the other columns, found"),
        ({"submission_template": lambda folder: "file"}, "to return the id column"),
        ({"submission_template": lambda folder: ("file", [*NAMES], "best")}, "as lists, found text"),
        ({"submission_template": lambda folder: ("file", [1, 2], ["best"])}, "all of them text, found 1"),
        ({"submission_template": lambda folder: ("file", ["a\udce9"], ["best"])}, "rename that file"),
        ({"submission_template": lambda folder: 1 / 0}, "trial submission: ZeroDivisionError"),
        (
            {"submission": lambda template, p, d: p.no_such},
            r"submission\(…\) failed in a trial submission: AttributeError",
        ),
        ({"submission": lambda template, p, d: None}, "to return a pandas.DataFrame, found NoneType"),
        ({"submission": lambda template, p, d: p}, "submission: expected the columns file, best"),
        (
            {"submission_template": lambda folder: ("file", ["a", "b", "c"], ["best"])},
            "ValueError: array length 3 does not match",
        ),
        ({"submission": None}, "missing for best"),
        (
            {"submission": None, "submission_template": lambda folder: ("file", ["a", "z"], ["x"])},
            "every id of the sample submission, missing for 1: z",
        ),
    ],
)
def test_mistakes_are_said_before_any_job(monkeypatch, tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        tried(monkeypatch, tmp_path, **changes)
