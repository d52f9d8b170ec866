"""The heads on vectors of frozen models."""

import numpy as np
import pandas as pd
import pytest

from understory.core.errors import InputError
from understory.evaluation.metrics import lwlrap
from understory.training import fit, models
from understory.training.inputs import examples
from understory.training.metrics import metric

HEADS = ("attentive", "linear", "mlp", "prototypes")
SETTINGS = {
    "balance": 0,
    "batch_size": 8,
    "epochs": 4,
    "mixup": 0,
    "augment": [],
    "average_weights": None,
    "optimiser": {"name": "adam", "learning_rate": 0.1},
    "patience": None,
    "precision": "float32",
    "schedule": {"name": "constant"},
}


def data(vectors=1, count=96):
    """Vectors of three classes, each around a direction of its own, and far from zero as real ones are."""
    rng = np.random.default_rng(0)
    names, labels = [f"e{number:03}" for number in range(count)], list("xyz") * (count // 3)
    centres = rng.normal(size=(3, 8))
    values = 5 + centres[np.arange(count) % 3][:, None] + rng.normal(0, 0.3, size=(count, vectors, 8))
    index = pd.DataFrame({"example_id": names, "recording_id": names, "label": labels, "present": labels})
    index = index.assign(presence="present", absent="")
    folds = index[["example_id", "recording_id", "label"]].assign(fold=np.arange(count) // 3 % 2)
    return examples.Examples([(0, values.astype(np.float16), index)], folds, list("xyz"), exhaustive=False)


@pytest.mark.parametrize("head", HEADS)
def test_a_head_learns(head, tmp_path):
    """Labels without an annotation are unknown, which the loss masks in part."""
    loss = {"name": "binary_crossentropy", "unknown_weight": 0.3}
    settings = {**SETTINGS, "architecture": head, "loss": loss, "options": {}}
    given = {"fold": 0, "name": head, "settings": settings, "seed": 1, "control": "none"}
    _, _, history = fit.train(data(3), metric=metric(lwlrap), state=tmp_path, **given)
    assert history[-1]["val_lwlrap"] > 0.95


@pytest.mark.parametrize("head", ["linear", "mlp", "prototypes"])
def test_softmax_outputs_add_up_to_one(head):
    model = models.build(head, (2, 8, 1), 3, {"outputs": "softmax"})
    values = model(np.random.default_rng(0).normal(size=(4, 2, 8, 1)))
    np.testing.assert_allclose(np.sum(values, axis=1), 1, rtol=1e-5)
    with pytest.raises(InputError, match="expected at least 2 classes for softmax outputs, found 1"):
        models.build(head, (2, 8, 1), 1, {"outputs": "softmax"})


@pytest.mark.parametrize("head", ["linear", "mlp", "prototypes"])
def test_the_mean_of_the_vectors_is_what_counts(head):
    model = models.build(head, (3, 8, 1), 2, {})
    vectors = np.random.default_rng(0).normal(size=(4, 3, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(model(vectors), model(np.roll(vectors, 1, axis=1)), rtol=1e-5)


def test_attention_weighs_what_each_vector_says():
    """The mean over vectors of their probabilities, weighted by the softmax of their attention."""
    model = models.build("attentive", (5, 8, 1), 2, {"units": 4, "normalise": "none"})
    vectors = 3 * np.random.default_rng(0).normal(size=(6, 5, 8, 1)).astype(np.float32)
    named = {"/".join(each.path.split("/")[-2:]): np.asarray(each) for each in model.weights}
    (dense,) = {name.split("/")[0] for name in named if name.startswith("dense")}

    def layer(name, x):
        return x @ named[f"{name}/kernel"] + named[f"{name}/bias"]

    hidden = np.maximum(layer(dense, vectors[..., 0]), 0)
    weights = np.exp(4 * np.tanh(layer("attention", hidden)))
    said = 1 / (1 + np.exp(-layer("probability", hidden)))
    expected = (weights * said).sum(axis=1) / weights.sum(axis=1)
    np.testing.assert_allclose(model(vectors), expected, rtol=1e-4)


def test_a_prototype_has_the_length_one_and_lengths_of_vectors_count_for_nothing(tmp_path):
    settings = {**SETTINGS, "epochs": 1, "architecture": "prototypes", "options": {}}
    settings["loss"] = {"name": "categorical_crossentropy"}
    given = {"fold": 0, "name": "own", "settings": settings, "seed": 1, "control": "none"}
    model, _, _ = fit.train(data(), metric=metric(lwlrap), state=tmp_path, **given)
    kernel = next(each for each in model.weights if each.path.endswith("kernel"))
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)
    vectors = np.random.default_rng(0).normal(size=(4, 1, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(model(vectors), model(7 * vectors), rtol=1e-4)


def test_the_penalty_of_a_linear_head_is_of_its_weights():
    model = models.build("linear", (1, 8, 1), 3, {"l2": 0.5})
    kernel = next(each for each in model.weights if each.path.endswith("kernel"))
    (loss,) = model.losses
    np.testing.assert_allclose(loss, 0.5 * np.square(kernel).sum(), rtol=1e-5)
