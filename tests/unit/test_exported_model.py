"""Exported models: features, combination, description, card, and the program that runs them."""

import hashlib
import json
import math
import sys
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from understory.audio.features import log_mel as computed
from understory.core.errors import InputError
from understory.data import calibration
from understory.export import card, package, request
from understory.inference import detections

# The packages that an ONNX file needs are optional.
ONNX = all(find_spec(name) for name in request.NEEDED)
RATE, WINDOW = 8000, 0.5
FEATURES = {
    "n_fft": 256,
    "hop": 64,
    "n_mels": 32,
    "fmin": 50.0,
    "fmax": 3500.0,
    "scale": "power_db",
    "normalise": "min_max",
}


def waves(count=4, samples=4000):
    rng = np.random.default_rng(0)
    time = np.arange(samples) / RATE
    made = [0.1 * rng.normal(size=samples), 0.5 * np.sin(2 * np.pi * 440 * time), np.full(samples, 0.25)]
    made += [0.3 * rng.normal(size=samples) * np.sin(7 * time) for _ in range(count - 3)]
    return np.stack(made).astype(np.float32)


@given(st.integers(16, 100), st.data())
def test_the_transform_gives_the_power_of_every_bin_up_to_the_highest(size, data):
    from understory.export import log_mel

    highest = data.draw(st.integers(0, size // 2))
    first, second, bins = log_mel.transform(size, highest)
    columns, rows = len(first), size // len(first)
    frame = np.random.default_rng(size).normal(size=size)
    parts = (frame.reshape(columns, rows).T @ first).reshape(rows, 2, len(second))
    spectra = np.stack([parts[:, :, k].T.ravel() @ second[k] for k in range(len(second))])
    power = np.square(spectra[:, : bins.shape[1]]) + np.square(spectra[:, bins.shape[1] :])
    found = np.zeros(size // 2 + 1)
    np.add.at(found, bins, power)
    expected = np.abs(np.fft.rfft(frame)) ** 2
    assert found[: highest + 1] == pytest.approx(expected[: highest + 1], abs=1e-9)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_fft": 250, "hop": 90, "scale": "notebook", "normalise": "standard", "resize": [20, 31]},
        {"n_fft": 254, "hop": 300, "normalise": "none"},
    ],
    ids=["usual", "resized", "frames apart"],
)
def test_features_are_those_of_the_workflow(changes):
    import keras

    from understory.export import log_mel

    options, sound = {**FEATURES, **changes}, waves()
    inputs = keras.Input((sound.shape[1],))
    model = keras.Model(inputs, log_mel.features(inputs, sample_rate=RATE, **options))
    found = model(sound).numpy()[..., 0]
    expected = np.stack([computed.compute(wave, sample_rate=RATE, **options) for wave in sound])
    # float16 has eleven bits: where a rounding goes the other way, a value differs by one step.
    assert found == pytest.approx(expected, rel=1.1 * 2**-10, abs=2e-4)
    assert (found == expected.astype(np.float16)).mean() > 0.98
    assert not found[2].any()


def tiny(bias, outputs=3):
    import keras
    from keras import layers

    inputs = keras.Input((32, 63, 1))
    x = layers.Flatten()(layers.Conv2D(2, 3, strides=4)(inputs))
    last = layers.Dense(outputs, activation="sigmoid", bias_initializer=keras.initializers.Constant(bias))
    return keras.Model(inputs, last(x))


def built(combine="mean", biases=(-1.0, 0.5), folds=1, weights=None, **options):
    import keras

    from understory.export import ensemble

    keras.utils.set_random_seed(1)
    models = [tiny(bias) for bias in biases]
    blocks = [{"kind": "log_mel", **FEATURES}] * len(models)
    settings = {"sample_rate": RATE, "window": WINDOW, "features": blocks}
    settings |= {"combine": combine, "folds": folds, "weights": weights}
    return ensemble.build(models, settings, **options), models


BIASES = [(-1.0, 0.5), (0.1, 1.0, -1.0), (-1.0, 2.0, 0.3, 0.1, -2.0, 1.2), (0.4, -0.5, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("combine", "biases", "folds", "weights"),
    zip(
        ["mean", "geometric", "mean", "geometric", "mean"],
        [*BIASES[:1], *BIASES],
        [1, 1, 3, 3, 4],
        [[0.2, 0.8], None, None, [0.75, 0.25], None],
        strict=True,
    ),
)
def test_models_are_combined_as_the_workflow_does(combine, biases, folds, weights):
    from understory.inference import score

    model, members = built(combine, biases, folds, weights, silent=[1])
    sound = waves()
    fed = np.stack([computed.compute(wave, sample_rate=RATE, **FEATURES) for wave in sound])
    fed = fed.astype(np.float16).astype(np.float32)[..., None]
    expected = score.combined([member(fed).numpy() for member in members], combine, folds, weights)
    expected[:, 1] = 0
    assert model(sound)["scores"].numpy() == pytest.approx(expected, abs=1e-4)
    assert set(model(sound)) == {"scores"}


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_models_of_mixed_precision_are_exported_in_float32(precision):
    import keras

    from understory.export import convert, ensemble
    from understory.training.architectures import sed_cnn

    keras.config.set_dtype_policy(precision)
    try:
        model = sed_cnn.build((32, 63, 1), 3, filters=[4], dense=4)
    finally:
        keras.config.set_dtype_policy("float32")
    block = {"kind": "log_mel", **FEATURES}
    settings = {"sample_rate": RATE, "window": WINDOW, "features": [block], "combine": "mean", "folds": 1}
    sound, fed = waves(), computed.compute(waves()[0], sample_rate=RATE, **FEATURES)
    expected = model(fed[None, ..., None]).numpy()
    made = ensemble.build([model], settings)
    assert made(sound[:1])["scores"].numpy() == pytest.approx(expected, abs=0.01)
    assert "CONV_2D" in {name for name, _ in convert.operations(convert.to_litert(made))}


def fitted(scores, probabilities, method="isotonic"):
    return calibration.ClassCalibration("a", method, scores, probabilities, 0.5, 0.9, (0.8, 0.95), 600, None)


def test_probabilities_are_those_of_the_calibration():
    """Also where knots lie close to each other, as those of isotonic regression do."""
    known = [fitted((0.1, 0.4, 0.400001, 0.7), (0.0, 0.2, 0.7, 0.95)), fitted((), (), "none"), None]
    model, _ = built(calibrations=known)
    found = {name: values.numpy() for name, values in model(waves()).items()}
    expected = calibration.probability(known[0], found["scores"][:, 0])
    assert found["probabilities"][:, 0] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(found["probabilities"][:, 1:]).all()


def test_models_that_cannot_be_exported_are_refused_in_one_sentence(monkeypatch):
    config = {
        "export": {"onnx": False},
        "ensemble": {"folds": "mean"},
        "train": ["one"],
        "models": {"one": {"features": "mine"}},
        "features": {"mine": {"kind": "log_mel"}, "other": {"kind": "fft_frames"}},
    }
    request.check(config, "audio")
    with monkeypatch.context() as patched:
        patched.setattr(request, "find_spec", lambda name: None if name == "tf2onnx" else name)
        with pytest.raises(InputError, match=r"onnx, onnxruntime, tf2onnx, found .*: pip install tf2onnx$"):
            request.check({**config, "export": {"onnx": True}}, "audio")
    with pytest.raises(InputError, match="models of images, which cannot"):
        request.check(config, "images")
    with pytest.raises(InputError, match="expected mean or geometric for an export, given rank"):
        request.check({**config, "ensemble": {"folds": "rank"}}, "audio")
    with pytest.raises(InputError, match="found fft_frames, which cannot be exported"):
        request.check({**config, "models": {"one": {"features": "other"}}}, "audio")


DESCRIPTION = {
    "calibration": None,
    "detecting": {
        "band": [50.0, 3500.0],
        "hop": 0.25,
        "low": 0.75,
        "merge_gap": 0.0,
        "min_duration": 0.0,
        "precision": 0.9,
        "smoothing": 1,
        "threshold": 0.1,
    },
    "name": "tiny",
    "scoring": {"hop": 0.25, "sample_rate": RATE, "window": WINDOW},
    "task": {
        "classes": ["a", "b", "c"],
        "exhaustive": False,
        "metric": "lwlrap",
        "none": None,
        "scored": "example",
        "unit": "recording",
    },
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small exported model."""
    from understory.export import convert

    place = tmp_path_factory.mktemp("exported") / "model.tflite"
    package.describe(place, convert.to_litert(built()[0]), DESCRIPTION)
    return place


def test_a_file_holds_its_description_and_is_a_zip_archive(exported, tmp_path):
    content, description = package.read(exported)
    assert content == exported.read_bytes()[: len(content)]
    assert DESCRIPTION.items() <= description.items()
    (member,) = zipfile.ZipFile(exported).infolist()
    assert member.filename == "understory.json"
    # No date of today: the same model gives the same bytes.
    assert member.date_time == (1980, 1, 1, 0, 0, 0)
    package.describe(tmp_path / "again", content, DESCRIPTION)
    assert (tmp_path / "again").read_bytes() == exported.read_bytes()


def harm(kind, content):
    size = len(content)
    return {
        "truncated": content[: size // 2],
        "truncated at the end": content[:-10],
        "empty": b"",
        "another program's": b"\0\0\0\0TFL3" + content[8 : size // 3],
        "damaged": content[: size // 3] + b"\xff\x00\xff" + content[size // 3 + 3 :],
    }[kind]


def test_wherever_the_description_is_damaged_it_is_one_sentence_or_does_not_matter(exported, tmp_path):
    whole, path = exported.read_bytes(), tmp_path / "model.tflite"
    content, _ = package.read(exported)
    refused = 0
    for place in range(len(content), len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        try:
            assert package.read(path)[0] == content
        except InputError:
            refused += 1
    assert refused > 0.9 * (len(whole) - len(content) - 46)


@pytest.mark.parametrize(
    "kind", ["truncated", "truncated at the end", "empty", "another program's", "damaged"]
)
def test_a_file_that_is_not_whole_is_one_sentence(kind, exported, tmp_path):
    from understory.export import detect

    path = tmp_path / "model.tflite"
    path.write_bytes(harm(kind, exported.read_bytes()))
    with pytest.raises(
        InputError, match=r"expected a model that was exported as \.tflite, found one that is"
    ):
        detect.Detector(path)


def test_a_format_of_another_version_is_refused(exported, tmp_path, monkeypatch):
    content, _ = package.read(exported)
    monkeypatch.setattr(package, "FORMAT", 2)
    package.describe(tmp_path / "later", content, DESCRIPTION)
    monkeypatch.undo()
    with pytest.raises(InputError, match="expected a model of format 1, found format 2"):
        package.read(tmp_path / "later")


def called(monkeypatch, capsys, *arguments):
    """What `understory-detect` says and how it ends."""
    from understory.export import detect

    monkeypatch.setattr(sys, "argv", ["understory-detect", *map(str, arguments)])
    try:
        detect.main()
        code = 0
    except SystemExit as end:
        code = end.code
    return code, capsys.readouterr()


def test_the_command_says_in_one_sentence_what_is_wrong(exported, tmp_path, monkeypatch, capsys):
    for name in ("x/a.wav", "y/a.wav"):
        (tmp_path / name).parent.mkdir()
        soundfile.write(tmp_path / name, waves()[0], RATE)
    (tmp_path / "none").mkdir()
    for arguments, said in (
        (
            [tmp_path / "no.tflite", tmp_path / "x"],
            "expected a model that was exported as .tflite, found none",
        ),
        ([exported, tmp_path / "nothing"], "expected a sound file, or a folder of sound files, found none"),
        ([exported, tmp_path / "none"], "expected a folder with sound files, found none in it"),
        ([exported, tmp_path / "x", tmp_path / "y"], "expected recordings of different names, found two"),
        (
            [exported, tmp_path / "x", "--output", tmp_path],
            "expected an empty folder for the tables, or none, found another: name one",
        ),
    ):
        code, printed = called(monkeypatch, capsys, "--output", tmp_path / "out", *arguments)
        assert said in str(code)
        assert "\n" not in str(code)
        assert printed.out == ""


def test_recordings_are_called_by_their_path_and_a_bad_one_costs_itself(
    exported, tmp_path, monkeypatch, capsys
):
    (tmp_path / "new/in").mkdir(parents=True)
    soundfile.write(tmp_path / "new/in/b.wav", np.tile(waves()[0], 3), RATE)
    soundfile.write(tmp_path / "short.wav", waves()[3][:1000], RATE)
    (tmp_path / "new/bad.wav").write_bytes(b"RIFF")
    code, printed = called(
        monkeypatch, capsys, exported, tmp_path / "short.wav", tmp_path / "new", "--output", tmp_path / "out"
    )
    assert code == 0
    assert "bad.wav: expected an audio file, found" in printed.err
    lines = (tmp_path / "out/recordings.csv").read_text().splitlines()
    assert [line.rsplit(",", 1)[0] for line in lines] == [
        "path,seconds,began",
        "in/b.wav,1.5,",
        "short.wav,0.125,",
    ]
    assert (tmp_path / "out/failed.csv").read_text().splitlines()[1].startswith("bad.wav,")
    found = (tmp_path / "out/detections.csv").read_text().splitlines()
    assert {line.split(",")[0] for line in found[1:]} == {"in/b.wav", "short.wav"}


def test_a_recording_is_read_window_by_window(exported, tmp_path, monkeypatch):
    """However long it is, no more than one window is there at a time."""
    from understory.export import detect

    soundfile.write(tmp_path / "long.wav", np.tile(waves()[0], 40), RATE)
    alive, read = [], detect.read.read_windows

    def windows(*arguments, **options):
        for wave in read(*arguments, **options):
            alive.append(len(scored))
            yield wave

    detector, scored = detect.Detector(exported), []
    monkeypatch.setattr(detect.read, "read_windows", windows)
    monkeypatch.setattr(detector, "scores", lambda wave: scored.append(1) or np.zeros(3, np.float32))
    result = detector.score(tmp_path / "long.wav", "long.wav")
    assert alive == list(range(len(result.starts)))
    assert len(alive) > 70


@pytest.fixture
def run(tmp_path):
    """The models of a run of two folds, the second of which is the better one, its windows, and what writes its export.

    Their outputs are of song types, merged to classes.
    """
    from understory.export import write
    from understory.training import layers, saving

    paths = [tmp_path / f"fold{fold}.keras" for fold in range(2)]
    for path, bias in zip(paths, (-1.0, 0.5), strict=True):
        saving.save(layers.merging(tiny(bias, 5), [0, 1, 1, 1, 2]), path)
    (tmp_path / "labels.json").write_text(json.dumps(DESCRIPTION["task"]))
    folds = [{"model": "one", "fold": fold, "score": score} for fold, score in enumerate((0.6, 0.7))]
    interval = {"low": 0.5, "high": 0.8}
    scores = {"metric": "lwlrap", "folds": folds, "oof": 0.65, "oof_interval": interval, "truth": None}
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    (tmp_path / "export").mkdir()
    # Of a former export.
    (tmp_path / "export/model.onnx").touch()
    np.save(tmp_path / "train-0.npy", (waves(8) * 32768).astype(np.int16))
    np.save(tmp_path / "train-1.npy", np.zeros((0, 4000), np.int16))
    block = {"kind": "log_mel", **FEATURES}
    scoring = {**DESCRIPTION["scoring"], "combine": "mean", "folds": 2, "architectures": ["sed_cnn"] * 2}
    settings = {
        "detecting": DESCRIPTION["detecting"],
        "export": {"int8": True, "onnx": False, "licence": "CC BY 4.0", "members": "all"},
        "name": "tiny",
        "scoring": {**scoring, "features": [block, block]},
        "trained": [["one", 0], ["one", 1]],
    }
    inputs = {"labels": tmp_path / "labels.json", "calibration": None, "scores": tmp_path / "scores.json"}
    windows = [tmp_path / "train-0.npy", tmp_path / "train-1.npy"]

    def export(windows=windows, **changes):
        own = {**settings, "export": {**settings["export"], **changes}}
        write.write(tmp_path / "export", paths, inputs, windows, own, dict.fromkeys(card.PACKAGES, "1"))
        return tmp_path / "export"

    return export


def test_an_export_has_all_models_or_the_best_alone(run):
    from understory.export import detect, write
    from understory.training import predict

    place, found = run(), {}
    files = [name for name in write.KINDS if name != write.ONNX]
    assert sorted(path.name for path in place.iterdir()) == sorted([*files, write.CARD])
    text = (place / "README.md").read_text()
    assert "2 models (one) that score windows of 0.5 s" in text
    assert "| out of fold (lwlrap) | 0.6500 | 0.5000 to 0.8000 |" in text
    assert "Licence of the recordings: CC BY 4.0." in text
    for name in files:
        data = (place / name).read_bytes()
        assert f"{len(data):,} | {hashlib.sha256(data).hexdigest()} |" in text
    sound = waves()
    own = [predict.load(place.parent / f"fold{fold}.keras", None) for fold in range(2)]
    fed = np.stack([computed.compute(wave, sample_rate=RATE, **FEATURES) for wave in sound])
    fed = fed.astype(np.float16).astype(np.float32)[..., None]
    expected = np.stack([model(fed).numpy() for model in own])
    for name in ("model.tflite", "model-int8.tflite"):
        detector = detect.Detector(place / name)
        found[name] = np.stack([detector.scores(wave) for wave in sound])
    assert found["model.tflite"] == pytest.approx(expected.mean(axis=0), abs=1e-4)
    assert found["model-int8.tflite"] == pytest.approx(expected.mean(axis=0), abs=0.05)
    run([], members="best", onnx=ONNX)
    for name in ("model.tflite", "model.onnx") if ONNX else ("model.tflite",):
        assert detect.Detector(place / name).scores(sound[3]) == pytest.approx(expected[1, 3], abs=1e-4), name
    assert not (place / "model-int8.tflite").exists()
    text = (place / "README.md").read_text()
    assert "1 model (one) that scores windows of 0.5 s" in text
    assert "It was trained by Understory, and it is the one" in text
    assert "out of fold of all models of the run (" in text
    assert "has no windows left to measure it on" in text
    assert "`probabilities`" not in text
    assert ("| model.onnx | ONNX, float32 |" in text) == ONNX


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory):
    """The same small model as an ONNX file."""
    if not ONNX:
        pytest.skip(f"an ONNX file needs {', '.join(request.NEEDED)}, of which one is not installed")
    from understory.export.formats import onnx_model

    place = tmp_path_factory.mktemp("onnx") / "model.onnx"
    known = [fitted((0.1, 0.4, 0.400001, 0.7), (0.0, 0.2, 0.7, 0.95)), fitted((), (), "none"), None]
    model, _ = built(calibrations=known)
    place.write_bytes(onnx_model.convert(model, DESCRIPTION))
    return place, {name: values.numpy() for name, values in model(waves()).items()}


def test_an_onnx_file_computes_what_the_keras_model_does_and_holds_its_description(onnx_file):
    from understory.export import detect, running

    path, expected = onnx_file
    run, description = running.load(path)
    assert DESCRIPTION.items() <= description.items()
    # Together and one by one.
    together, alone = run(waves()), [run(wave[None]) for wave in waves()]
    assert set(together) == {"probabilities", "scores"}
    for name, values in expected.items():
        assert together[name] == pytest.approx(values, abs=1e-5, nan_ok=True)
        assert np.concatenate([one[name] for one in alone]) == pytest.approx(values, abs=1e-5, nan_ok=True)
    assert detect.Detector(path).scores(waves()[0]) == pytest.approx(expected["scores"][0], abs=1e-5)


def test_names_in_an_onnx_file_are_its_own_and_the_rounding_of_features_is_kept(onnx_file):
    """Those of the converter have numbers that differ from process to process; and it leaves out casts that follow each other."""
    import onnx

    graph = onnx.load(onnx_file[0]).graph
    assert [node.name for node in graph.node] == [f"{node.op_type}{n}" for n, node in enumerate(graph.node)]
    assert [each.name for each in graph.initializer] == [f"weight{n}" for n in range(len(graph.initializer))]
    assert {node.attribute[0].i for node in graph.node if node.op_type == "Cast"} > {onnx.TensorProto.FLOAT16}


@pytest.mark.parametrize("kind", ["truncated", "empty", "another program's", "damaged"])
def test_an_onnx_file_that_is_not_whole_is_one_sentence(kind, onnx_file, tmp_path):
    from understory.export import detect

    path = tmp_path / "model.onnx"
    path.write_bytes(harm(kind, onnx_file[0].read_bytes()))
    with pytest.raises(InputError, match=r"expected a model that was exported as \.onnx, found one that is"):
        detect.Detector(path)


def test_a_conversion_that_computes_something_else_is_refused(onnx_file):
    from understory.export.formats import onnx_model

    path, expected = onnx_file
    content, sound = path.read_bytes(), waves()
    onnx_model._compare(content, sound, expected)
    for changed in (expected["scores"] + 0.002, np.full_like(expected["scores"], np.nan)):
        with pytest.raises(
            InputError, match=r"export.onnx: expected scores within 0.001 .* export.onnx: false"
        ):
            onnx_model._compare(content, sound, {"scores": changed})


@pytest.mark.parametrize(
    ("name", "module", "package_name"),
    [
        ("model.onnx", "onnxruntime", "onnxruntime"),
        ("model.tflite", "ai_edge_litert.interpreter", "ai-edge-litert"),
    ],
)
def test_a_runtime_that_is_not_installed_is_one_sentence(
    name, module, package_name, exported, tmp_path, monkeypatch
):
    from understory.export import running

    path = tmp_path / name
    path.write_bytes(exported.read_bytes())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        InputError, match=f"expected {package_name} to run it, .*: pip install {package_name}$"
    ):
        running.load(path)


def test_the_card_says_what_is_known():
    task = {"a|b": fitted((0.1, 0.9), (0.2, 0.95))._replace(label="a|b")}
    criteria = [
        detections.Criterion("a|b", 0.5, "chosen out of fold", task["a|b"], (100.0, 900.0)),
        detections.Criterion("c", math.inf, "not detected", None, None),
    ]
    facts = {
        "best": False,
        "files": [["model.tflite", "LiteRT", "1,000", "ab12"]],
        "licence": None,
        "models": ["one", "one", "two"],
        "name": "mine",
        "notes": [],
        "probabilities": True,
        "scores": None,
        "scoring": {"window": 2.5, "sample_rate": RATE},
        "versions": {"keras": "3"},
    }
    text = card.text(facts, criteria, task)
    assert "3 models (one, two) that score windows of 2.5 s of sound at 8000 Hz for 2 classes" in text
    assert "| a\\|b | 0.5 | chosen out of fold | 0.900 | 0.800 to 0.950 | 600 | 100 to 900 |" in text
    assert "| c | inf | not detected |  |  |  |  |" in text
    # At another threshold than the one that was chosen, the precision is another.
    other = [criteria[0]._replace(threshold=0.3, why="as configured")]
    assert "| a\\|b | 0.3 | as configured |  |  | 600 | 100 to 900 |" in card.text(facts, other, task)
    assert "Licence of the recordings: not stated." in text
    assert "float32 of shape (1, 20000)" in text
    assert "has no scores.json" in text
    interval = {"low": 0.4, "high": 0.6}
    scores = {"metric": "lwlrap", "oof": 0.5, "oof_interval": interval, "folds": [], "truth": None}
    told = {**scores, "caveats": ["The epoch was chosen.", "This is a control run."]}
    assert "\n\n- The epoch was chosen.\n- This is a control run.\n\n## Classes" in card.text(
        {**facts, "scores": told}, criteria, task
    )
    # Of a run of an earlier version.
    text = card.text({**facts, "scores": scores}, criteria, task)
    assert "| out of fold (lwlrap) | 0.5000 | 0.4000 to 0.6000 |\n\n## Classes" in text
