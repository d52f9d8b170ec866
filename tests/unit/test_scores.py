import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.metrics import f1_score, label_ranking_average_precision_score, roc_auc_score

from understory.core import choices
from understory.core.errors import InputError
from understory.core.rng import Stage, stream
from understory.data.labels import Labels
from understory.data.task import METRICS
from understory.evaluation import intervals, label_matrices
from understory.evaluation.intervals import bootstrap_interval, chance_interval
from understory.evaluation.metric import Metric
from understory.evaluation.metrics import accuracy, lwlrap, macro_f1, roc_auc, row_f1
from understory.training import metrics as training_metrics

NAMES = choices.names(METRICS)

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
    metric = training_metrics.metric(lwlrap)
    for start in range(0, len(labels), batch):
        metric.update_state(labels[start : start + batch], predictions[start : start + batch])
    if (labels > 0.5).any():
        expected = by_scikit_learn(labels, predictions)
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
        assert lwlrap.score(labels, predictions) == pytest.approx(expected, abs=1e-12)
        # The classes' parts, weighted by their labels, make the whole.
        parts, counts = lwlrap.class_scores(labels, predictions), (labels > 0.5).sum(axis=0)
        assert np.nansum(parts * counts) / counts.sum() == pytest.approx(expected, abs=1e-9)
    else:
        assert float(metric.result()) == 0
        assert np.isnan(lwlrap.score(labels, predictions))


def test_the_metric_forgets_when_reset_and_comes_back_from_its_config():
    metric = training_metrics.metric(lwlrap)
    metric.update_state([[1.0, 0.0]], [[0.1, 0.9]])
    assert float(metric.result()) == 0.5
    metric.reset_state()
    assert float(metric.result()) == 0
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert isinstance(again, type(metric))
    assert again.name == "lwlrap"


def test_many_rows_are_ranked_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 2, size=(50, 7)), rng.random((50, 7))
    whole = lwlrap.score(labels, predictions)
    monkeypatch.setattr(lwlrap, "CELLS", 150)
    assert lwlrap.score(labels, predictions) == whole == pytest.approx(by_scikit_learn(labels, predictions))


def test_accuracy():
    labels = np.eye(3)[[0, 1, 2, 2]]
    predictions = np.eye(3)[[0, 1, 2, 0]]
    assert accuracy.score(labels, predictions) == 0.75
    assert np.isnan(accuracy.score(labels[:0], predictions[:0]))


def test_one_label_of_24_ranked_at_random_scores_as_the_harmonic_number_says():
    rng = np.random.default_rng(0)
    labels = np.eye(24)[rng.integers(24, size=4000)]
    assert lwlrap.score(labels, rng.random((4000, 24))) == pytest.approx(
        sum(1 / k for k in range(1, 25)) / 24, abs=0.01
    )


def compact(labels):
    """The same labels by their lists."""
    columns = {}
    for name, value in (("present", 1), ("absent", 0), ("unknown", -1)):
        columns[name] = [";".join(str(n) for n in np.flatnonzero(row == value)) for row in labels]
    return Labels(pd.DataFrame(columns), [str(n) for n in range(labels.shape[1])], exhaustive=False)


@settings(max_examples=100)
@given(cases(), st.randoms())
def test_f1s_are_those_of_scikit_learn(case, random):
    labels, predictions, _ = case
    present, decided = labels > 0.5, predictions > random.choice([0.05, 0.3, 0.6])
    expected = f1_score(present, decided, average="samples", zero_division=1)
    top = np.eye(labels.shape[1], dtype=bool)[predictions.argmax(axis=1)]
    shown = np.flatnonzero(present.any(axis=0))
    for known in (labels, compact(labels)):
        for form in (decided, sparse.csr_array(decided)):
            assert row_f1.score(known, form) == pytest.approx(expected, abs=1e-12)
            each = label_matrices.class_f1s(known, form)
            naive = [f1_score(present[:, n], decided[:, n]) for n in shown]
            np.testing.assert_allclose(each[shown], naive, atol=1e-12)
            assert np.isnan(np.delete(each, shown)).all()
        for form in (predictions, sparse.csr_array(predictions)):
            found = macro_f1.score(known, form)
            if not len(shown):
                assert np.isnan(found)
                continue
            assert found == pytest.approx(f1_score(present, top, average="macro", labels=shown), abs=1e-12)
            assert found == pytest.approx(np.nanmean(macro_f1.class_scores(known, form)), abs=1e-12)
            assert accuracy.score(known, form) == np.mean((present & top).any(axis=1))


def test_decisions_are_no_probabilities():
    with pytest.raises(ValueError, match="expected decisions as bool, found float64"):
        row_f1.score(np.eye(2), np.eye(2))
    assert np.isnan(row_f1.score(np.zeros((0, 2)), np.zeros((0, 2), dtype=bool)))


@given(st.integers(0, 60))
def test_the_area_under_the_curve_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([1.0, 0.0, -1.0], size=(int(rng.integers(1, 12)), 2), p=[0.4, 0.4, 0.2])
    predictions = rng.integers(4, size=labels.shape) / 4
    known = labels[:, 1] >= 0
    if len(set(labels[known, 1])) == 2:
        expected = roc_auc_score(labels[known, 1], predictions[known, 1])
    else:
        expected = np.nan
    for given_ in (labels, compact(labels)):
        np.testing.assert_allclose(roc_auc.score(given_, predictions), expected, atol=1e-12)
        np.testing.assert_allclose(roc_auc.class_scores(given_, predictions)[1], expected, atol=1e-12)
    np.testing.assert_allclose(roc_auc.score(labels, sparse.csr_array(predictions)), expected, atol=1e-12)


def test_the_area_is_of_two_classes_and_of_numbers():
    with pytest.raises(InputError, match="roc_auc: expected two classes, found 3"):
        roc_auc.score(np.eye(3), np.eye(3))
    assert np.isnan(roc_auc.score(np.eye(2), np.array([[0, np.nan], [0, 1]])))


def drawn(metric, rng, rows=30):
    """Labels and predictions as the score wants them."""
    classes = 2 if metric == "roc_auc" else 5
    labels = rng.choice([-1, 0, 1], size=(rows, classes), p=[0.3, 0.4, 0.3])
    predictions = rng.integers(4, size=labels.shape) / 4
    return labels, predictions > 0.6 if metric == "row_f1" else predictions


@pytest.mark.parametrize("metric", NAMES)
def test_an_interval_is_that_of_recordings_drawn_anew(metric):
    rng = np.random.default_rng(5)
    labels, predictions = drawn(metric, rng)
    groups = rng.choice(["r1", "r0", "r2", "r3", "r9"], size=30)
    names, draws, naive = sorted(set(groups)), stream(3, Stage.INTERVAL, f"bootstrap/{metric}"), []
    for _ in range(200):
        chosen = [names[n] for n in draws.integers(len(names), size=len(names))]
        rows = np.concatenate([np.flatnonzero(groups == name) for name in chosen])
        naive.append(Metric(metric).score(labels[rows], predictions[rows]))
    found = bootstrap_interval(Metric(metric), labels, predictions, groups, seed=3, resamples=200)
    assert found[:2] == pytest.approx(np.quantile(naive, [0.025, 0.975]), abs=1e-12)
    assert found[2:] == (200, 0)
    order = rng.permutation(30)
    again = bootstrap_interval(
        Metric(metric), compact(labels[order]), predictions[order], groups[order], seed=3, resamples=200
    )
    assert again == pytest.approx(found, abs=1e-12)
    narrow = bootstrap_interval(Metric(metric), labels, predictions, groups, seed=3, resamples=200, level=0.5)
    assert found.low < narrow.low < narrow.high < found.high


def test_resamples_without_a_score_are_left_out_and_counted():
    labels, predictions = np.eye(2)[[0, 0, 1]], np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    found = bootstrap_interval(Metric("roc_auc"), labels, predictions, ["a", "b", "c"], seed=0)
    # Of 27 draws, 8 + 1 have one class alone.
    assert found.resamples + found.undefined == 1000
    assert found.undefined == pytest.approx(1000 * 9 / 27, abs=60)
    assert found.low < found.high
    none = bootstrap_interval(Metric("roc_auc"), labels[:2], predictions[:2], ["a", "b"], seed=0, resamples=7)
    assert none[2:] == (0, 7)
    assert np.isnan(none[:2]).all()
    for metric in NAMES:
        empty = bootstrap_interval(Metric(metric), np.zeros((0, 2)), np.zeros((0, 2), dtype=bool), [], seed=0)
        assert np.isnan(empty.low)


def test_large_tables_are_drawn_less_often(monkeypatch):
    monkeypatch.setattr(intervals, "ROWS", 30 * 120)
    labels, predictions = drawn("accuracy", np.random.default_rng(0))
    each = [
        bootstrap_interval(
            Metric("accuracy"), np.tile(labels, (n, 1)), np.tile(predictions, (n, 1)), range(30 * n), seed=0
        )
        for n in (1, 2)
    ]
    assert [found.resamples for found in each] == [120, intervals.FEWEST]


@pytest.mark.parametrize("known", [False, True], ids=["some are unknown", "all are known"])
@pytest.mark.parametrize("metric", NAMES)
def test_chance_is_that_of_predictions_whose_rows_change_places(metric, known):
    rng = np.random.default_rng(2)
    labels, predictions = drawn(metric, rng)
    labels = np.abs(labels) if known else labels
    draws = stream(3, Stage.INTERVAL, metric)
    naive = [Metric(metric).score(labels, predictions[draws.permutation(30)]) for _ in range(50)]
    found = chance_interval(Metric(metric), labels, predictions, seed=3, permutations=50)
    assert found == pytest.approx(np.quantile(naive, [0.005, 0.995]), abs=1e-12)
    other = chance_interval(
        Metric(metric), compact(labels), sparse.csr_array(predictions), seed=3, permutations=50
    )
    assert other == pytest.approx(found, abs=1e-12)


def test_rows_of_one_recording_stay_together_in_chance():
    """Of predictions that know nothing, with recordings whose rows are alike, few are above it."""
    above = {True: 0, False: 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(30), 15)
        labels = np.eye(4)[rng.integers(4, size=30)][groups]
        predictions = rng.normal(size=(30, 4))[groups] + rng.normal(scale=0.01, size=(len(groups), 4))
        order = rng.permutation(len(groups))
        labels, predictions, groups = labels[order], predictions[order], groups[order]
        for together in above:
            own = groups if together else None
            _, high = chance_interval(
                Metric("lwlrap"), labels, predictions, groups=own, seed=1, permutations=100
            )
            above[together] += lwlrap.score(labels, predictions) > high
    assert above[True] <= 3 < 6 <= above[False]


@pytest.mark.parametrize("metric", NAMES)
def test_nothing_to_score_has_no_chance(metric):
    predictions = np.zeros((0, 2), dtype=bool if metric == "row_f1" else float)
    assert np.isnan(chance_interval(Metric(metric), np.zeros((0, 2)), predictions, seed=1)).all()
    assert np.isnan(Metric(metric).score(np.zeros((0, 2)), predictions))


def test_recalls_make_the_accuracy():
    labels, predictions = np.eye(3)[[0, 0, 1, 1, 1]], np.eye(3)[[0, 1, 1, 1, 2]]
    recalls = accuracy.class_scores(labels, predictions)
    np.testing.assert_array_equal(recalls, [1 / 2, 2 / 3, np.nan])
    assert (recalls[:2] * [2, 3]).sum() / 5 == accuracy.score(labels, predictions)


def test_chance_holds_random_predictions_and_not_good_ones():
    rng = np.random.default_rng(1)
    labels = np.eye(6)[rng.integers(6, size=80)]
    good = labels + rng.normal(scale=0.6, size=labels.shape)
    low, high = chance_interval(Metric("lwlrap"), labels, good, seed=1)
    assert high < lwlrap.score(labels, good)
    assert low <= lwlrap.score(labels, rng.permutation(good)) <= high
    assert (low, high) == chance_interval(Metric("lwlrap"), labels, good, seed=1)


def test_labels_as_a_dense_matrix():
    labels = np.array([[1, 0, -1], [-1, 1, 0]])
    np.testing.assert_array_equal(label_matrices.dense(compact(labels)), labels)
