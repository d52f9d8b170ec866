"""Finished runs that another run builds on: which of their models, what these know, and what is taken of them."""

import hashlib
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from understory.audio.features import log_mel
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.inference import saved_run
from understory.inference.embeddings import frozen, model_files
from understory.inference.finished_runs import origins, provenance
from understory.inference.finished_runs.start import Start
from understory.training import models, predict, saving

FED = {"kind": "log_mel", "n_fft": 256, "hop": 128, "n_mels": 16, "fmin": 50.0, "fmax": 4000.0}
FED |= {"scale": "power_db", "normalise": "min_max"}
OPTIONS = {"filters": [4, 8], "dense": 8}
RUN = {
    "crop": {"hop": 1.0, "sample_rate": 8000, "window": 1.0},
    "ensemble": {},
    "images": {},
    "split": {"n_splits": 2},
    "features": {"mel": FED},
    "models": {"net": {"architecture": "sed_cnn", "features": "mel", "options": OPTIONS, "select": "last"}},
    "train": ["net"],
}


def network(classes, seed, **options):
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    samples = np.zeros(8000, np.float32)
    own = {key: value for key, value in FED.items() if key != "kind"}
    shape = log_mel.compute(samples, sample_rate=8000, **own).shape
    return models.build("sed_cnn", (*shape, 1), classes, {**OPTIONS, **options})


def save_run(folder, **changes):
    (folder / "ensemble").mkdir(parents=True)
    described = {"run": {**RUN, **changes}, "thresholds": None, "priors": {}}
    (folder / saved_run.FILE).write_text(json.dumps(described))
    (folder / "labels.json").write_text(json.dumps({"classes": ["x", "y", "z"]}))
    for fold in (0, 1):
        place = folder / f"models/net/fold{fold}"
        place.mkdir(parents=True)
        saving.save(network(3, fold), place / "last.keras")
        provenance.write(place / provenance.FILE, {f"c{1 - fold}", "both"})
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two folds, whose models know the recordings c1 and c0, and both of them one more."""
    return save_run(tmp_path_factory.mktemp("runs") / "birds")


def finished(run, tmp_path, name=None, **others):
    return origins.finished(run, name, "here", FileDigests(tmp_path / "index"), **others)


@pytest.mark.parametrize(
    ("held", "known", "expected"),
    [
        # The same folds, in another order, and other recordings with more folds than the other run has.
        ([{"a"}, {"b"}], [{"b"}, {"a"}], {0: 0, 1: 1}),
        ([{"a"}, {"b"}], [{"a"}, {"b"}], {0: 1, 1: 0}),
        ([{"a"}, {"b"}, {"c"}, {"d"}, {"e"}], [{"x"}, {"y"}, {"z"}], {0: 0, 1: 1, 2: 2, 3: 0, 4: 1}),
        ([{"a"}, {"b"}], [{"a"}, {"a"}, {"x"}], {0: 2, 1: 1}),
    ],
)
def test_a_fold_starts_from_a_model_that_knows_nothing_that_it_holds_out(held, known, expected):
    validated = {number: {name: name for name in names} for number, names in enumerate(held)}
    assert provenance.chosen(validated, known, "here", "results/birds") == expected


def test_where_every_model_knows_too_much_it_is_said_how_much():
    validated = {0: {"r0": "a", "r1": "b"}, 1: {"r2": "c", "r3": "d", "r4": "e"}}
    wrong = (
        r"here: expected that a model of results/birds was not trained with .* found that each was, with 1 or more of the 3 "
        r"of fold 1, such as r2: take the folds of that run"
    )
    with pytest.raises(InputError, match=wrong):
        provenance.chosen(validated, [{"c", "d"}, {"c"}], "here", "results/birds")
    held = validated[0] | validated[1]
    provenance.check_apart(held, {"x"}, "here", "results/birds")
    with pytest.raises(
        InputError, match="found that they were with 2 of 5, such as r1, r4: take a run of other"
    ):
        provenance.check_apart(held, {"b", "e"}, "here", "results/birds")


def test_recordings_are_told_by_their_content(tmp_path):
    for name, text in {
        "a.wav": "1",
        "b.wav": "1",
        "c.wav": "2",
        "s/T1/0.dcm": "1",
        "s/T1/1.dcm": "2",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    studies = {"s": ["s/T1/0.dcm", "s/T1/1.dcm"]}
    source = SimpleNamespace(
        files=lambda row: studies.get(row.path, [row.path]), place=lambda path: str(tmp_path / path)
    )
    names = ["a.wav", "b.wav", "c.wav", "s"]
    table = pd.DataFrame({"recording_id": names, "path": names})
    found = provenance.contents_of(table, source, FileDigests(tmp_path / "index")).set_index("recording_id")
    assert found.content["a.wav"] == found.content["b.wav"] == "sha256:6b86b273ff34fce1"
    assert found.content.nunique() == 3
    (tmp_path / "c.wav").unlink()
    with pytest.raises(InputError, match=r"were inspected, found that c.wav cannot be read any more"):
        provenance.contents_of(table, source, FileDigests(tmp_path / "index"))


def test_folds_hold_out_what_scores_them_and_train_with_the_rest():
    contents = pd.DataFrame({"recording_id": list("abcdu"), "content": list("ABCDU")})
    folds = pd.DataFrame({"recording_id": list("aabbd"), "fold": [0, 0, 0, 1, -1]})
    validated, trained = provenance.by_fold(contents, folds, exhaustive=False)
    # Of b, either fold holds out an example.
    assert validated == {0: {"a": "A", "b": "B"}, 1: {"b": "B"}}
    assert trained == {0: {"B", "D"}, 1: {"A", "B", "D"}}
    validated, again = provenance.by_fold(contents, folds, exhaustive=True)
    assert again == trained
    # What has no example is scored as well, where that tells that there is nothing.
    assert {name for held in validated.values() for name in held} == {"a", "b", "c", "u"}


def test_a_run_that_cannot_be_built_on_says_why(run, tmp_path):
    with pytest.raises(InputError, match="here: expected the folder of a finished run"):
        finished(tmp_path, tmp_path)
    with pytest.raises(
        InputError, match=r"here: expected the name of a model of .*birds \(net\), given other"
    ):
        finished(run, tmp_path, "other")
    several = save_run(tmp_path / "b", train=["net", "two"], models={"net": RUN["models"]["net"], "two": {}})
    with pytest.raises(InputError, match=r"expected the name of a model of .* \(net, two\), given none"):
        finished(several, tmp_path)
    assert finished(several, tmp_path, like="net").name == "net"
    # A member takes that of the same seed, or else the model of its name.
    assert finished(several, tmp_path, like="net-seed1").name == "net"
    seeds = {"net": RUN["models"]["net"], "net-seed1": RUN["models"]["net"]}
    members = save_run(tmp_path / "c", train=list(seeds), models=seeds)
    shutil.copytree(members / "models/net", members / "models/net-seed1")
    assert finished(members, tmp_path, like="net-seed1").name == "net-seed1"
    old = several / f"models/net/fold1/{provenance.FILE}"
    old.unlink()
    with pytest.raises(InputError, match="the run is of an earlier version; run it again with this one"):
        finished(several, tmp_path, "net")
    (several / "models/net/fold0/last.keras").write_bytes(b"half")
    with pytest.raises(InputError, match=r"expected the models of every fold in .*, found a damaged file at"):
        finished(several, tmp_path, "net")


def start(run, tmp_path, fold=0, validated=None, classes=("u", "v"), control="none", **init):
    found = finished(run, tmp_path)
    classes_of_run = json.loads((run / "labels.json").read_text())["classes"]
    block = {"architecture": "sed_cnn", "classes": origins.hashing.digest(classes_of_run), "frozen": 0}
    block |= {"model": "net", "sha256": found.sha256, **init}
    held = validated or {0: {"r": "c0"}, 1: {"s": "c1"}}
    origin = origins.Origin(found, None, None, str(tmp_path / "index"))
    return Start(origin, "mine", {"init_from": block}, fold, held, classes, control)


def weights(layer):
    return [np.array(each) for each in layer.weights]


def equal(one, other):
    return all(np.array_equal(*pair) for pair in zip(weights(one), weights(other), strict=True))


@pytest.mark.parametrize("fold", [0, 1])
def test_a_network_takes_the_layers_of_the_model_that_does_not_know_its_fold(run, tmp_path, capsys, fold):
    own, before = network(2, 9), network(2, 9)
    begun = start(run, tmp_path, fold, frozen=3)
    begun.take(own)
    other = predict.load(run / f"models/net/fold{fold}/last.keras")
    for layer, theirs in zip(own.layers, other.layers, strict=True):
        if layer.weights and layer.name != "attention_pooling":
            assert equal(layer, theirs)
            assert not layer.trainable
    assert equal(own.layers[-1], before.layers[-1])
    assert own.layers[-1].trainable
    assert begun.known == {f"c{1 - fold}", "both"}
    said = capsys.readouterr().out
    assert f"fold {fold} starts from fold {fold} of net" in said
    assert "taken: 5 layers with weights, conv2d 5x5x1x4, batch_normalization 4 4 4 4, " in said
    assert "classes differ: 1, attention_pooling 8x2 2 8x2 2\n" in said
    assert "the 5 layers taken before the head do not train in the first 3 epochs" in said


def test_a_head_of_the_same_classes_is_taken_and_trains_but_not_of_shuffled_labels(run, tmp_path):
    other = predict.load(run / "models/net/fold0/last.keras")
    for classes, control, taken in [
        ("xyz", "none", True),
        ("xyz", "shuffled_labels", False),
        ("abc", "none", False),
    ]:
        own = network(3, 9)
        start(run, tmp_path, classes=list(classes), control=control, frozen="all").take(own)
        assert equal(own.layers[-1], other.layers[-1]) == taken
        assert own.layers[-1].trainable
        assert equal(own.layers[1], other.layers[1])


def test_a_layer_of_another_shape_stays_and_no_layer_at_all_is_said(run, tmp_path, capsys):
    own = network(2, 9, dense=4)
    start(run, tmp_path).take(own)
    assert re.search(r"classes differ: 2, dense \d+x4 4, attention_pooling 4x2 2", capsys.readouterr().out)
    with pytest.raises(
        InputError, match=r"models.mine.init_from: expected layers of the same names and shapes"
    ):
        start(run, tmp_path).take(network(2, 9, filters=[3, 5], dense=4))


def test_models_that_are_others_than_those_of_the_plan_stop_the_training(run, tmp_path):
    with pytest.raises(InputError, match="found others: give the same command again"):
        start(run, tmp_path, sha256="0" * 64)


def application(name, size=32):
    """A network of keras.applications without its top."""
    import keras

    make = {"convnext_tiny": "ConvNeXtTiny", "efficientnetv2b0": "EfficientNetV2B0"}[name]
    return getattr(keras.applications, make)(include_top=False, weights=None, input_shape=(size, size, 3))


def weights_file(tmp_path, network):
    """Its weights in the format of the files that Keras offers."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(tmp_path / "weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return tmp_path / "weights.h5"


def of_file(path, tmp_path, frozen=0):
    """The start from a file, as the plan gives it to a training."""
    given = config("unused")
    given["features"] = {"mel": FED}
    given["models"] = {
        "net": {"features": "mel", "init_from": {"run": None, "weights": str(path), "frozen": frozen}}
    }
    found = origins.Origins({**given, "train": ["net"]}, FileDigests(tmp_path / "index"))
    block, origin = found.config["models"]["net"], found.of(SimpleNamespace(model="net"))
    assert found.shown(found.config)["models"]["net"]["init_from"]["weights"] == str(path)
    return found, block, Start(origin, "net", block, 0, {0: {"r": "c0"}}, ["u", "v"], "none")


@pytest.mark.parametrize("name", ["convnext_tiny", "efficientnetv2b0"])
@pytest.mark.parametrize("form", ["weights.h5", "net.weights.h5"])
def test_a_network_of_keras_applications_takes_the_weights_of_a_file(tmp_path, capsys, name, form):
    from understory.core import choices

    other, path = application(name), tmp_path / form
    other.save_weights(path) if form == "net.weights.h5" else weights_file(tmp_path, other)
    found, block, begun = of_file(path, tmp_path, frozen=3)
    # Where the file lies is nothing that results depend on; what it holds is.
    assert block["init_from"] == {"frozen": 3, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert found.facts() == [
        ["start of net", f"{form}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"]
    ]
    assert begun.known == set()
    own = choices.load("understory.training.architectures", name).build((48, 40, 1), 2)
    (body,) = (layer for layer in own.layers if len(layer.weights) > 100)
    head = [np.array(each) for each in own.layers[-2].weights]
    begun.take(own)
    assert all(np.array_equal(*pair) for pair in zip(body.get_weights(), other.get_weights(), strict=True))
    assert all(np.array_equal(*pair) for pair in zip(own.layers[-2].get_weights(), head, strict=True))
    assert not body.trainable_weights
    assert own.layers[-2].trainable_weights
    said = capsys.readouterr().out
    assert f"taken: the {len(body.weights)} weights of {body.name} in {path}\n" in said
    assert "do not train in the first 3 epochs" in said


def raising(error):
    def raises(*_):
        raise error

    return raises


def test_a_file_of_other_weights_or_of_none_is_said(tmp_path, monkeypatch):
    from understory.training.architectures import efficientnetv2b0

    place = r"models\.net\.init_from\.weights: expected "
    with pytest.raises(
        InputError, match=place + r"a file of weights \(\.h5\), found none at .*nowhere\.h5: docs"
    ):
        of_file(tmp_path / "nowhere.h5", tmp_path)
    (tmp_path / "text.h5").write_text("weights")
    with pytest.raises(InputError, match=place + r".*found another file, or a damaged one, at .*text\.h5"):
        of_file(tmp_path / "text.h5", tmp_path)
    path = weights_file(tmp_path, application("convnext_tiny"))
    shutil.copy(path, tmp_path / "weights.bin")
    with pytest.raises(
        InputError, match=place + r".*found another file, or a damaged one, at .*weights\.bin"
    ):
        of_file(tmp_path / "weights.bin", tmp_path)
    *_, begun = of_file(path, tmp_path)
    with pytest.raises(
        InputError, match=place + r"the weights of efficientnetv2-b0 without its top, found others in"
    ):
        begun.take(efficientnetv2b0.build((32, 32, 1), 2))
    # Damaged within, of which h5py raises errors of several kinds.
    own = efficientnetv2b0.build((32, 32, 1), 2)
    for kind in (RuntimeError, TypeError, OSError):
        monkeypatch.setattr("keras.Model.load_weights", raising(kind("bad symbol table\nnode")))
        with pytest.raises(InputError, match=place + ".*: bad symbol table"):
            begun.take(own)
    monkeypatch.undo()
    wrong = application("efficientnetv2b0")
    wrong.set_weights([np.full_like(each, np.nan) for each in wrong.get_weights()])
    *_, begun = of_file(weights_file(tmp_path, wrong), tmp_path)
    with pytest.raises(InputError, match=place + "finite values, found others"):
        begun.take(efficientnetv2b0.build((32, 32, 1), 2))
    *_, origin = of_file(path, tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="expected the weights that the plan found there, found others"):
        Start(origin._origin, "net", {"init_from": origin._block}, 0, {0: {"r": "c0"}}, ["u"], "none")


@pytest.mark.parametrize(
    ("folds", "content", "said"),
    [
        # Which fold holds out what is only known where the data set has folds of its own.
        (None, {"a": "new", "b": "c0"}, None),
        (
            None,
            {"a": "both", "b": "new"},
            "all folds of .* were with 1 of 2, such as a: .* or leave these out",
        ),
        ({"a": 0, "b": 1}, {"a": "c0", "b": "c1"}, None),
        ({"a": 1, "b": 1}, {"a": "c0", "b": "c1"}, "each was, with 1 or more of the 2 of fold 1, such as a"),
    ],
)
@pytest.mark.parametrize("wanted", ["start", "embedding"])
def test_what_is_known_before_any_job_stops_it_before_any_job(
    run, tmp_path, monkeypatch, folds, content, said, wanted
):
    given = config(run)
    given["features"]["mel"] = FED
    if wanted == "start":
        given["models"]["head"] = {
            "features": "mel",
            "init_from": {"run": str(run), "model": None, "frozen": 0},
        }
    found = origins.Origins(given, FileDigests(tmp_path / "index"))
    monkeypatch.setattr(provenance, "identities", lambda recordings, *_: [content[each] for each in "ab"])
    recordings = [SimpleNamespace(recording_id=name) for name in "abu"]
    annotations = [SimpleNamespace(recording_id=name, presence="present") for name in "ab"]
    tables = SimpleNamespace(annotations=annotations, folds=folds, recordings=recordings, unvalidated=())
    found.check(None, None)
    if wanted == "embedding" and set(content.values()) & {"c0", "c1", "both"}:
        said = "features.own.model: expected that the models of"
    if said is None:
        found.check(tables, None)
    else:
        with pytest.raises(InputError, match=said):
            found.check(tables, None)


def config(model, **changes):
    block = {
        "kind": "embedding",
        "licence": None,
        "output": None,
        "peak": None,
        "pooling": "mean",
        "window": None,
    }
    block |= {"remove_mean": False, "sample_rate": None, "sha256": None, "threads": 1, "model": str(model)}
    return {
        "features": {"own": {**block, **changes}},
        "models": {"head": {"features": "own", "init_from": {"run": None}}},
        "models_from": None,
        "name": "next",
        "train": ["head"],
    }


def test_a_run_as_an_embedding_gives_the_inputs_of_its_heads(run, tmp_path):
    contents = FileDigests(tmp_path / "index")
    found = origins.Origins(config(run), contents)
    block = found.config["features"]["own"]
    assert (block["format"], block["output"]) == ("finished_run", "net")
    assert (block["sample_rate"], block["window"]) == (8000, 1.0)
    assert not {"model", "licence"} & block.keys()
    assert "init_from" not in found.config["models"]["head"]
    settings = model_files.placed({"features": {"own": block}}, found.places)
    model = frozen.load(settings["features"]["own"], 8000)
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    vectors = model.compute(sound, sample_rate=8000)
    assert vectors.shape == model.shape(16_000) == (1, 16)
    own = {key: value for key, value in FED.items() if key != "kind"}
    expected = []
    for fold in (0, 1):
        whole = predict.load(run / f"models/net/fold{fold}/last.keras")
        import keras

        body = keras.Model(whole.input, whole.layers[-1].input)
        frames = [
            np.array(body(log_mel.compute(part, sample_rate=8000, **own).astype(np.float16)[None, ..., None]))
            for part in np.split(sound, 2)
        ]
        expected.append(np.concatenate(frames).reshape(-1, 8).mean(axis=0))
    np.testing.assert_allclose(vectors[0], np.concatenate(expected), atol=1e-5)
    assert np.ptp(vectors) > 0


def test_a_run_is_named_by_its_content_and_held_to_its_own_window(run, tmp_path):
    contents = FileDigests(tmp_path / "index")
    shutil.copytree(run, tmp_path / "elsewhere")
    one, other = (origins.Origins(config(place), contents) for place in (run, tmp_path / "elsewhere"))
    assert one.config == other.config
    assert repr(one.places) == repr(other.places)
    assert one.shown(one.config)["features"]["own"]["model"] == str(run)
    with pytest.raises(InputError, match=r"features.own.window: expected 1, as the models of .* given 3"):
        origins.Origins(config(run, window=3.0), contents)
    pictures = save_run(tmp_path / "pictures", features={"mel": {"kind": "picture"}})
    with pytest.raises(InputError, match="fed with features of sound, found picture in"):
        origins.Origins(config(pictures), contents)
    with open(tmp_path / "elsewhere/models/net/fold1/last.keras", "ab") as file:
        file.write(b"\0")
    changed = origins.Origins(config(tmp_path / "elsewhere"), FileDigests(None))
    assert changed.config["features"]["own"]["sha256"] != one.config["features"]["own"]["sha256"]


def test_a_frozen_model_that_is_no_run_needs_its_window(stubs, tmp_path):
    with pytest.raises(InputError, match=r"features.own.window: expected a number, as only a finished run"):
        origins.Origins(config(stubs / "perch.keras", sample_rate=32_000), FileDigests(tmp_path / "index"))
