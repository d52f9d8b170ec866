import keras
import numpy as np
import pytest

from understory import losses, models, prediction, training
from understory.metrics import LabelRankingPrecision


def test_resnet50_is_the_notebooks_to_the_letter():
    model = models.build("resnet50", (256, 1876, 1), 24, {})
    assert model.count_params() == 25_716_504
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 25_657_240
    head = [(type(layer).__name__, layer.get_config()) for layer in model.layers[-7:]]
    assert [name for name, _ in head] == [
        "GlobalAveragePooling2D",
        "BatchNormalization",
        "Dropout",
        "Dense",
        "BatchNormalization",
        "Dropout",
        "Dense",
    ]
    assert [head[i][1]["rate"] for i in (2, 5)] == [0.3, 0.3]
    assert [(head[i][1]["units"], head[i][1]["activation"]) for i in (3, 6)] == [
        (1024, "relu"),
        (24, "softmax"),
    ]
    assert all(head[i][1]["kernel_initializer"]["class_name"] == "HeNormal" for i in (3, 6))


@pytest.mark.parametrize(
    ("architecture", "loss", "target"),
    [
        ("resnet50", {"name": "categorical_crossentropy"}, [[0, 1, 0], [1, 0, 0]]),
        ("sed_cnn", {"name": "binary_crossentropy", "unknown_weight": 0.3}, [[-1, 1, 0], [1, -1, -1]]),
    ],
)
def test_one_step_learns_and_a_saved_model_predicts_the_same(tmp_path, architecture, loss, target):
    keras.utils.set_random_seed(1)
    model = models.build(architecture, (32, 64, 1), 3, {})
    model.compile(keras.optimizers.Adam(1e-3), loss=losses.loss(loss), metrics=[LabelRankingPrecision()])
    inputs, target = (
        np.random.default_rng(0).random((2, 32, 64, 1), dtype=np.float32),
        np.array(target, np.float32),
    )
    before = [np.array(w) for w in model.trainable_weights]
    report = model.train_on_batch(inputs, target, return_dict=True)
    assert np.isfinite(list(report.values())).all()
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.trainable_weights, strict=True)]
    assert all(moved)
    training.save(model, tmp_path / "a.keras")
    loaded = prediction.load(tmp_path / "a.keras")
    np.testing.assert_array_equal(model.predict(inputs, verbose=0), loaded.predict(inputs, verbose=0))


def test_attention_pooling_gives_probabilities_wherever_the_event_is():
    pool = models.AttentionPooling(3)
    features = np.random.default_rng(0).normal(size=(2, 10, 4)).astype(np.float32)
    out = np.array(pool(features))
    assert out.shape == (2, 3)
    assert ((out > 0) & (out < 1)).all()
    np.testing.assert_allclose(out, np.array(pool(features[:, ::-1])), rtol=1e-5)


def naive(y_true, y_pred, unknown_weight):
    total = []
    for row, guess in zip(y_true, y_pred, strict=True):
        terms = [
            (unknown_weight if y < 0 else 1.0, -np.log(p) if y > 0 else -np.log(1 - p))
            for y, p in zip(row, guess, strict=True)
        ]
        weight = sum(w for w, _ in terms)
        total.append(sum(w * t for w, t in terms) / weight if weight else 0.0)
    return np.mean(total)


@pytest.mark.parametrize("unknown_weight", [0.0, 0.3, 1.0])
def test_unknown_labels_count_as_much_as_they_are_told_to(unknown_weight):
    rng = np.random.default_rng(2)
    y_true = rng.choice([1.0, 0.0, -1.0], size=(20, 6)).astype(np.float32)
    y_true[0] = -1
    y_pred = rng.uniform(0.05, 0.95, size=(20, 6)).astype(np.float32)
    loss = losses.PartialBinaryCrossentropy(unknown_weight)
    assert float(loss(y_true, y_pred)) == pytest.approx(naive(y_true, y_pred, unknown_weight), rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.unknown_weight == unknown_weight


def test_an_unknown_label_says_nothing_by_default():
    y_true = np.array([[1.0, -1.0]], np.float32)
    loss = losses.PartialBinaryCrossentropy()
    assert float(loss(y_true, np.array([[0.7, 0.01]]))) == pytest.approx(
        float(loss(y_true, np.array([[0.7, 0.99]])))
    )
