import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import label_ranking_average_precision_score

from understory import scores
from understory.metrics import LabelRankingPrecision
from understory.streams import Stage, stream

shapes = st.tuples(st.integers(1, 12), st.integers(2, 7))


@st.composite
def cases(draw):
    shape = draw(shapes)
    labels = draw(hnp.arrays(np.int8, shape, elements=st.sampled_from([1, 0, -1])))
    # Few distinct values, so that ties are common.
    predictions = draw(
        hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 1.0]))
    )
    return labels.astype(np.float32), predictions, draw(st.integers(1, 5))


def by_scikit_learn(labels, predictions):
    present = labels > 0.5
    return label_ranking_average_precision_score(present, predictions, sample_weight=present.sum(axis=1))


@settings(max_examples=150, deadline=None)
@given(cases())
@example((np.ones((1, 3), np.float32), np.full((1, 3), 0.5, np.float32), 1))
@example((np.array([[0, 0], [1, 0]], np.float32), np.array([[1, 0], [0, 1]], np.float32), 1))
def test_the_streamed_metric_equals_scikit_learn(case):
    labels, predictions, batch = case
    metric = LabelRankingPrecision()
    for start in range(0, len(labels), batch):
        metric.update_state(labels[start : start + batch], predictions[start : start + batch])
    if (labels > 0.5).any():
        expected = by_scikit_learn(labels, predictions)
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
        assert scores.lwlrap(labels, predictions) == pytest.approx(expected, abs=1e-12)
        # The classes' parts, weighted by their labels, make the whole.
        parts, counts = scores.class_scores(labels, predictions), (labels > 0.5).sum(axis=0)
        assert np.nansum(parts * counts) / counts.sum() == pytest.approx(expected, abs=1e-9)
    else:
        assert float(metric.result()) == 0
        assert np.isnan(scores.lwlrap(labels, predictions))


def test_the_metric_forgets_when_reset_and_comes_back_from_its_config():
    metric = LabelRankingPrecision()
    metric.update_state([[1.0, 0.0]], [[0.1, 0.9]])
    assert float(metric.result()) == 0.5
    metric.reset_state()
    assert float(metric.result()) == 0
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert isinstance(again, LabelRankingPrecision)
    assert again.name == "lwlrap"


def test_many_rows_are_ranked_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 2, size=(50, 7)), rng.random((50, 7))
    whole = scores.lwlrap(labels, predictions)
    monkeypatch.setattr(scores, "CELLS", 150)
    assert scores.lwlrap(labels, predictions) == whole == pytest.approx(by_scikit_learn(labels, predictions))


def test_accuracy():
    labels = np.eye(3)[[0, 1, 2, 2]]
    predictions = np.eye(3)[[0, 1, 2, 0]]
    assert scores.accuracy(labels, predictions) == 0.75
    assert np.isnan(scores.accuracy(labels[:0], predictions[:0]))


def test_one_label_of_24_ranked_at_random_scores_as_the_harmonic_number_says():
    rng = np.random.default_rng(0)
    labels = np.eye(24)[rng.integers(24, size=4000)]
    assert scores.lwlrap(labels, rng.random((4000, 24))) == pytest.approx(
        sum(1 / k for k in range(1, 25)) / 24, abs=0.01
    )


@pytest.mark.parametrize("metric", ["lwlrap", "accuracy"])
def test_chance_is_that_of_predictions_whose_rows_change_places(metric):
    rng = np.random.default_rng(2)
    labels = rng.choice([-1, 0, 1], size=(30, 5), p=[0.3, 0.4, 0.3])
    predictions = rng.integers(4, size=labels.shape) / 4
    draws = stream(3, Stage.INTERVAL, metric)
    naive = [scores.SCORES[metric](labels, predictions[draws.permutation(30)]) for _ in range(50)]
    found = scores.chance_interval(metric, labels, predictions, seed=3, permutations=50)
    assert found == pytest.approx(np.quantile(naive, [0.005, 0.995]), abs=1e-12)


@pytest.mark.parametrize("metric", ["lwlrap", "accuracy"])
def test_nothing_to_score_has_no_chance(metric):
    assert np.isnan(scores.chance_interval(metric, np.zeros((0, 3)), np.zeros((0, 3)), seed=1)).all()


def test_recalls_make_the_accuracy():
    labels, predictions = np.eye(3)[[0, 0, 1, 1, 1]], np.eye(3)[[0, 1, 1, 1, 2]]
    recalls = scores.class_recalls(labels, predictions)
    np.testing.assert_array_equal(recalls, [1 / 2, 2 / 3, np.nan])
    assert (recalls[:2] * [2, 3]).sum() / 5 == scores.accuracy(labels, predictions)


def test_chance_holds_random_predictions_and_not_good_ones():
    rng = np.random.default_rng(1)
    labels = np.eye(6)[rng.integers(6, size=80)]
    good = labels + rng.normal(scale=0.6, size=labels.shape)
    low, high = scores.chance_interval("lwlrap", labels, good, seed=1)
    assert high < scores.lwlrap(labels, good)
    assert low <= scores.lwlrap(labels, rng.permutation(good)) <= high
    assert (low, high) == scores.chance_interval("lwlrap", labels, good, seed=1)
