import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.core import choices
from understory.core.errors import InputError
from understory.data.task import METRICS
from understory.evaluation.metrics import roc_auc
from understory.training import metrics, models, saving

NAMES = choices.names(METRICS)


def keras_metric(name):
    return metrics.metric(choices.load(METRICS, name))


def naive_row_f1(labels, predictions):
    scores = []
    for row, guess in zip(labels, predictions, strict=True):
        present = {number for number, value in enumerate(row) if value > 0.5}
        predicted = {number for number, value in enumerate(guess) if value > 0.5}
        if not present and not predicted:
            scores.append(1.0)
        else:
            hits, extra, missed = present & predicted, predicted - present, present - predicted
            scores.append(2 * len(hits) / (2 * len(hits) + len(extra) + len(missed)))
    return np.mean(scores)


def naive_macro_f1(labels, predictions):
    scores = []
    guesses = [list(row).index(max(row)) for row in predictions]
    for number in range(labels.shape[1]):
        truth = [row[number] > 0.5 for row in labels]
        if any(truth):
            hits = sum(true and guess == number for true, guess in zip(truth, guesses, strict=True))
            precision = hits / max(guesses.count(number), 1)
            recall = hits / sum(truth)
            scores.append(2 * precision * recall / (precision + recall) if hits else 0.0)
    return np.mean(scores) if scores else 0.0


def naive_roc_auc(labels, predictions, steps):
    rounded = np.maximum(np.ceil(predictions[:, 1] * np.float32(steps)), 1)
    wins = [
        float(high > low) + (high == low) / 2
        for high, true in zip(rounded, labels[:, 1] > 0.5, strict=True)
        for low, false in zip(rounded, labels[:, 1] <= 0.5, strict=True)
        if true and false
    ]
    return np.mean(wins) if wins else 0.0


def drawn(rows, classes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([1.0, 0.0, 0.0, -1.0], size=(rows, classes)).astype(np.float32)
    # Of few values, so that there are ties and some are the threshold itself.
    return labels, rng.choice(np.array([0, 0.25, 0.5, 0.75, 1], np.float32), size=(rows, classes))


def streamed(metric, labels, predictions, size):
    for start in range(0, len(labels), size):
        metric.update_state(labels[start : start + size], predictions[start : start + size])
    return float(metric.result())


shapes = given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 12), st.integers(0, 2**32 - 1))


@shapes
def test_row_f1_is_the_mean_of_the_rows_scores(rows, classes, size, seed):
    labels, predictions = drawn(rows, classes, seed)
    found = streamed(keras_metric("row_f1"), labels, predictions, size)
    assert found == pytest.approx(naive_row_f1(labels, predictions), abs=1e-6)


@shapes
def test_macro_f1_is_the_mean_over_the_classes_that_are_there(rows, classes, size, seed):
    labels, predictions = drawn(rows, classes, seed)
    found = streamed(keras_metric("macro_f1"), labels, predictions, size)
    assert found == pytest.approx(naive_macro_f1(labels, predictions), abs=1e-6)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([5, 10_001]))
def test_roc_auc_is_exact_but_for_its_steps(rows, size, seed, thresholds):
    rng = np.random.default_rng(seed)
    labels = rng.choice([1.0, 0.0, -1.0], size=(rows, 2)).astype(np.float32)
    predictions = rng.choice([rng.random((rows, 2)), rng.integers(0, 3, (rows, 2)) / 2]).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roc_auc, "THRESHOLDS", thresholds)
        found = streamed(keras_metric("roc_auc"), labels, predictions, size)
    assert found == pytest.approx(naive_roc_auc(labels, predictions, thresholds - 1), abs=1e-5)
    # Keras has the same area, to the last digit.
    keras_auc = keras.metrics.AUC(num_thresholds=thresholds)
    keras_auc.update_state((labels[:, 1] > 0.5).astype(np.float32), predictions[:, 1])
    assert found == float(keras_auc.result())


def test_an_empty_prediction_counts_nothing_but_where_nothing_is_present():
    empty, full = np.zeros((1, 3), np.float32), np.array([[0, 1, 0]], np.float32)
    for labels, predictions, expected in (
        (empty, empty, 1),
        (full, empty, 0),
        (empty, full, 0),
        (full, full, 1),
    ):
        assert streamed(keras_metric("row_f1"), labels, predictions, 1) == expected
    assert streamed(keras_metric("row_f1"), -full, empty, 1) == 1


def test_macro_f1_keeps_three_numbers_of_each_of_64_500_classes():
    rng = np.random.default_rng(0)
    metric = keras_metric("macro_f1")
    labels, predictions = np.zeros((2, 16, 64_500), np.float32)
    truth, guess = rng.integers(0, 64_500, (2, 16))
    guess[:8] = truth[:8]
    labels[np.arange(16), truth] = 1
    predictions[np.arange(16), guess] = 0.5
    assert streamed(metric, labels, predictions, 5) == pytest.approx(0.5)
    assert [tuple(each.shape) for each in metric.variables] == [(64_500,)] * 3
    metric.reset_state()
    assert float(metric.result()) == 0


@pytest.mark.parametrize("score", NAMES)
def test_a_model_has_each_score_in_its_history_and_keeps_it_when_saved(tmp_path, score):
    keras.utils.set_random_seed(1)
    model = models.build("cnn2d", (8, 8, 1), 2, {})
    model.compile("adam", "categorical_crossentropy", metrics=[keras_metric(score)])
    pictures = np.random.default_rng(0).uniform(0, 255, (6, 8, 8, 1)).astype(np.float32)
    labels = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 1, 0]]
    report = model.fit(
        pictures, labels, batch_size=4, epochs=2, validation_data=(pictures, labels), verbose=0
    ).history
    assert set(report) == {"loss", "val_loss", score, f"val_{score}"}
    plain = keras_metric(score)
    plain.update_state(labels, model.predict(pictures, verbose=0))
    assert report[f"val_{score}"][-1] == pytest.approx(float(plain.result()), abs=1e-6)
    saving.save(model, tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras", safe_mode=True)
    again = loaded.evaluate(pictures, labels, batch_size=4, verbose=0, return_dict=True)
    assert again[score] == pytest.approx(report[f"val_{score}"][-1], abs=1e-6)


@pytest.mark.parametrize("score", NAMES)
def test_no_weights_are_taken(score):
    with pytest.raises(ValueError, match="expected no sample_weight"):
        keras_metric(score).update_state(np.eye(2), np.eye(2), sample_weight=np.ones(2))


def test_roc_auc_is_of_two_classes():
    with pytest.raises(InputError, match="roc_auc: expected two classes, found 3"):
        keras_metric("roc_auc").update_state(np.eye(3), np.eye(3))
