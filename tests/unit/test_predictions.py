import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from understory.core.errors import InputError
from understory.data import predictions, ranking, store
from understory.data.predictions import Predictions

# Few distinct values, so that ties are common.
values = st.tuples(st.integers(0, 6), st.integers(1, 7)).flatmap(
    lambda shape: hnp.arrays(
        np.float32, shape, elements=st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 1.0, 1e-9, np.nan])
    )
)


def made(array):
    keys = pd.DataFrame({"recording_id": [f"0{n}" for n in range(array.shape[0])], "start": 2.5})
    return Predictions(keys, array, [f"c{n}" for n in range(array.shape[1])])


def naive_order(row):
    """The classes of a row, highest first."""
    return sorted(range(len(row)), key=lambda n: (-np.inf if np.isnan(row[n]) else -row[n], n))


def naive_top(array, k):
    out = np.zeros_like(array)
    for row, kept in zip(array, out, strict=True):
        for number in naive_order(row)[:k]:
            kept[number] = row[number]
    return out


@given(values, st.integers(1, 8))
def test_the_highest_of_each_row_are_kept(array, k):
    found = ranking.top_k(array, k)
    np.testing.assert_array_equal(found.toarray(), naive_top(array, k))
    assert (found.data != 0).all()
    assert found.dtype == array.dtype
    again = ranking.top_k(ranking.top_k(array, array.shape[1]), k)
    np.testing.assert_array_equal(again.toarray(), found.toarray())


@given(values)
def test_the_highest_class_is_that_of_the_dense_array(array):
    array = np.nan_to_num(array)
    assert ranking.highest(sparse.csr_array(array)).tolist() == array.argmax(axis=1).tolist()
    assert ranking.highest(array).tolist() == array.argmax(axis=1).tolist()


def test_a_zero_that_is_kept_is_no_higher_than_one_that_is_not():
    kept = sparse.csr_array((np.array([0.0]), (np.array([0]), np.array([2]))), shape=(1, 3))
    assert kept.nnz == 1
    assert ranking.highest(kept).tolist() == [0]


def test_many_rows_are_looked_through_in_parts(monkeypatch):
    array = np.random.default_rng(0).random((23, 5))
    whole = ranking.top_k(array, 2)
    monkeypatch.setattr(ranking, "CELLS", 11)
    assert (ranking.top_k(array, 2) != whole).nnz == 0


def test_many_rows_of_sparse_predictions_are_looked_through_and_written_in_parts(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    array = rng.choice([0.0, 0.25, 0.5, 1.0], (23, 5))
    # Those with the most classes in the last part.
    array[:20, 2:] = 0

    def made_of(array):
        found = made(array)
        predictions.write(tmp_path / "dense.csv", found)
        predictions.write(tmp_path / "sparse.csv", found, top_k=4)
        rows = sparse.csr_array(array)
        return (
            (tmp_path / "dense.csv").read_bytes(),
            (tmp_path / "sparse.csv").read_bytes(),
            ranking.top_k(rows, 2).toarray().tolist(),
            ranking.highest(rows).tolist(),
        )

    whole = made_of(array)
    monkeypatch.setattr(ranking, "CELLS", 11)
    monkeypatch.setattr(predictions, "ROWS", 4)
    assert made_of(array) == whole
    assert whole[3] == array.argmax(axis=1).tolist()


@given(values, st.integers(1, 8))
def test_sparse_predictions_come_back(tmp_path_factory, array, k):
    path, given_ = tmp_path_factory.mktemp("p") / "p.csv", made(array)
    predictions.write(path, given_, top_k=k)
    found = predictions.read(path, given_.classes)
    np.testing.assert_array_equal(found.values.toarray().astype(np.float32), naive_top(array, k))
    assert found.keys.recording_id.tolist() == given_.keys.recording_id.tolist()
    assert found.keys.columns.tolist() == ["recording_id", "start"]
    text = path.read_text()
    predictions.write(path, found)
    assert path.read_text() == text


def test_sparse_predictions_are_pairs_of_class_and_probability_highest_first(tmp_path):
    array = np.array([[0.25, 0.5, 0.5, 0.0], [0.0, 0.0, 1 / 3, 0.0], [0.0] * 4], dtype=np.float32)
    predictions.write(tmp_path / "p.csv", made(array), top_k=3)
    assert (tmp_path / "p.csv").read_text() == (
        "recording_id,start,class_0,p_0,class_1,p_1,class_2,p_2\n"
        "00,2.5,1,0.5,2,0.5,0,0.25\n01,2.5,2,0.333333343,,,,\n02,2.5,,,,,,\n"
    )


def test_nothing_but_zeros_and_no_rows_at_all_come_back(tmp_path):
    for array in (np.zeros((2, 3)), np.zeros((0, 3))):
        predictions.write(tmp_path / "p.csv", made(array), top_k=2)
        found = predictions.read(tmp_path / "p.csv", ["c0", "c1", "c2"])
        assert found.values.shape == array.shape
        assert found.values.nnz == 0


@given(values)
def test_dense_predictions_are_a_column_a_class(tmp_path_factory, array):
    path, given_ = tmp_path_factory.mktemp("p") / "p.csv", made(array)
    predictions.write(path, given_)
    store.write_table(
        path.with_suffix(".naive"),
        pd.concat([given_.keys, pd.DataFrame(array, columns=list(given_.classes))], axis=1),
    )
    assert path.read_bytes() == path.with_suffix(".naive").read_bytes()
    found = predictions.read(path, given_.classes)
    np.testing.assert_array_equal(found.values.astype(np.float32), array)
    assert found.keys.columns.tolist() == ["recording_id", "start"]


def test_predictions_of_other_classes_are_refused(tmp_path):
    predictions.write(tmp_path / "p.csv", made(np.ones((1, 3))), top_k=3)
    with pytest.raises(
        InputError, match=r"expected predictions of 2 classes, found class numbers from 0 to 2"
    ):
        predictions.read(tmp_path / "p.csv", ["c0", "c1"])
    predictions.write(tmp_path / "p.csv", made(np.ones((1, 3))))
    with pytest.raises(InputError, match="expected predictions of 2 classes, found neither a column of each"):
        predictions.read(tmp_path / "p.csv", ["c0", "other"])
    odd = Predictions(pd.DataFrame({"recording_id": ["a"]}), np.ones((1, 1)), ["class_0"])
    with pytest.raises(InputError, match="expected classes other than class_0"):
        predictions.write(tmp_path / "p.csv", odd, top_k=1)


def test_rows_are_taken_and_put_together():
    for array in (np.arange(6.0).reshape(3, 2), sparse.csr_array(np.arange(6.0).reshape(3, 2))):
        part = made(array)
        whole = predictions.concatenate([part.take([2, 0]), part.take([1])])
        assert whole.keys.recording_id.tolist() == ["02", "00", "01"]
        dense = whole.values.toarray() if sparse.issparse(whole.values) else whole.values
        assert dense.tolist() == [[4, 5], [0, 1], [2, 3]]
    with pytest.raises(ValueError, match="expected predictions of shape"):
        Predictions(pd.DataFrame({"a": [1]}), np.ones((2, 1)), ["x"])
