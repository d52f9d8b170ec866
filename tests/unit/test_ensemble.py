import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory import ensemble
from understory.tables import InputError

WINDOWS = pd.DataFrame({"recording_id": list("baab"), "x": [0.1, 0.4, 0.2, 0.3], "y": [0.9, 0.0, 0.5, 0.7]})


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("max", [[0.4, 0.5], [0.3, 0.9]]),
        ("mean", [[0.3, 0.25], [0.2, 0.8]]),
        ("top_k_mean", [[0.4, 0.5], [0.3, 0.9]]),
    ],
)
def test_from_windows_to_recordings(method, expected):
    found = ensemble.by_recording(WINDOWS, ["x", "y"], method=method, top_k=1)
    assert found.index.tolist() == ["a", "b"]
    np.testing.assert_allclose(found, expected)


@given(st.integers(1, 6), st.integers(1, 8))
def test_top_k_mean_is_the_mean_of_the_highest(k, count):
    values = np.random.default_rng(count).random(count)
    found = ensemble.by_recording(
        pd.DataFrame({"recording_id": "a", "x": values}), ["x"], method="top_k_mean", top_k=k
    )
    assert found.x.iloc[0] == pytest.approx(np.mean(sorted(values)[::-1][:k]))


def test_from_members_to_the_ensemble():
    members = [np.array([[0.2], [0.8], [0.8]]), np.array([[0.8], [0.4], [0.2]])]
    np.testing.assert_allclose(ensemble.combine(members, method="mean"), [[0.5], [0.6], [0.5]])
    np.testing.assert_allclose(ensemble.combine(members, method="geometric"), [[0.4], [np.sqrt(0.32)], [0.4]])
    np.testing.assert_allclose(
        ensemble.combine(members, method="rank"), [[(1 + 3) / 6], [(2.5 + 2) / 6], [(2.5 + 1) / 6]]
    )
    assert np.isfinite(ensemble.combine([np.zeros((2, 1))], method="geometric")).all()


def test_members_of_different_rows_are_refused():
    tables = [pd.DataFrame({"recording_id": ids, "x": [0.1, 0.2]}) for ids in (["a", "b"], ["b", "a"])]
    with pytest.raises(InputError, match="not of the same rows"):
        ensemble.align(tables, ["recording_id"], ["x"])


PREDICTIONS = pd.DataFrame({"s1": [0.1, 0.2], "s0": [0.3, 1.0]}, index=["a", "b"])


def test_a_submission_has_the_samples_ids_and_columns_in_its_order():
    table = ensemble.submission(PREDICTIONS, id_column="id", ids=["b", "a"], labels=["s0", "s1"])
    assert table.to_csv(index=False) == "id,s0,s1\nb,1.0,0.2\na,0.3,0.1\n"


@pytest.mark.parametrize(
    ("change", "ids", "message"),
    [
        ({}, ["a", "b", "c"], "missing for 1: c"),
        ({}, ["a", "b", "a"], "repeated are a"),
        ({"s0": [0.3, np.nan]}, ["a", "b"], "found others for b"),
        ({"s0": [1.1, 0.2]}, ["a", "b"], "found others for a"),
        ({"s0": [-0.1, np.inf]}, ["a", "b"], "found others for a, b"),
    ],
)
def test_anything_else_is_an_error_that_lists_the_ids(change, ids, message):
    with pytest.raises(InputError, match=message):
        ensemble.submission(PREDICTIONS.assign(**change), id_column="id", ids=ids, labels=["s0", "s1"])


def test_a_column_without_a_prediction_is_named():
    with pytest.raises(InputError, match="every column of the sample submission, missing for s2"):
        ensemble.submission(PREDICTIONS, id_column="id", ids=["a"], labels=["s0", "s2"])
