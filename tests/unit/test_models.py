import json
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from understory.core import choices
from understory.core.errors import InputError
from understory.evaluation.metrics import lwlrap
from understory.training import bands, blocks, fit, layers, models, predict, saving
from understory.training.losses.binary_crossentropy import PartialBinaryCrossentropy
from understory.training.metrics import metric


def trained(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def test_resnet50_is_the_notebooks_to_the_letter():
    model = models.build("resnet50", (256, 1876, 1), 24, {})
    assert model.count_params() == 25_716_504
    assert trained(model) == 25_657_240
    head = [(type(layer).__name__, layer.get_config()) for layer in model.layers[-8:]]
    assert [name for name, _ in head] == [
        "GlobalAveragePooling2D",
        "BatchNormalization",
        "Dropout",
        "Dense",
        "BatchNormalization",
        "Dropout",
        "Dense",
        "Activation",
    ]
    assert [head[i][1]["rate"] for i in (2, 5)] == [0.3, 0.3]
    assert [head[i][1]["units"] for i in (3, 6)] == [1024, 24]
    assert [head[i][1]["activation"] for i in (3, 6, 7)] == ["relu", "linear", "softmax"]
    assert all(head[i][1]["kernel_initializer"]["class_name"] == "HeNormal" for i in (3, 6))


def test_conv1d_is_the_originals_to_the_letter():
    model = models.build("conv1d", (100, 800, 1), 49, {})
    assert (model.count_params(), trained(model)) == (347_313, 347_057)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "InputLayer",
        "Reshape",
        "Conv1D",
        "BatchNormalization",
        "MaxPooling1D",
        "Conv1D",
        "BatchNormalization",
        "Flatten",
        "Dense",
        "Dense",
        "Activation",
    ]
    # It is the rows that are convolved over.
    assert [tuple(layer.output.shape)[1:] for layer in model.layers[1:8]] == [
        (100, 800),
        (24, 64),
        (24, 64),
        (6, 64),
        (4, 64),
        (4, 64),
        (256,),
    ]
    assert model.layers[-1].activation is keras.activations.sigmoid


def test_cnn2d_is_the_originals_to_the_letter():
    model = models.build("cnn2d", (32, 32, 1), 2, {})
    assert model.count_params() == trained(model) == 182_466
    assert [tuple(layer.output.shape)[1:] for layer in model.layers] == [
        (32, 32, 1),
        (32, 32, 1),
        (29, 29, 64),
        (14, 14, 64),
        (13, 13, 32),
        (13, 13, 32),
        (13, 13, 32),
        (5408,),
        (32,),
        (2,),
        (2,),
    ]
    assert float(np.max(model.layers[1](np.full((1, 32, 32, 1), 255.0)))) == pytest.approx(1)
    assert model.layers[6].rate == 0.1
    assert model.layers[-1].activation is keras.activations.softmax


@pytest.fixture(scope="module")
def resnet34():
    keras.utils.set_random_seed(1)
    return models.build("resnet34", (32, 32, 3), 64_500, {})


def test_resnet34_is_torchvisions(resnet34):
    assert trained(resnet34) == 54_373_172
    convolutions = [layer for layer in resnet34.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in resnet34.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert (len(convolutions), len(norms)) == (36, 36)
    assert not any(layer.use_bias for layer in convolutions)
    assert {layer.padding for layer in convolutions} == {"valid"}
    assert {(layer.epsilon, layer.momentum) for layer in norms} == {(1e-5, 0.9)}
    for layer in convolutions:
        height, width, _, filters = layer.kernel.shape
        if layer.kernel.shape[2] >= 64:
            expected = np.sqrt(2 / (height * width * filters))
            assert np.std(layer.kernel) == pytest.approx(expected, rel=0.05)
    dense = resnet34.layers[-2]
    for weights in (dense.kernel, dense.bias):
        assert np.max(weights) == pytest.approx(512**-0.5, rel=1e-3)
        assert np.min(weights) == pytest.approx(-(512**-0.5), rel=1e-3)


def test_resnet34_starts_with_imagenets_mean_and_deviation(resnet34):
    layer = resnet34.layers[1]
    assert not layer.weights
    grey = np.full((1, 32, 32, 3), 127.0, np.float32)
    expected = (127 / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(np.array(layer(grey))[0, 5, 5], expected, rtol=1e-4)


def test_resnet34_pads_both_sides_alike(resnet34):
    padded = 0
    for layer in resnet34.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.MaxPooling2D):
            kernel = (layer.kernel_size if isinstance(layer, keras.layers.Conv2D) else layer.pool_size)[0]
            before = layer.input._keras_history.operation
            if kernel > 1:
                assert before.padding == ((kernel // 2, kernel // 2), (kernel // 2, kernel // 2))
                padded += 1
    assert padded == 34
    assert resnet34.layers[-4].output.shape == (None, 1, 1, 512)


CATEGORICAL = {"name": "categorical_crossentropy", "label_smoothing": 0.1}
BINARY = {"name": "binary_crossentropy", "unknown_weight": 0.3}


@pytest.mark.parametrize(
    ("architecture", "shape", "options", "loss"),
    [
        ("acdnet", (1, 640, 1), {"frame": 10, "width": 2}, CATEGORICAL),
        ("cnn2d", (32, 32, 1), {}, CATEGORICAL),
        pytest.param("convnext_tiny", (32, 40, 1), {}, BINARY, marks=pytest.mark.soak),
        ("densenet_cnn", (16, 20, 1), {"layers_each": [1, 1], "growth": 2, "pooling": "attention"}, BINARY),
        pytest.param(
            "efficientnetv2b0", (32, 40, 3), {"outputs": "softmax"}, CATEGORICAL, marks=pytest.mark.soak
        ),
        ("residual_cnn", (16, 20, 1), {"filters": [2, 4], "pooling": "attention"}, BINARY),
        ("conv1d", (100, 800, 1), {}, BINARY),
        ("picture_cnn", (32, 48, 3), {}, CATEGORICAL),
        ("picture_cnn", (33, 47, 4), {"filters": [8, 8], "outputs": "sigmoid"}, BINARY),
        ("picture_cnn", (32, 32, 3), {"filters": [8], "scaling": "imagenet"}, CATEGORICAL),
        ("resnet34", (32, 32, 3), {}, CATEGORICAL),
        pytest.param("resnet50", (32, 64, 1), {}, CATEGORICAL, marks=pytest.mark.soak),
        ("sed_cnn", (32, 64, 1), {}, BINARY),
        ("sed_cnn", (32, 64, 1), {"downsampling": "strides"}, BINARY),
    ],
)
def test_one_step_learns_and_a_saved_model_predicts_the_same(tmp_path, architecture, shape, options, loss):
    keras.utils.set_random_seed(1)
    model = models.build(architecture, shape, 3, options)
    # Tracing is what would take longest here.
    options = {"metrics": [metric(lwlrap)], "run_eagerly": True}
    model.compile(keras.optimizers.Adam(1e-3), loss=fit.loss_and_targets(loss)[0], **options)
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0, 255, (4, *shape)).astype(np.float32)
    target = [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    if loss is BINARY:
        target = [[-1, 1, 0], [1, -1, -1], [1, 0, 1], [0, 0, 0]]
    target = np.array(target, np.float32)
    before = [np.array(w) for w in model.trainable_weights]
    report = model.train_on_batch(inputs, target, return_dict=True)
    assert np.isfinite(list(report.values())).all()
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.trainable_weights, strict=True)]
    assert all(moved)
    saving.save(model, tmp_path / "a.keras")
    predictions = np.array(model(inputs))
    assert predictions.shape == (4, 3)
    loaded = keras.saving.load_model(tmp_path / "a.keras", safe_mode=True)
    assert int(loaded.optimizer.iterations) == 1
    np.testing.assert_array_equal(predictions, np.array(loaded(inputs)))


def test_frames_are_averaged_before_the_first_layer():
    inputs = np.random.default_rng(0).random((2, 16, 20, 1)).astype(np.float32)
    keras.utils.set_random_seed(1)
    averaging = models.build("sed_cnn", (16, 20, 1), 3, {"filters": [2], "average_frames": 2})
    plain = models.build("sed_cnn", (16, 10, 1), 3, {"filters": [2]})
    plain.set_weights(averaging.get_weights())
    pairs = (inputs[:, :, ::2] + inputs[:, :, 1::2]) / 2
    np.testing.assert_allclose(averaging(inputs), plain(pairs), rtol=1e-5)
    assert averaging.layers[1].output.shape[2] == 10


def test_strides_halve_both_axes_as_pooling_does():
    strides, pooling = (
        models.build("sed_cnn", (64, 96, 1), 3, {"filters": [2, 3, 4], "downsampling": name})
        for name in ("strides", "pooling")
    )
    found = [
        [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        for model in (strides, pooling)
    ]
    assert [layer.strides for layer in found[0]] == [(2, 2)] * 3
    assert [layer.strides for layer in found[1]] == [(2, 2), (1, 1), (1, 1)]
    pools = [
        sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in m.layers) for m in (strides, pooling)
    ]
    assert pools == [1, 3]
    shapes = [
        next(layer for layer in m.layers if isinstance(layer, keras.layers.Permute)).output.shape
        for m in (strides, pooling)
    ]
    assert shapes[0] == shapes[1] == (None, 6, 4, 4)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved model with a layer, a loss and a metric of ours."""
    keras.utils.set_random_seed(1)
    model = models.build("sed_cnn", (16, 16, 1), 3, {"filters": [2], "dense": 2})
    model.compile("adam", loss=fit.loss_and_targets(BINARY)[0], metrics=[metric(lwlrap)])
    model.train_on_batch(np.ones((1, 16, 16, 1), np.float32), np.array([[1, 0, -1]], np.float32))
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    saving.save(model, path)
    return path


def registered(values):
    """The parts of a saved model's JSON that are classes of ours."""
    if isinstance(values, dict):
        if str(values.get("registered_name")).startswith("understory>"):
            yield values
        values = list(values.values())
    for each in values if isinstance(values, list) else []:
        yield from registered(each)


def with_modules(saved, path, modules):
    """A copy of a saved model in which classes of ours are from other Python modules."""
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        for item in old.namelist():
            data = old.read(item)
            if item == "config.json":
                config = json.loads(data)
                for each in registered(config):
                    each["module"] = modules[each["class_name"]]
                data = json.dumps(config).encode()
            new.writestr(item, data)
    return path


def test_a_saved_model_does_not_say_which_modules_of_ours_its_classes_are_from(saved):
    """Moving a class then changes no bytes."""
    with zipfile.ZipFile(saved) as file:
        config = json.loads(file.read("config.json"))
    classes = {each["class_name"]: each["module"] for each in registered(config)}
    ours = ("AttentionPooling", "lwlrap", "PartialBinaryCrossentropy")
    assert classes == dict.fromkeys(ours, "understory")
    assert "understory." not in json.dumps(config)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda whole: whole[: len(whole) // 2], "a whole model, found its table of contents damaged"),
        (lambda whole: b"", "a whole model, found its table of contents damaged"),
        (lambda whole: whole[: len(whole) // 2] + b"?" + whole[len(whole) // 2 + 1 :], "weights.h5 damaged"),
    ],
)
def test_a_model_that_is_not_whole_is_said_in_a_sentence(tmp_path, broken, said):
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(200)])
    model.save(tmp_path / "a.keras")
    path = tmp_path / "b.keras"
    path.write_bytes(broken((tmp_path / "a.keras").read_bytes()))
    with pytest.raises(InputError, match=rf"b\.keras: expected .*{said}: copy the file again") as refused:
        predict.load(path)
    assert len(str(refused.value).splitlines()) == 1


def test_a_model_that_holds_code_is_refused_in_a_sentence(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: 2 * x)]).save(tmp_path / "a.keras")
    with pytest.raises(InputError, match=r"found code that would be run \(a Lambda layer\)$"):
        predict.load(tmp_path / "a.keras")


def test_saved_models_of_former_versions_load(saved, tmp_path):
    modules = {
        "AttentionPooling": "understory.models",
        "lwlrap": "understory.metrics",
        "PartialBinaryCrossentropy": "understory.losses",
    }
    former = with_modules(saved, tmp_path / "former.keras", modules)
    inputs = np.random.default_rng(0).random((2, 16, 16, 1), dtype=np.float32)
    expected = np.array(predict.load(saved)(inputs))
    np.testing.assert_array_equal(np.array(predict.load(former)(inputs)), expected)
    whole = keras.saving.load_model(former, safe_mode=True)
    np.testing.assert_array_equal(np.array(whole(inputs)), expected)
    assert isinstance(whole.loss, PartialBinaryCrossentropy)
    # Saved again, it has the bytes of this version.
    saving.save(whole, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == saved.read_bytes()


def test_no_module_that_a_saved_model_names_is_imported(saved, tmp_path):
    """Only registered classes are loaded, whatever the file says."""
    names = ("AttentionPooling", "lwlrap", "PartialBinaryCrossentropy")
    other = with_modules(saved, tmp_path / "other.keras", dict.fromkeys(names, "antigravity"))
    predict.load(other)
    assert "antigravity" not in sys.modules


def test_a_residual_network_knows_which_band_it_looks_at():
    values = np.random.default_rng(0).normal(size=(4, 32, 40, 1)).astype(np.float32)
    coordinate = np.array(layers.FrequencyCoordinate()(values))
    np.testing.assert_array_equal(coordinate[..., :1], values)
    np.testing.assert_allclose(
        coordinate[:, :, 7, 1], np.broadcast_to(np.linspace(-1, 1, 32), (4, 32)), atol=1e-6
    )
    aware = models.build("residual_cnn", (32, 40, 1), 3, {})
    plain = models.build("residual_cnn", (32, 40, 1), 3, {"coordinate": False, "outputs": "softmax"})
    # The kernels of the stem have a channel more.
    assert aware.count_params() - plain.count_params() == 5 * 5 * 24
    np.testing.assert_allclose(plain.predict(values, verbose=0).sum(axis=1), 1, rtol=1e-6)


def test_the_stem_of_a_residual_network_halves_both_axes_and_its_pooling_both_again():
    for pooling, places in ((False, (16, 20)), (True, (8, 10))):
        model = models.build("residual_cnn", (32, 40, 1), 3, {"filters": [2], "stem_pooling": pooling})
        added = next(layer for layer in model.layers if isinstance(layer, keras.layers.Add))
        assert added.output.shape == (None, *places, 2)


@pytest.mark.parametrize("pooling", ["mean_max", "mean"])
def test_a_residual_network_has_the_blocks_the_pooling_and_the_dropout_that_it_is_given(pooling):
    options = {"filters": [2, 4], "blocks_each": 3, "pooling": pooling, "dropout": 0.4}
    model = models.build("residual_cnn", (32, 40, 1), 3, options)
    sums = [layer.output.shape[-1] for layer in model.layers if isinstance(layer, keras.layers.Add)]
    assert sums == [2, 2, 2, 4, 4, 4]
    (dropped,) = (layer for layer in model.layers if isinstance(layer, keras.layers.Dropout))
    assert dropped.rate == 0.4
    before = [layer for layer in model.layers if isinstance(layer, keras.layers.ReLU)][-1]
    values = np.random.default_rng(0).normal(size=(2, 32, 40, 1)).astype(np.float32)
    maps, pooled = keras.Model(model.input, [before.output, dropped.input]).predict(values, verbose=0)
    bands = maps.mean(axis=1)
    expected = bands.mean(axis=1) + (bands.max(axis=1) if pooling == "mean_max" else 0)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


def test_each_band_is_standardised_over_the_training_examples():
    levels = np.linspace(-80, 20, 32, dtype=np.float32)[None, :, None, None]
    values = levels + np.random.default_rng(0).normal(0, 5, size=(256, 32, 40, 1)).astype(np.float32)
    inputs = keras.Input((32, 40, 1))
    bands = keras.Model(inputs, blocks.standardised_bands(inputs))
    found = np.array(bands(values, training=True))
    np.testing.assert_allclose(found.mean(axis=(0, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(found.std(axis=(0, 2)), 1, atol=1e-2)


@pytest.mark.parametrize(
    ("pooling", "naive"),
    [
        ("mean", lambda x: x.mean(axis=1)),
        ("mean_max", lambda x: x.mean(axis=1) + x.max(axis=1)),
        ("log_sum_exp", lambda x: np.log(np.exp(x).mean(axis=1))),
    ],
)
def test_frames_are_pooled(pooling, naive):
    values = np.random.default_rng(0).normal(size=(3, 7, 5)).astype(np.float32)
    inputs = keras.Input((7, 5))
    model = keras.Model(inputs, bands.pooled_over_time(inputs, pooling))
    np.testing.assert_allclose(model(values), naive(values), rtol=1e-5, atol=1e-6)


def test_attention_weighs_frames_wherever_they_are():
    keras.utils.set_random_seed(1)
    values = np.random.default_rng(0).normal(size=(3, 7, 5)).astype(np.float32)
    inputs = keras.Input((7, 5))
    model = keras.Model(inputs, bands.pooled_over_time(inputs, "attention"))
    found = np.array(model(values))
    np.testing.assert_allclose(found, model(values[:, ::-1]), rtol=1e-5, atol=1e-6)
    assert (found < values.max(axis=1)).all()
    assert (found > values.min(axis=1)).all()
    assert np.abs(found - values.mean(axis=1)).max() > 1e-3


def test_acdnet_has_as_many_weights_as_published():
    model = models.build("acdnet", (1, 30_225, 1), 50, {})
    assert round(model.count_params() / 1e6, 2) == 4.74


def test_a_network_of_keras_applications_sees_each_band_standardised_and_pictures_as_they_are():
    levels = np.linspace(-80, 20, 32, dtype=np.float32)[None, :, None, None]
    values = levels + np.random.default_rng(0).normal(0, 5, size=(8, 32, 40, 1)).astype(np.float32)
    spectra = models.build("efficientnetv2b0", (32, 40, 1), 3, {})
    body = keras.Model(spectra.input, _fed(spectra))
    found = np.array(body(values, training=True))
    assert found.shape == (8, 32, 40, 3)
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    np.testing.assert_allclose(found.mean(axis=(0, 2)), 0, atol=1e-3)
    pictures = models.build("efficientnetv2b0", (32, 40, 3), 3, {})
    assert _fed(pictures) is pictures.input


def _fed(model):
    """What the body of a network is fed."""
    body = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    return body._inbound_nodes[-1].input_tensors[0]


@pytest.mark.parametrize("architecture", choices.names(models.PACKAGE))
def test_the_outputs_are_float32_whatever_the_layers_before_compute_in(architecture):
    shape = (1, 16_000, 1) if architecture == "acdnet" else (64, 64, 3)
    plain = models.build(architecture, shape, 3, {})
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = models.build(architecture, shape, 3, {})
    finally:
        keras.config.set_dtype_policy(policy)
    assert mixed.count_params() == plain.count_params()
    assert any(layer.compute_dtype == "bfloat16" for layer in mixed.layers)
    assert mixed.output.dtype == "float32"


@pytest.mark.parametrize(
    ("architecture", "shape", "classes", "options", "said"),
    [
        ("resnet34", (32, 32, 1), 2, {}, r"expected 3 channels \(red, green and blue\).*found 1"),
        ("picture_cnn", (32, 32, 4), 2, {"scaling": "imagenet"}, "expected 3 channels .*found 4"),
        ("conv1d", (48, 800, 1), 2, {}, "expected examples of at least 49 x 1, found 48 x 800"),
        ("cnn2d", (6, 32, 1), 2, {}, "expected examples of at least 7 x 7, found 6 x 32"),
        (
            "cnn2d",
            (32, 32),
            2,
            {},
            r"expected examples of shape \(height, width, channels\), found \(32, 32\)",
        ),
        ("cnn2d", (32, 32, 1), 1, {}, "expected at least 2 classes for softmax outputs, found 1"),
        ("conv1d", (100, 800, 1), 0, {}, "expected at least one class, found 0"),
        (
            "conv1d",
            (100, 800, 1),
            2,
            {"dense": 3},
            "with dense: 3: .*unexpected keyword argument 'dense'",
        ),
        (
            "acdnet",
            (32, 640, 1),
            2,
            {},
            r"of shape \(1, samples, 1\), of kind waveform, found \(32, 640, 1\)",
        ),
        ("acdnet", (1, 640, 1), 2, {}, "expected a frame of 4 to 10 samples, found 200"),
        ("picture_cnn", (32, 32, 3), 2, {"filters": []}, r"filters: \[\]"),
        ("picture_cnn", (32, 32, 3), 2, {"dropout": 2}, "dropout: 2"),
    ],
)
def test_what_a_model_cannot_take_is_said(architecture, shape, classes, options, said):
    with pytest.raises(InputError, match=said) as caught:
        models.build(architecture, shape, classes, options, name="mine")
    assert str(caught.value).startswith("models.mine")


def test_the_smallest_examples_will_do():
    assert models.build("conv1d", (49, 1, 1), 1, {}).output_shape == (None, 1)
    assert models.build("cnn2d", (7, 7, 1), 2, {}).output_shape == (None, 2)
    assert models.build("picture_cnn", (1, 1, 1), 2, {}).output_shape == (None, 2)
    assert models.build("resnet34", (1, 1, 3), 2, {}).output_shape == (None, 2)


def test_a_picture_cnn_learns_brightness():
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    bright = rng.integers(0, 2, 64)
    images = rng.uniform(0, 155, (64, 16, 16, 1)).astype(np.float32) + 100 * bright[:, None, None, None]
    model = models.build("picture_cnn", (16, 16, 1), 2, {"filters": [4, 8], "dropout": 0.0})
    model.compile(keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    model.fit(images, bright, epochs=15, batch_size=16, verbose=0)
    assert (model.predict(images, verbose=0).argmax(axis=1) == bright).mean() > 0.9


def test_attention_pooling_gives_probabilities_wherever_the_event_is():
    pool = layers.AttentionPooling(3)
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
    loss = PartialBinaryCrossentropy(unknown_weight)
    assert float(loss(y_true, y_pred)) == pytest.approx(naive(y_true, y_pred, unknown_weight), rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.unknown_weight == unknown_weight


def test_with_nothing_unknown_it_is_keras_binary_crossentropy():
    rng = np.random.default_rng(2)
    y_true = rng.integers(0, 2, size=(20, 6)).astype(np.float32)
    y_pred = rng.uniform(size=(20, 6)).astype(np.float32)
    y_pred[0], y_pred[1] = 0, 1
    for unknown_weight in (0.0, 0.3):
        np.testing.assert_allclose(
            PartialBinaryCrossentropy(unknown_weight)(y_true, y_pred),
            keras.losses.BinaryCrossentropy()(y_true, y_pred),
            rtol=1e-6,
        )


@pytest.mark.parametrize(
    ("block", "other"),
    [
        ({"name": "focal"}, keras.losses.BinaryFocalCrossentropy(gamma=2.0)),
        ({"name": "focal", "gamma": 1.0}, keras.losses.BinaryFocalCrossentropy(gamma=1.0)),
        ({"name": "binary_crossentropy", "label_smoothing": 0.2}, keras.losses.BinaryCrossentropy(label_smoothing=0.2)),
    ],
)  # fmt: skip
def test_with_nothing_unknown_focal_and_smoothed_losses_are_those_of_keras(block, other):
    rng = np.random.default_rng(2)
    y_true = rng.integers(0, 2, size=(20, 6)).astype(np.float32)
    y_pred = rng.uniform(0.01, 0.99, size=(20, 6)).astype(np.float32)
    loss, kind = fit.loss_and_targets({**block, "unknown_weight": 0})
    assert kind == "labels"
    np.testing.assert_allclose(loss(y_true, y_pred), other(y_true, y_pred), rtol=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    np.testing.assert_allclose(again(y_true, y_pred), loss(y_true, y_pred))
    # What is unknown has no part in it.
    y_true[:, 0], other_pred = -1, y_pred.copy()
    other_pred[:, 0] = rng.uniform(size=20)
    np.testing.assert_allclose(loss(y_true, y_pred), loss(y_true, other_pred))
    assert float(loss(y_true, y_pred)) > 0


def test_a_focal_loss_of_soft_targets_is_least_at_them_and_has_finite_slopes():
    loss = fit.loss_and_targets({"name": "focal"})[0]
    target = np.full((99, 1), 0.3, np.float32)
    p = keras.Variable(np.linspace(0.01, 0.99, 99, dtype=np.float32)[:, None])
    each = [float(loss(target[:1], p[number : number + 1])) for number in range(99)]
    assert np.argmin(each) == 29
    with tf.GradientTape() as tape:
        value = loss(target, p)
    assert np.isfinite(np.array(tape.gradient(value, p.value))).all()


@pytest.mark.parametrize("name", ["binary_crossentropy", "focal"])
def test_an_unknown_label_counts_by_default(name):
    """What `docs/ablation.md` measured to be far better than to leave unknown labels out."""
    loss = fit.loss_and_targets({"name": name})[0]
    assert loss.unknown_weight == 0.3
    y_true = np.array([[1.0, -1.0]], np.float32)
    assert loss(y_true, np.array([[0.7, 0.01]])) < loss(y_true, np.array([[0.7, 0.99]]))
