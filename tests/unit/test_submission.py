import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from understory.core.errors import InputError
from understory.evaluation import submission

PREDICTIONS = pd.DataFrame({"s1": [0.1, 0.2], "s0": [0.3, 1.0]}, index=["a", "b"])


def test_a_submission_has_the_samples_ids_and_columns_in_its_order():
    table = submission.table(PREDICTIONS, id_column="id", ids=["b", "a"], labels=["s0", "s1"])
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
        submission.table(PREDICTIONS.assign(**change), id_column="id", ids=ids, labels=["s0", "s1"])


def test_a_column_without_a_prediction_is_named():
    with pytest.raises(InputError, match="every column of the sample submission, missing for s2"):
        submission.table(PREDICTIONS, id_column="id", ids=["a"], labels=["s0", "s2"])


def test_sparse_probabilities_are_checked_too():
    submission.check_probabilities(sparse.csr_array([[0.5, 0.0]]), ["a"])
    with pytest.raises(InputError, match=r"found others for b, c$"):
        submission.check_probabilities(sparse.csr_array([[0.5, 0.0], [0, np.nan], [2, -1]]), ["a", "b", "c"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"row": ["b", "a"], "birds": ["x", "y"]}, "once and in its order, found 2; wrong are a, b"),
        ({"row": ["a", "b", "b"], "birds": ["x", "y", "y"]}, "found 3; wrong are those that are repeated"),
        ({"row": ["a", "c"], "birds": ["x", "y"]}, "wrong are b, c"),
        ({"row": ["a", "b"], "bird": ["x", "y"]}, "columns row, birds, found row, bird"),
        ({"row": ["a", "b"], "birds": ["x", " "]}, "a value in every cell, found none for b"),
        ({"row": ["a", "b"], "birds": [None, "x"]}, "a value in every cell, found none for a"),
    ],
)
def test_a_readers_own_submission_is_held_against_the_sample(table, message):
    form = {"id_column": "row", "ids": ["a", "b"], "columns": ["birds"]}
    submission.check_submission(pd.DataFrame({"row": ["a", "b"], "birds": ["x y", "0"]}), **form)
    with pytest.raises(InputError, match=message):
        submission.check_submission(pd.DataFrame(table), **form)
