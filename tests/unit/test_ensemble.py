import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from understory.core.errors import InputError
from understory.data.predictions import Predictions
from understory.evaluation import ensemble


def of_recordings(names, values, **keys):
    values = values if sparse.issparse(values) else np.asarray(values)
    return Predictions(
        pd.DataFrame({"recording_id": list(names), **keys}), values, "xyzvwu"[: values.shape[1]]
    )


WINDOWS = of_recordings("baab", np.array([[0.1, 0.4, 0.2, 0.3], [0.9, 0.0, 0.5, 0.7]]).T)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("max", [[0.4, 0.5], [0.3, 0.9]]),
        ("mean", [[0.3, 0.25], [0.2, 0.8]]),
        ("top_k_mean", [[0.4, 0.5], [0.3, 0.9]]),
        ("votes", [[0.5, 0.5], [0, 1]]),
    ],
)
def test_from_windows_to_recordings(method, expected):
    found = ensemble.by_recording(WINDOWS, method=method, top_k=1)
    assert found.keys.recording_id.tolist() == ["a", "b"]
    np.testing.assert_allclose(found.values, expected)


@given(st.integers(1, 6), st.integers(1, 8))
def test_top_k_mean_is_the_mean_of_the_highest(k, count):
    values = np.random.default_rng(count).random(count)
    found = ensemble.by_recording(of_recordings("a" * count, values[:, None]), method="top_k_mean", top_k=k)
    assert found.values[0, 0] == pytest.approx(np.mean(sorted(values)[::-1][:k]))


few = st.sampled_from([0.0, 0.0, 0.125, 0.5, 0.75, 1.0])
shapes = st.tuples(st.integers(1, 8), st.integers(1, 6))


@given(
    shapes.flatmap(lambda shape: hnp.arrays(float, shape, elements=few)),
    st.lists(st.sampled_from("abc"), min_size=8, max_size=8),
    st.sampled_from(["max", "mean", "top_k_mean", "votes"]),
    st.integers(1, 4),
)
def test_recordings_of_sparse_windows_are_those_of_dense_ones(values, names, method, k):
    names = names[: len(values)]
    dense = ensemble.by_recording(of_recordings(names, values), method=method, top_k=k)
    found = ensemble.by_recording(of_recordings(names, sparse.csr_array(values)), method=method, top_k=k)
    pd.testing.assert_frame_equal(found.keys, dense.keys)
    np.testing.assert_allclose(found.values.toarray(), dense.values, rtol=1e-14)
    if method == "votes":
        naive = [
            [
                np.mean([row.argmax() == c for row, of in zip(values, names, strict=True) if of == name])
                for c in range(values.shape[1])
            ]
            for name in sorted(set(names))
        ]
        np.testing.assert_allclose(dense.values, naive)


def test_from_members_to_the_ensemble():
    members = [np.array([[0.2], [0.8], [0.8]]), np.array([[0.8], [0.4], [0.2]])]
    np.testing.assert_allclose(ensemble.combine(members, method="mean"), [[0.5], [0.6], [0.5]])
    np.testing.assert_allclose(ensemble.combine(members, method="geometric"), [[0.4], [np.sqrt(0.32)], [0.4]])
    np.testing.assert_allclose(
        ensemble.combine(members, method="rank"), [[(1 + 3) / 6], [(2.5 + 2) / 6], [(2.5 + 1) / 6]]
    )
    assert np.isfinite(ensemble.combine([np.zeros((2, 1))], method="geometric")).all()


@given(
    shapes.flatmap(lambda shape: hnp.arrays(float, (3, *shape), elements=few)),
    st.sampled_from(["mean", "geometric"]),
)
def test_an_ensemble_of_sparse_members_is_that_of_dense_ones(members, method):
    found = ensemble.combine(
        [sparse.csr_array(members[0]), members[1], sparse.csr_array(members[2])], method=method
    )
    expected = ensemble.combine(members, method=method)
    # What no member has is 0, and not the floor of the logarithms.
    expected[(members == 0).all(axis=0)] = 0
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12)


def test_the_members_of_an_ensemble_stay_as_they_are():
    members = [sparse.csr_array([[0.5, 0.0]]), sparse.csr_array([[0.25, 0.5]])]
    ensemble.combine(members, method="geometric")
    assert members[0].toarray().tolist() == [[0.5, 0]]


def test_sparse_members_have_no_ranks():
    with pytest.raises(InputError, match=r"ensemble.folds: expected mean or geometric.*given rank"):
        ensemble.combine([sparse.csr_array([[0.5]]), np.ones((1, 1))], method="rank")


def test_members_of_different_rows_are_refused():
    members = [of_recordings(names, [[0.1], [0.2]]) for names in ("ab", "ba")]
    with pytest.raises(InputError, match="not of the same rows"):
        ensemble.align(members)
    start = [np.nan, 1.0]
    same = [of_recordings("ab", [[0.1], [0.2]], start=start) for _ in range(2)]
    assert [values.tolist() for values in ensemble.align(same)] == [[[0.1], [0.2]]] * 2


PRIORS = pd.Series({"z": 0.0, "y": 0.25, "x": 0.75})


def test_priors_are_the_shares_of_what_is_validated_against():
    folds = pd.DataFrame(
        {"label": list("xyxxzz"), "presence": ["present"] * 5 + ["absent"], "fold": [0, 1, 1, -1, -1, 0]}
    )
    assert ensemble.priors(folds, ["z", "y", "x"]).tolist() == [0, 1 / 3, 2 / 3]


def test_what_could_not_be_read_gets_the_priors_below_all_predictions():
    found = ensemble.with_priors(of_recordings("ca", [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), ["b", "a"], PRIORS)
    assert found.keys.recording_id.tolist() == ["a", "b", "c"]
    # The lowest of x is 0.1, so its prior of 0.75 is scaled to that.
    np.testing.assert_allclose(found.values, [[0.4, 0.5, 0.6], [0.1, 0.1 / 3, 0], [0.1, 0.2, 0.3]])
    none = ensemble.with_priors(of_recordings("", np.zeros((0, 3))), ["b"], PRIORS)
    assert none.values.tolist() == [[0.75, 0.25, 0]]


@given(
    hnp.arrays(float, (4, 3), elements=st.floats(0, 1)),
    hnp.arrays(float, 3, elements=st.sampled_from([0.0, 0.1, 0.25, 0.9])),
)
def test_nothing_unreadable_outranks_a_prediction(values, priors):
    found = ensemble.with_priors(of_recordings("abcd", values), ["e"], dict(zip("xyz", priors, strict=True)))
    own = found.values[4]
    assert (own <= np.maximum(values.min(axis=0), ensemble.FLOOR)).all()
    # In the order of the priors.
    assert (np.diff(own[np.argsort(priors)]) >= 0).all()
    assert ((own > 0) == (priors > 0)).all()


def test_where_rows_are_windows_it_has_one_without_a_time():
    windows = of_recordings("cca", np.eye(3) / 2 + 0.25, start=[5, 0, 0], stop=[10.0, 5.0, 5.0])
    found = ensemble.with_priors(windows, ["b"], PRIORS)
    assert found.keys.recording_id.tolist() == ["a", "b", "c", "c"]
    assert found.keys.start.tolist()[2:] == [0, 5]
    assert found.keys.loc[1, ["start", "stop"]].isna().all()
    np.testing.assert_allclose(found.values[1], [0.25, 0.25 / 3, 0])


def test_where_no_priors_are_wanted_the_row_is_empty():
    found = ensemble.with_priors(of_recordings("a", [[0.1, 0.2, 0.3]]), ["b"], None)
    assert np.isnan(found.values[1]).all()
    assert found.values[0].tolist() == [0.1, 0.2, 0.3]


def test_classes_without_an_example_are_never_predicted():
    values = np.array([[0.1, 0.9, 0.5], [0.4, 0.5, 0.6]])
    dense = ensemble.without(of_recordings("ab", values), ["y"])
    assert dense.values.tolist() == [[0.1, 0, 0.5], [0.4, 0, 0.6]]
    assert ensemble.without(of_recordings("ab", sparse.csr_array(values)), ["y"]).values.nnz == 4
    assert values[0, 1] == 0.9
    same = of_recordings("ab", values)
    assert ensemble.without(same, []) is same


def test_priors_of_sparse_predictions_are_no_more_than_a_row_holds():
    windows = of_recordings("ca", sparse.csr_array([[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    found = ensemble.with_priors(windows, ["b"], PRIORS)
    assert found.values.toarray().tolist() == [[0, 0, 0], [0.75 * ensemble.FLOOR, 0, 0], [0.5, 0, 0]]
