"""Frozen models as features: their files, their formats, and the vectors of windows."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soxr
import stub_models

from understory.audio.features import embedding
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.inference import recording_scores
from understory.inference.embeddings import frozen, model_files, remembered

BLOCK = {
    "kind": "embedding",
    "licence": "MIT",
    "output": None,
    "peak": None,
    "pooling": "mean",
    "remove_mean": False,
    "sha256": None,
    "threads": 1,
}
# By file of the stubs: the format, and the output that has the vectors.
FILES = {
    "perch": ("saved_model", "embedding"),
    "perch.keras": ("keras_file", "embedding"),
    "birdnet_folder": ("saved_model", "embeddings"),
    "birdnet.tflite": ("tflite", stub_models.INNER),
    "yamnet": ("saved_model", "output_1"),
}


def block(path, **changes):
    name = path.name.split(".")[0].split("_")[0]
    rate, window, _ = stub_models.SIGNATURES.get(name, stub_models.SIGNATURES["perch"])
    form, output = FILES.get(path.name, ("", None))
    values = {
        "model": str(path),
        "sample_rate": rate,
        "window": float(window),
        "output": output,
        "format": form,
    }
    return {**BLOCK, **values, **changes}


def wave(seconds, rate, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


def config(path, **changes):
    own = {key: value for key, value in block(path, **changes).items() if key != "format"}
    return {
        "features": {"own": own, "idle": {**own, "model": "nowhere"}, "log_mel": {"kind": "log_mel"}},
        "models": {"head": {"features": "own"}, "other": {"features": "idle"}},
        "train": ["head"],
    }


def planned(path, tmp_path, **changes):
    return model_files.FrozenModels(config(path, **changes), FileDigests(tmp_path / "index"))


@pytest.mark.parametrize("name", FILES)
def test_a_model_gives_the_vectors_of_each_of_its_windows(stubs, name):
    rate, seconds, values = stub_models.SIGNATURES[name.split(".")[0].split("_")[0]]
    model = frozen.Embedder(block(stubs / name, pooling="none"), rate)
    sound = wave(2 * seconds, rate)
    samples = round(seconds * rate)
    found = model.compute(sound, sample_rate=rate)
    assert found.shape == model.shape(len(sound)) == (2, values)
    assert found.dtype == np.float32
    # Each window by itself, and not the mean of all or a window beside it.
    for number, part in enumerate((sound[:samples], sound[samples:])):
        np.testing.assert_allclose(
            model.compute(part, sample_rate=rate), found[number : number + 1], atol=1e-5
        )
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_formats_of_one_model_give_the_same_vectors(stubs):
    rate, seconds, _ = stub_models.SIGNATURES["perch"]
    sound = wave(seconds, rate)
    one, other = (frozen.Embedder(block(stubs / name), rate) for name in ("perch", "perch.keras"))
    np.testing.assert_allclose(
        one.compute(sound, sample_rate=rate), other.compute(sound, sample_rate=rate), atol=1e-5
    )
    rate, seconds, _ = stub_models.SIGNATURES["birdnet"]
    sound = wave(seconds, rate)
    one, other = (frozen.Embedder(block(stubs / name), rate) for name in ("birdnet_folder", "birdnet.tflite"))
    np.testing.assert_allclose(
        one.compute(sound, sample_rate=rate), other.compute(sound, sample_rate=rate), atol=1e-5
    )


def given(sound, rate, **options):
    """The windows that a model is given."""
    seen = []

    def embed(windows):
        seen.append(windows)
        return np.ones((len(windows), 1, 2), np.float32) * np.arange(len(windows))[:, None, None]

    options = {"model": "m", "sample_rate": 1000, "window": 2.0, **options}
    return embedding.compute(sound, rate, embed, **options), np.concatenate(seen)


def test_windows_of_the_model_cover_the_window():
    sound = wave(5, 1000)
    vectors, windows = given(sound, 1000)
    np.testing.assert_array_equal(windows, np.stack([sound[:2000], sound[2000:4000], sound[3000:]]))
    np.testing.assert_array_equal(vectors, [[1, 1]])
    np.testing.assert_array_equal(given(sound, 1000, pooling="max")[0], [[2, 2]])
    np.testing.assert_array_equal(given(sound, 1000, pooling="none")[0], [[0, 0], [1, 1], [2, 2]])
    _, (short,) = given(sound[:500], 1000)
    np.testing.assert_array_equal(short, np.pad(sound[:500], (0, 1500)))


@pytest.mark.parametrize(
    ("rate", "own", "seconds"),
    [(48_000, 32_000, 5), (44_100, 48_000, 0.975), (22_050, 48_000, 1.37), (8000, 48_000, 0.99995)],
)
def test_a_window_as_long_as_the_models_is_one_at_any_rate(rate, own, seconds):
    """Also where rounding makes the resampled window a little longer."""
    sound = wave(seconds, rate)
    _, windows = given(sound, rate, sample_rate=own, window=seconds)
    assert windows.shape == (1, round(own * seconds))
    np.testing.assert_array_equal(windows[0], soxr.resample(sound, rate, own)[: windows.shape[1]])


def test_the_level_is_that_of_each_window_of_the_model():
    sound = np.concatenate([wave(2, 1000) + 0.5, 0.01 * wave(2, 1000), np.zeros(2000, np.float32)])
    _, plain = given(sound, 1000)
    np.testing.assert_array_equal(plain.ravel(), sound)
    _, levelled = given(sound, 1000, remove_mean=True, peak=0.25)
    np.testing.assert_allclose(np.abs(levelled).max(axis=1), [0.25, 0.25, 0], rtol=1e-6)
    np.testing.assert_allclose(levelled.mean(axis=1), 0, atol=1e-6)
    centred = sound[:2000] - sound[:2000].mean()
    np.testing.assert_allclose(levelled[0], 0.25 * centred / np.abs(centred).max(), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("perch", {"output": None}, "expected output to name one of its outputs, embedding, label, given None"),
        ("perch", {"output": "other"}, "expected output to name one of its outputs, embedding, label, given other"),
        ("perch.keras", {"output": "other"}, "or one of its layers, "),
        ("birdnet.tflite", {"output": "other"}, "or a tensor within it, given other"),
        ("perch", {"window": 3.0}, "windows of 96000 samples, float32, .*, found one of shape \\[None, 160000\\], float32"),
        ("perch.keras", {"sample_rate": 16000}, "windows of 80000 samples, float32, .*, found one of shape \\[None, 160000\\]"),
        ("birdnet.tflite", {"window": 5.0}, "windows of 240000 samples, float32, .*, found one of shape \\[1, 144000\\]"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_says_what_it_has(stubs, name, changes, said):
    with pytest.raises(InputError, match=said):
        frozen.Embedder(block(stubs / name, **changes), 32_000)


def test_vectors_that_float16_cannot_hold_are_refused(stubs):
    model = frozen.Embedder(block(stubs / "perch"), 32_000)
    model._embed = lambda windows: np.full((len(windows), 1, 2), 1e5, np.float32)
    with pytest.raises(InputError, match="expected finite values of at most 65504, found 100000"):
        model.compute(wave(5, 32_000), sample_rate=32_000)


def test_a_truncated_tflite_file_and_a_damaged_folder_are_one_sentence(stubs, tmp_path):
    path = tmp_path / "birdnet.tflite"
    path.write_bytes((stubs / "birdnet.tflite").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"expected a whole \.tflite file, found that it cannot be loaded: "):
        frozen.Embedder(block(path), 48_000)
    folder = tmp_path / "perch"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes((stubs / "perch/saved_model.pb").read_bytes()[:1000])
    with pytest.raises(InputError, match="expected a SavedModel, found that it cannot be loaded: "):
        frozen.Embedder(block(folder), 32_000)


def test_a_plan_tells_the_format_by_the_content(stubs, tmp_path):
    for name, (form, _) in FILES.items():
        other = tmp_path / f"model_{name.replace('.', '_')}"
        other.symlink_to(stubs / name)
        assert model_files.format_of(other, "own") == form


def test_a_plan_says_what_is_wrong_with_a_model(stubs, tmp_path):
    def said(path, **changes):
        with pytest.raises(InputError) as error:
            planned(path, tmp_path, **changes)
        assert "\n" not in str(error.value)
        return str(error.value)

    text = tmp_path / "model.tflite"
    text.write_text("<!DOCTYPE html>")
    cut = tmp_path / "perch.keras"
    cut.write_bytes((stubs / "perch.keras").read_bytes()[:-100])
    assert "expected the folder of a SavedModel, or a file .tflite, .keras or .onnx, found none at" in said(
        tmp_path / "nothing"
    )
    assert "found that it cannot be read (File name too long) at" in said(tmp_path / ("x" * 300))
    assert "found another file, or a damaged one, at" in said(text)
    assert "found a folder without saved_model.pb" in said(tmp_path)
    assert f"expected a whole .keras file, found {cut} damaged" in said(cut)
    assert "found code that would be run (a Lambda layer)" in said(stubs / "hostile.keras")
    wrong = said(stubs / "birdnet.tflite", sha256="0" * 64)
    assert wrong.startswith("features.own.sha256: expected 000")
    assert "it is another model" in wrong


def test_a_lambda_layer_within_another_is_found(tmp_path):
    inner = {"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}}
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr(
            "config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [inner]}})
        )
    with pytest.raises(InputError, match="a Lambda layer"):
        model_files.format_of(tmp_path / "m.keras", "own")


def test_a_keras_file_of_other_classes_is_refused(tmp_path):
    layers = [{"module": "keras.layers", "class_name": "Dense"}, {"module": "os", "class_name": "system"}]
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr(
            "config.json", json.dumps({"class_name": "Functional", "config": {"layers": layers}})
        )
    with pytest.raises(InputError, match=r"expected a model of Keras' own layers, found os\.system in "):
        model_files.format_of(tmp_path / "m.keras", "own")


def test_a_saved_model_that_would_write_files_is_not_loaded(stubs, tmp_path):
    """Not even by what initialises it."""
    from tensorflow.core.protobuf import saved_model_pb2

    folder = tmp_path / "perch"
    shutil.copytree(stubs / "perch", folder)
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    node = saved.meta_graphs[0].graph_def.library.function[0].node_def.add()
    for name in (
        "WriteFile",
        "PrintV2",
        "TextLineDataset",
        "InitializeTableFromTextFileV2",
        "ImmutableConst",
        "EagerPyFunc",
    ):
        node.op, node.name = name, "write"
        path.write_bytes(saved.SerializeToString())
        with pytest.raises(InputError, match=f"that reads and writes no files, found {name} in it"):
            frozen.Embedder(block(folder), 32_000)


def test_an_onnx_file_needs_its_runtime(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"\x08\x08\x12\x07pytorch")
    monkeypatch.setattr(model_files, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"expected onnxruntime for .*: pip install onnxruntime"):
        model_files.format_of(path, "own")
    monkeypatch.setattr(model_files, "find_spec", lambda name: True)
    assert model_files.format_of(path, "own") == "onnx_file"


def test_the_digest_is_what_sha256sum_tells(stubs, tmp_path):
    contents = FileDigests(tmp_path / "index")
    commands = {
        "birdnet.tflite": "sha256sum birdnet.tflite",
        "perch": "cd perch && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum",
    }
    for name, command in commands.items():
        done = subprocess.run(command, shell=True, cwd=stubs, capture_output=True, text=True, check=True)
        assert model_files.digest(stubs / name, contents) == done.stdout.split()[0]


def test_a_configuration_names_a_model_by_its_content(stubs, tmp_path):
    """Neither by its path nor by whether its SHA-256 was given; and a model that nothing uses is not looked for."""
    (tmp_path / "elsewhere").symlink_to(stubs / "perch")
    sha256 = model_files.digest(stubs / "perch", FileDigests(tmp_path / "index"))
    one = planned(stubs / "perch", tmp_path, output="embedding")
    other = planned(
        tmp_path / "elsewhere", tmp_path, output="embedding", sha256=sha256.upper(), sample_rate=32_000
    )
    own = one.config["features"]["own"]
    assert own == other.config["features"]["own"]
    assert (own["sha256"], own["format"]) == (sha256, "saved_model")
    assert not {"model", "licence"} & own.keys()
    assert one.config["features"]["idle"] == config(stubs / "perch")["features"]["idle"] | {
        "output": "embedding"
    }
    assert repr(one.places) == repr(other.places)
    assert other.places.paths[sha256] == str(tmp_path / "elsewhere")
    shown = one.shown(one.config)["features"]["own"]
    assert (shown["model"], shown["licence"]) == (str(stubs / "perch"), "MIT")
    assert "format" not in shown
    assert one.facts() == [["frozen model of own", f"perch, SHA-256 {sha256}, licence: MIT"]]


def test_a_model_swapped_after_the_plan_stops_the_job(stubs, tmp_path):
    path = tmp_path / "birdnet.tflite"
    path.write_bytes((stubs / "birdnet.tflite").read_bytes())
    found = planned(path, tmp_path)
    settings = {"features": {"own": found.config["features"]["own"]}}
    assert model_files.placed(settings, found.places)["features"]["own"]["model"] == str(path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(
        InputError, match=r"which the plan found there, found .*: give the same command again"
    ):
        model_files.placed(settings, found.places)


def test_scoring_feeds_models_with_the_vectors(stubs, tmp_path):
    """New and held-out recordings go the way of the examples: the same windows give the same vectors, as float16."""
    import soundfile

    rate, seconds, _ = stub_models.SIGNATURES["perch"]
    sound = wave(2 * seconds, rate)
    soundfile.write(tmp_path / "a.wav", sound, rate, subtype="PCM_16")
    settings = {
        "window": float(seconds),
        "hop": float(seconds),
        "sample_rate": rate,
        "combine": "mean",
        "folds": 1,
    }
    settings["features"] = block(stubs / "perch")

    def head(batch, training):
        return batch[:, 0, :, 0]

    _, found = recording_scores.score_recording(tmp_path / "a.wav", [head], settings)
    stored, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    model = frozen.load(settings["features"], rate)
    parts = np.split(stored, 2)
    expected = np.concatenate([model.compute(part, sample_rate=rate) for part in parts]).astype(np.float16)
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_recipes_give_each_model_its_signature():
    import yaml
    from workflow import ROOT

    from understory.plan.config import checked

    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name, (rate, window, _) in stub_models.SIGNATURES.items():
        recipe = yaml.safe_load((ROOT / f"recipes/{name}.yaml").read_text())
        merged = {
            **base,
            **recipe,
            **{key: {**base[key], **recipe[key]} for key in ("crop", "features", "models")},
        }
        typed = checked({**merged, "augment": {**base["augment"], **recipe["augment"]}})
        own = typed["features"][name]
        assert (own["sample_rate"], own["window"], own["pooling"]) == (rate, window, "mean")
        assert typed["crop"]["sample_rate"] == rate
        level = (own["remove_mean"], own["peak"])
        assert level == ((True, 0.25) if name == "perch" else (False, None))
        assert own["licence"]
        assert Path(own["model"]).parts[0] == "models"


class Counting:
    """In the place of a frozen model: it counts the windows that it computes."""

    def __init__(self):
        self.computed = 0

    def shape(self, samples):
        return 2, 3

    def compute(self, wave, *, sample_rate):
        self.computed += 1
        return np.outer([1, 2], wave[:3]).astype(np.float32)


def test_vectors_are_remembered_by_the_window_whatever_its_order(tmp_path):
    path, windows = tmp_path / "a/train-0.bin", [wave(1, 100, seed) for seed in range(4)]
    first = Counting()
    once = [remembered.Remembered(first, path).compute(each, sample_rate=100) for each in windows[:3]]
    # An interrupted job has written half of another.
    with open(path, "ab") as file:
        file.write(b"x" * 20)
    second = Counting()
    model = remembered.Remembered(second, path)
    again = [model.compute(each, sample_rate=100) for each in reversed(windows)]
    assert (first.computed, second.computed) == (3, 1)
    np.testing.assert_array_equal(np.stack(again[::-1][:3]), np.stack(once))
    third = Counting()
    last = remembered.Remembered(third, path).compute(windows[3], sample_rate=100)
    assert third.computed == 0
    np.testing.assert_array_equal(last, again[0])
    np.testing.assert_array_equal(last, np.outer([1, 2], windows[3][:3]).astype(np.float16))


def test_another_key_forgets_what_was_remembered_of_this_shard_alone(stubs, tmp_path):
    found = planned(stubs / "birdnet.tflite", tmp_path)
    settings = {"features": {"own": found.config["features"]["own"]}}
    before = Path(
        model_files.placed(settings, found.places, tmp_path / "train-1", "a")["features"]["own"]["memory"]
    )
    for path in (before, tmp_path / "train-10-a.bin"):
        path.touch()
    same = model_files.placed(settings, found.places, tmp_path / "train-1", "a")["features"]["own"]["memory"]
    assert same == str(before)
    assert before.exists()
    other = model_files.placed(settings, found.places, tmp_path / "train-1", "b")["features"]["own"]["memory"]
    assert other != same
    assert not before.exists()
    assert (tmp_path / "train-10-a.bin").exists()
    assert frozen.load({**block(stubs / "perch"), "memory": str(before)}, 32_000)._path == before
