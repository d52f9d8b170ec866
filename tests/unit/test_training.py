import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from understory.core import processor
from understory.core.errors import InputError
from understory.data import store
from understory.evaluation.metrics import lwlrap
from understory.training import fit as training
from understory.training import metrics, predict, resuming, saving, throughput
from understory.training.averaging import MovingAverage
from understory.training.inputs import batches, examples, targets

CLASSES = ["x", "y", "z"]
SETTINGS = {
    "architecture": "sed_cnn",
    "options": {"filters": [4], "dense": 8, "dropout": 0.5},
    "loss": {"name": "binary_crossentropy", "unknown_weight": 0.3},
    "optimiser": {"name": "adam", "learning_rate": 0.01},
    "schedule": {"name": "cosine", "warmup": 0.2},
    "epochs": 4,
    "batch_size": 5,
    "mixup": 0.4,
    "balance": 0.0,
    "augment": [],
    "mixup_of": "values",
    "mixup_labels": "shares",
    "average_weights": None,
    "patience": None,
    "select": "last",
    "threads": 1,
    "precision": "float32",
}


@pytest.fixture
def shards(tmp_path):
    """Three shards, as recorded and once augmented, of examples of three classes in two folds."""
    rng = np.random.default_rng(0)
    rows = [
        {"example_id": f"e{i:02}", "recording_id": f"r{i:02}", "label": CLASSES[i % 3]} for i in range(24)
    ]
    index = pd.DataFrame(rows).assign(presence="present", absent="")
    index["present"] = index.label
    index.loc[22:, "presence"], index.loc[22:, "present"], index.loc[22:, "absent"] = (
        "absent",
        "",
        index.label[22:],
    )
    folds = index[["example_id", "recording_id", "label"]].assign(fold=np.arange(24) // 3 % 2)
    found = []
    for variant in (0, 1):
        for shard in range(3):
            own = index[np.arange(24) % 3 == shard]
            array = rng.random((len(own), 16, 20)).astype(np.float16)
            array[np.arange(len(own)), [CLASSES.index(label) * 5 for label in own.label]] += 1
            paths = (tmp_path / str(variant) / f"{shard}.npy", tmp_path / str(variant) / f"{shard}.csv")
            store.write(*paths, array, own)
            found.append((variant, *paths))
    return found, folds


def read(shards):
    opened = ((variant, *store.read(array, index)) for variant, array, index in shards[0])
    return examples.Examples(opened, shards[1], CLASSES, exhaustive=False)


def train(shards, state, start=None, **changed):
    options = {
        "start": start,
        "fold": 0,
        "name": "m",
        "settings": {**SETTINGS, **changed},
        "metric": metrics.metric(lwlrap),
        "seed": 3,
        "control": "none",
    }
    return training.train(read(shards), state=state, **options)


def test_examples_are_ordered_by_id_and_variant_each_with_its_own_row(shards):
    data = read(shards)
    keys = list(zip(data.index.example_id, data.index.variant, strict=True))
    assert keys == sorted(keys)
    folds = shards[1].set_index("example_id")
    stored = [store.read(array, index) for _, array, index in shards[0]]
    for number, row in enumerate(data.index.itertuples()):
        array, index = stored[row.part]
        told = index.iloc[row.row]
        for column in ("example_id", "recording_id", "presence", "present", "absent"):
            assert getattr(row, column) == told[column]
        assert row.variant == shards[0][row.part][0]
        assert (row.fold, row.label) == tuple(folds.loc[row.example_id, ["fold", "label"]])
        np.testing.assert_array_equal(data.rows([number])[0, ..., 0], array[row.row])


def test_validation_never_sees_a_copy_nor_training_its_fold(shards):
    data = read(shards)
    for fold in (0, 1):
        inside, outside = data.validation_rows(fold), data.training_rows(fold, centred=False)
        assert (data.index.variant[inside] == 0).all()
        assert (data.index.presence[inside] == "present").all()
        assert set(data.index.fold[inside]) == {fold}
        assert set(data.index.fold[outside]) == {1 - fold}
        assert set(data.index.variant[outside]) == {0, 1}
        assert not set(data.index.example_id[inside]) & set(data.index.example_id[outside])
        assert set(data.index.presence[data.training_rows(fold, centred=True)]) == {"present"}


def test_the_order_of_shards_does_not_matter(shards):
    data, turned = read(shards), read((shards[0][::-1], shards[1]))
    pd.testing.assert_frame_equal(data.index.drop(columns="part"), turned.index.drop(columns="part"))
    np.testing.assert_array_equal(data.rows(range(len(data.index))), turned.rows(range(len(data.index))))


def test_examples_without_a_fold_are_named(shards):
    with pytest.raises(InputError, match=r"folds.csv: expected every example, 1 are missing, such as e23"):
        read((shards[0], shards[1].iloc[:-1]))


def freeze(model):
    for layer in model.layers[:-1]:
        layer.trainable = False


@pytest.mark.parametrize(("frozen", "parts"), [("all", [4]), (3, [3, 1]), (0, [4])])
def test_frozen_layers_stay_as_they_were_for_as_long_as_they_are(
    shards, tmp_path, monkeypatch, frozen, parts
):
    """Also the statistics of their batch normalisation; and each part has a schedule of its own length."""
    seen, steps, optimiser = [], [], training.models.optimiser

    def watched(settings, number):
        steps.append(number)
        return optimiser(settings, number)

    monkeypatch.setattr(training.models, "optimiser", watched)

    def start(model):
        if frozen:
            freeze(model)
        seen.append([np.array(weight) for layer in model.layers[:-1] for weight in layer.weights])

    def body(path):
        return [np.array(weight) for layer in predict.load(path).layers[:-1] for weight in layer.weights]

    def same(one, other):
        return [np.array_equal(*pair) for pair in zip(one, other, strict=True)]

    settings = {"init_from": {"frozen": frozen}, "mixup": 0}
    last, _, history = train(shards, tmp_path / "s", start, **settings)
    assert len(history) == 4
    an_epoch = -(-len(read(shards).training_rows(0, centred=False)) // SETTINGS["batch_size"])
    assert steps == [an_epoch * part for part in parts]
    saving.save(last, tmp_path / "last.keras")
    assert any(same(seen[0], body(tmp_path / "last.keras"))) == (frozen == "all")
    if frozen:
        short, _, _ = train(shards, tmp_path / "t", start, **settings, epochs=3)
        saving.save(short, tmp_path / "short.keras")
        assert all(same(seen[0], body(tmp_path / "short.keras")))


def test_predictions_that_are_not_finite_are_refused(shards):
    data = read(shards)
    inputs = keras.Input(data.shape)
    outputs = keras.layers.Dense(3, name="out")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs, name="net")
    rows = np.arange(4)
    assert predict.predict(model, data, rows, batch_size=2).shape == (4, 3)
    model.get_layer("out").bias.assign([0, np.nan, 0])
    with pytest.raises(InputError, match="net: expected finite predictions, found others"):
        predict.predict(model, data, rows, batch_size=2)


def nested():
    """A model in which a network has a part that is a network as well, as those of keras.applications have."""
    import keras
    from keras import layers

    stem = keras.Sequential(
        [layers.Conv2D(2, 3, name="conv"), layers.LayerNormalization(name="norm")], name="stem"
    )
    given, inputs = (keras.Input((8, 8, 1)) for _ in range(2))
    body = keras.Model(inputs, layers.Conv2D(2, 1, name="last")(stem(inputs)), name="body")
    pooled = layers.GlobalAveragePooling2D()(body(given))
    return keras.Model(given, layers.Dense(1, name="out")(pooled))


def test_the_parts_of_a_network_within_a_loaded_model_train_as_well(tmp_path):
    import keras

    from understory.inference.finished_runs import start
    from understory.training import fit

    model = nested()
    shapes = start._shapes(model.get_layer("body"))
    model.get_layer("body").trainable = False
    model.save(tmp_path / "frozen.keras")
    loaded = keras.saving.load_model(tmp_path / "frozen.keras")
    for layer in fit._parts(loaded):
        layer.trainable = True
    assert len(loaded.trainable_variables) == len(model.weights) == 8
    # Its parts have other names where it was loaded, and are the same.
    assert start._shapes(loaded.get_layer("body")) == shapes
    assert start._shapes(loaded.get_layer("out")) == start._shapes(model.get_layer("out"))


EVERYTHING = {
    "init_from": {"frozen": 2},
    "augment": [{"time_roll": {}}, {"frequency_mask": {"max_share": 0.3}}],
    "mixup_of": "power",
    "average_weights": 0.5,
}


@pytest.mark.parametrize(
    ("changed", "stops"),
    [
        ({}, (2, 5)),
        ({"precision": "mixed_float16", "epochs": 2}, (3,)),
        # In the first epoch in which all layers train; the others are in an epoch in which some are frozen, and after that.
        (EVERYTHING, (4,)),
        pytest.param(EVERYTHING, (3, 5), marks=pytest.mark.soak),
    ],
)
def test_a_killed_training_goes_on_to_the_same_bytes(shards, tmp_path, monkeypatch, capsys, changed, stops):
    start = freeze if "init_from" in changed else None
    model, best, history = train(shards, tmp_path / "whole", start, **changed)
    saving.save(model, tmp_path / "whole.keras")
    save, saved = saving.save, []

    class Killed(BaseException):
        pass

    def killed(model, path):
        saved.append(path.name)
        if len(saved) == stop:
            raise Killed
        save(model, path)

    for stop in stops:
        saved.clear()
        state = tmp_path / f"killed{stop}"
        monkeypatch.setattr(resuming, "save", killed)
        with pytest.raises(Killed):
            train(shards, state, start, **changed)
        monkeypatch.setattr(resuming, "save", save)
        capsys.readouterr()
        resumed, resumed_best, resumed_history = train(shards, state, start, **changed)
        assert "resuming after epoch" in capsys.readouterr().out or stop == 2
        saving.save(resumed, tmp_path / "resumed.keras")
        assert (tmp_path / "resumed.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()
        assert resumed_best.read_bytes() == best.read_bytes()
        assert resumed_history == history


def test_a_training_that_goes_on_on_another_kind_of_processor_says_so(shards, tmp_path, monkeypatch, capsys):
    train(shards, tmp_path / "s", epochs=1)
    monkeypatch.setattr(processor, "instructions", lambda: "avx, avx2")
    train(shards, tmp_path / "s", epochs=2)
    found = capsys.readouterr().out
    assert "the next ones are with avx, avx2: the last digits of results will not be those" in found
    assert "instruction_set: avx2" in found
    train(shards, tmp_path / "s", epochs=3)
    assert "last digits" not in capsys.readouterr().out


def test_the_best_epoch_is_kept(shards, tmp_path):
    _, best, history = train(shards, tmp_path / "s")
    data = read(shards)
    rows = data.validation_rows(0)
    predictions = predict.predict(predict.load(best), data, rows, batch_size=5)
    assert lwlrap.score(data.labels.take(rows), predictions) == pytest.approx(
        max(e["val_lwlrap"] for e in history), abs=1e-5
    )
    assert saving.history_csv(history).splitlines()[0].startswith("epoch,")


def test_shifts_average_predictions_of_rolled_frames(shards, tmp_path):
    model, _, _ = train(shards, tmp_path / "s", epochs=1)
    data = read(shards)
    rows = data.validation_rows(0)
    frames = data.shape[1]
    rolled = [np.roll(data.rows(rows), round(frames * step / 3), axis=2) for step in range(3)]
    expected = np.mean([model.predict(each, verbose=0) for each in rolled], axis=0)
    found = predict.predict(model, data, rows, batch_size=5, shifts=3)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.abs(found - predict.predict(model, data, rows, batch_size=5)).max() > 1e-4


@pytest.mark.parametrize(
    "schedule", [{"name": "constant"}, {"name": "exponential", "decay_steps": 3, "decay_rate": 0.9}]
)
@pytest.mark.parametrize(
    "optimiser",
    [
        {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01},
        {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9},
    ],
)
def test_every_optimiser_and_schedule_trains(shards, tmp_path, schedule, optimiser):
    _, _, history = train(shards, tmp_path / "s", schedule=schedule, optimiser=optimiser, epochs=1, mixup=0)
    assert np.isfinite(list(history[0].values())).all()


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_model_trains_in_any_precision_and_says_how_fast(shards, tmp_path, capsys, precision):
    model, _, history = train(shards, tmp_path / "s", precision=precision, epochs=1)
    told = capsys.readouterr().out
    assert f"precision {precision}\n" in told
    assert len(re.findall(r" \d+ examples/s, \d+% of the time waiting for input$", told, re.M)) == 1
    assert np.isfinite(list(history[0].values())).all()
    assert {layer.compute_dtype for layer in model.layers} == {"float32", precision.removeprefix("mixed_")}
    # Weights and outputs stay what they are, and so does what the next model is made of.
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_waiting_for_input_is_told_from_computing(monkeypatch):
    """Steps of 1 s after 4 s of compiling; the first batch takes 2 s, and the others are there long before their steps."""
    now = [0.0]
    monkeypatch.setattr(throughput.time, "monotonic", lambda: now[0])

    class Slow(list):
        def __getitem__(self, number):
            now[0] += 2.0 if number == 0 else 0.0
            return super().__getitem__(number)

    timed = throughput.TimedBatches(Slow("abc"))
    watch = throughput.Throughput(timed)
    watch.on_epoch_begin(0)
    now[0] = 4.0
    assert [timed[number] for number in range(3)] == ["a", "b", "c"]
    for number in range(3):
        now[0] += 1.0
        watch.on_train_batch_end(number)
    assert (watch.seconds, watch.waited) == (9.0, 2.0)
    assert watch.summary(90) == "10 examples/s, 22% of the time waiting for input"


def test_shuffled_labels_change_places_only_among_training_examples(shards):
    data = read(shards)
    rows = data.training_rows(0, centred=False)
    shuffled = targets.training_targets(data, "labels", control="shuffled_labels", rows=rows, seed=1)
    outside = np.setdiff1d(np.arange(len(data.index)), rows)
    np.testing.assert_array_equal(shuffled.take(outside), data.labels.take(outside))
    assert not np.array_equal(shuffled.take(rows), data.labels.take(rows))
    by_example = pd.DataFrame(shuffled.take(rows)).groupby(data.index.example_id[rows].to_numpy())
    assert (by_example.nunique() == 1).all().all()
    assert sorted(map(tuple, by_example.first().to_numpy())) == sorted(
        map(
            tuple,
            pd.DataFrame(data.labels.take(rows))
            .groupby(data.index.example_id[rows].to_numpy())
            .first()
            .to_numpy(),
        )
    )


@pytest.mark.parametrize("unknown_weight", [0.0, 0.3, 1.0])
def test_a_mixed_target_minimises_the_weighted_losses(unknown_weight):
    """Compared with a search for the minimum over a grid of probabilities."""
    p = np.linspace(0.001, 0.999, 999)
    for target in (1, 0, -1):
        for other in (1, 0, -1):
            loss = 0
            for value, weight in ((target, 0.7), (other, 0.3)):
                known = 1.0 if value >= 0 else unknown_weight
                loss = loss - weight * known * np.log(p if value == 1 else 1 - p)
            pair = [np.array([[v]], np.float32) for v in (target, other)]
            shown = tuple(each > 0 for each in pair)
            mixed = targets.mix(*pair, np.float32([[0.7]]), unknown_weight, shown=shown)[0, 0]
            if 1 in (target, other):
                assert mixed == pytest.approx(p[loss.argmin()], abs=0.0015)
            else:
                assert mixed == (-1 if -1 in (target, other) else 0)


def test_a_training_that_diverges_says_so(shards, tmp_path):
    with pytest.raises(
        InputError, match=r"models.m: training diverged in epoch 1 .*set a lower optimiser.learning_rate"
    ):
        train(
            shards,
            tmp_path / "s",
            optimiser={"name": "sgd", "learning_rate": 1e30},
            schedule={"name": "constant"},
        )


def test_the_draws_of_an_augmented_index_are_kept(tmp_path):
    index = pd.DataFrame(
        {
            "example_id": ["1e5"],
            "recording_id": ["007"],
            "draw": [json.dumps({"a": [1.5]})],
            "t_max": [np.inf],
        }
    )
    store.write(tmp_path / "a.npy", tmp_path / "a.csv", np.zeros((1, 2)), index)
    array, found = store.read(tmp_path / "a.npy", tmp_path / "a.csv")
    pd.testing.assert_frame_equal(found, index.astype(found.dtypes.to_dict()))
    assert found.recording_id[0] == "007"
    assert found.example_id[0] == "1e5"
    assert array.shape == (1, 2)
    with pytest.raises(ValueError, match="as many rows as items"):
        store.write(tmp_path / "a.npy", tmp_path / "a.csv", np.zeros((2, 2)), index)
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    with pytest.raises(InputError, match="expected 1 items"):
        store.read(tmp_path / "a.npy", tmp_path / "a.csv")


def test_a_state_that_cannot_be_read_is_none(shards, tmp_path, capsys):
    whole, _, history = train(shards, tmp_path / "one")
    saving.save(whole, tmp_path / "whole.keras")
    torn = tmp_path / "two"
    torn.mkdir()
    for name in ("epoch-000001.keras", "history-000001.json"):
        (torn / name).write_bytes(b"")
    model, _, again = train(shards, torn)
    assert "cannot read the state of the interrupted training" in capsys.readouterr().out
    saving.save(model, tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()
    assert again == history


def test_nothing_of_a_state_that_is_damaged_gets_into_a_training(shards, tmp_path, monkeypatch):
    """Neither its average, nor the model of an epoch before that a kill left there."""
    changed = {"average_weights": 0.9, "epochs": 4}
    whole, best, history = train(shards, tmp_path / "one", **changed)
    saving.save(whole, tmp_path / "whole.keras")
    state, save = tmp_path / "two", saving.save

    class Killed(BaseException):
        pass

    def killed(model, path):
        save(model, path)
        if path.name == last:
            raise Killed

    monkeypatch.setattr(resuming, "save", killed)
    last = "epoch-000003.keras"
    with pytest.raises(Killed):
        train(shards, state, **changed)
    content = (state / last).read_bytes()
    (state / last).write_bytes(content[: len(content) // 2])
    last = "epoch-000001.keras"
    with pytest.raises(Killed):
        train(shards, state, **changed)
    monkeypatch.setattr(resuming, "save", save)
    model, again, resumed = train(shards, state, **changed)
    saving.save(model, tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()
    assert again.read_bytes() == best.read_bytes()
    assert resumed == history


def killed_after(shards, state, monkeypatch, epoch, **changed):
    """Train until the state of an epoch is there."""

    class Killed(BaseException):
        pass

    def killed(model, path):
        saving.save(model, path)
        if path.name == f"epoch-{epoch:06}.keras":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(resuming, "save", killed)
        with pytest.raises(Killed):
            train(shards, state, **changed)


@pytest.mark.parametrize(
    "scores",
    [
        [0.5, 0.6, 0.4, 0.3, 0.2],
        pytest.param([0.5, 0.4, 0.3, 0.6, 0.7], marks=pytest.mark.soak),
    ],
)
def test_a_job_that_lags_behind_on_another_node_does_not_spoil_a_state(shards, tmp_path, monkeypatch, scores):
    """It trains the same from an earlier epoch on, as a node that Slurm gave up may go on working."""
    epoch = training._epoch

    def scored(model, own, validation, number, averaged):
        return {**epoch(model, own, validation, number, averaged), "val_lwlrap": scores[number]}

    monkeypatch.setattr(training, "_epoch", scored)
    changed = {"average_weights": 0.5, "epochs": len(scores)}
    whole, best, history = train(shards, tmp_path / "whole", **changed)
    saving.save(whole, tmp_path / "whole.keras")
    killed_after(shards, tmp_path / "lagging", monkeypatch, 3, **changed)
    killed_after(shards, tmp_path / "s", monkeypatch, 4, **changed)
    for each in (tmp_path / "lagging").iterdir():
        shutil.copy(each, tmp_path / "s")
    model, found, again = train(shards, tmp_path / "s", **changed)
    saving.save(model, tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()
    assert found.read_bytes() == best.read_bytes()
    assert again == history


def test_a_late_list_of_a_folder_starts_no_training_anew(shards, tmp_path, monkeypatch, capsys):
    """It names the files of an epoch that another node has deleted since."""
    killed_after(shards, tmp_path / "s", monkeypatch, 3)
    glob, late = Path.glob, [[tmp_path / "s/epoch-000001.keras"]]
    monkeypatch.setattr(Path, "glob", lambda *arguments: late.pop() if late else glob(*arguments))
    monkeypatch.setattr(resuming, "PAUSE", 0)
    train(shards, tmp_path / "s")
    assert "resuming after epoch 3" in capsys.readouterr().out


def test_a_state_without_its_best_model_starts_anew(shards, tmp_path, monkeypatch, capsys):
    """Another job that trained the same came to its end, and deleted it."""
    _, best, history = train(shards, tmp_path / "whole")
    killed_after(shards, tmp_path / "s", monkeypatch, 3)
    for path in (tmp_path / "s").glob("best-*"):
        path.unlink()
    monkeypatch.setattr(resuming, "LATE", 0)
    _, found, again = train(shards, tmp_path / "s")
    assert "starting anew" in capsys.readouterr().out
    assert found.read_bytes() == best.read_bytes()
    assert again == history


def test_a_state_is_of_one_epoch_and_the_best(shards, tmp_path):
    _, best, history = train(shards, tmp_path / "s", average_weights=0.5)
    last = len(history)
    names = {f"epoch-{last:06}.keras", f"average-{last:06}.npz", f"history-{last:06}.json", best.name}
    assert {path.name for path in (tmp_path / "s").iterdir()} == names


def test_the_average_is_what_is_validated_and_what_training_returns(shards, tmp_path, monkeypatch):
    trained, validated, add, evaluate = [], [], MovingAverage.add, keras.Model.evaluate

    def added(average, model):
        trained.append(model.get_weights())
        add(average, model)

    def evaluated(model, *arguments, **options):
        validated.append(model.get_weights())
        return evaluate(model, *arguments, **options)

    monkeypatch.setattr(MovingAverage, "add", added)
    monkeypatch.setattr(keras.Model, "evaluate", evaluated)
    model, _, _ = train(shards, tmp_path / "s", average_weights=0.5, epochs=3)
    assert len(trained) == len(validated) == 3
    expected = trained[0]
    for epoch, weights in enumerate(trained):
        share = min(0.5, epoch / (epoch + 9))
        expected = [share * old + (1 - share) * new for old, new in zip(expected, weights, strict=True)]
        for own, wanted in zip(validated[epoch], expected, strict=True):
            np.testing.assert_allclose(own, wanted, rtol=1e-4, atol=1e-6)
    for own, wanted, last in zip(model.get_weights(), expected, trained[-1], strict=True):
        np.testing.assert_allclose(own, wanted, rtol=1e-4, atol=1e-6)
        assert not np.allclose(own, last, rtol=1e-4, atol=1e-6)


def test_balanced_epochs_draw_classes_as_often_as_they_are_asked_to():
    index = pd.DataFrame({"label": ["a"] * 900 + ["b"] * 90 + ["c"] * 10, "presence": "present"})
    rows = np.arange(5000, 6000)

    def shares(balance):
        order = np.concatenate(
            [training._order(index, rows, balance, np.random.default_rng(seed)) for seed in range(30)]
        )
        assert set(order) <= set(rows)
        return index.label[order - 5000].value_counts(normalize=True)

    assert shares(0.0).to_dict() == {"a": 0.9, "b": 0.09, "c": 0.01}
    once = training._order(index, rows, 0.0, np.random.default_rng(0))
    assert sorted(once) == list(rows)
    np.testing.assert_allclose(shares(1.0), 1 / 3, atol=0.01)
    root = np.sqrt([900, 90, 10])
    np.testing.assert_allclose(shares(0.5)[["a", "b", "c"]], root / root.sum(), atol=0.01)


def test_training_ends_when_nothing_has_been_better_for_as_long_as_is_waited(shards, tmp_path, monkeypatch):
    values = iter([0.2, 0.5, 0.4, 0.5, 0.3, 0.1, 0.9])
    monkeypatch.setattr(training, "_order", lambda index, rows, *_: rows)
    whole = keras.Model.evaluate

    def evaluate(self, *given, **options):
        return {**whole(self, *given, **options), "lwlrap": next(values)}

    monkeypatch.setattr(keras.Model, "evaluate", evaluate)
    _, best, history = train(shards, tmp_path / "s", epochs=7, patience=2)
    # An epoch as good as the best is a better one: the later model has seen more.
    assert [each["epoch"] for each in history] == [1, 2, 3, 4, 5, 6]
    values = iter([])
    _, again, resumed = train(shards, tmp_path / "s", epochs=7, patience=2)
    assert resumed == history
    assert again == best


def test_training_does_not_end_while_layers_are_frozen(shards, tmp_path, monkeypatch):
    values = iter([0.5, 0.4, 0.3, 0.2, 0.1])
    monkeypatch.setattr(training, "_epoch", lambda *_: {"val_lwlrap": next(values)})
    _, _, history = train(shards, tmp_path / "s", freeze, init_from={"frozen": 3}, epochs=6, patience=1)
    # Two epochs of all layers, of which the second is no better.
    assert len(history) == 5


def test_batches_come_in_order_without_automatic_tuning(shards):
    data = read(shards)
    rows = data.validation_rows(0)
    given = batches.Batches(data, rows, 5, data.labels)
    dataset = batches.as_dataset(given)
    assert dataset.cardinality() == len(given) == len(list(dataset))
    for number, (inputs, targets_of) in enumerate(dataset):
        np.testing.assert_array_equal(inputs, given[number][0])
        np.testing.assert_array_equal(targets_of, given[number][1])


def test_neither_training_nor_prediction_tunes_itself(shards, tmp_path, monkeypatch):
    """The thread of tf.data's tuning makes each of them wait after its last batch."""
    seen = []

    def watch(name):
        whole = getattr(keras.Model, name)

        def watched(model, x, **options):
            seen.append(x)
            return whole(model, x, **options)

        monkeypatch.setattr(keras.Model, name, watched)

    for name in ("fit", "evaluate", "predict"):
        watch(name)
    model, _, _ = train(shards, tmp_path / "s", epochs=1)
    predict.predict(model, read(shards), np.arange(8), batch_size=4)
    assert len(seen) == 3
    # None is the default, which tunes.
    assert [dataset.options().autotune.enabled for dataset in seen] == [False] * 3
