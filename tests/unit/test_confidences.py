"""Confidences of annotations as soft labels: from tables to the targets of a training."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_configuration import CONFIG, merged, refused
from test_examples import placed
from test_song_types import OUTPUTS, TYPES
from test_song_types import events as typed_events
from test_training import SETTINGS

from understory.core.errors import InputError
from understory.data import source, store
from understory.data.dataset import Dataset, example_id
from understory.data.labels import Labels
from understory.evaluation.metrics import lwlrap
from understory.plan import config as configuration
from understory.plan.job_settings import ModelJobs
from understory.training import fit, metrics
from understory.training.inputs.examples import Examples
from understory.training.inputs.pseudo_labels import PseudoLabels
from understory.training.inputs.targets import mix

events = st.builds(
    lambda event, confidence: event._replace(confidence=confidence if event.presence == "present" else 1.0),
    typed_events,
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)


@given(st.lists(events, unique=True, min_size=1, max_size=8), st.sampled_from([0.0, 0.4, 1.0]), st.booleans())
def test_the_most_confident_event_of_a_class_in_a_window_is_its_target(annotations, smoothing, typed):
    """By class, or by output where types are told apart; whatever is not present stays as it is."""
    types, names = (TYPES, OUTPUTS) if typed else ({}, ["x", "y", "z"])
    index = placed(*annotations, types=types, window=6.0)
    assert ("confidences" in index) == any(a.confidence < 1 for a in annotations)
    shard = (0, np.zeros((len(index), 2, 2)), index)
    data = Examples(
        [shard], index.assign(fold=0), names, exhaustive=False, by_output=typed, smoothing=smoothing
    )
    rows = np.arange(len(index))
    soft, hard = data.labels.take(rows), data.labels.hard.take(rows)
    plain = Examples([shard], index.assign(fold=0), names, exhaustive=False, by_output=typed)
    np.testing.assert_array_equal(hard, plain.labels.take(rows))
    for row, own, known in zip(data.index.itertuples(), soft, hard, strict=True):
        window = index[index.example_id == row.example_id].iloc[0]
        for number, name in enumerate(names):
            inside = [
                a.confidence
                for a in annotations
                if (f"{a.label}:{a.song_type}" if typed and a.song_type and a.label in types else a.label)
                == name
                and a.presence == "present"
                and ((a.t_min < window.stop and a.t_max > window.start) or example_id(a) == row.example_id)
            ]
            wanted = 1 - smoothing * (1 - max(inside)) if inside else known[number]
            assert own[number] == np.float32(wanted)


def test_soft_labels_go_where_labels_are_shuffled_to_and_pseudo_labels_leave_them():
    index = pd.DataFrame({"present": ["x", "x;y", ""], "confidences": ["0.2", "0.5;1", ""]})
    known = Labels(index, ["x", "y"], exhaustive=False, smoothing=1.0)
    assert known.take([0, 1, 2]).tolist() == [[np.float32(0.2), -1], [0.5, 1], [-1, -1]]
    shuffled = known.permuted(np.array([0, 1, 2]), np.array([1, 2, 0]))
    assert shuffled.take([0, 1, 2]).tolist() == [[0.5, 1], [-1, -1], [np.float32(0.2), -1]]
    assert shuffled.hard.take([0]).tolist() == [[1, 1]]
    assert known.present.toarray().tolist() == [[True, False], [True, True], [False, False]]
    pseudo = PseudoLabels(known, np.full((1, 2), 0.9, np.float32), np.array([0, -1, -1]))
    np.testing.assert_array_equal(pseudo.take([0]), np.array([[0.2, 0.9]], np.float32))


def own(folder, tables, **options):
    for name in ("a.wav", "b.wav"):
        (folder / name).touch()
    for name, text in tables.items():
        (folder / name).write_text(f"path,start,end,label,low,high,presence,confidence\n{text}")
    return source.reader("own").read(folder, **options)


ROWS = "a.wav,0,1,lark,,,,0.3\na.wav,2,3,lark,,,absent,0.2\na.wav,4,5,owl,,,,\nb.wav,0,1,owl,,,,0.6\n"


def test_a_doubtful_event_stays_present_in_a_mixture():
    """Whatever its confidence, in shares of labels and in their union; nearly all that it is mixed with is unknown."""
    index = pd.DataFrame({"present": ["x", ""], "absent": ["", "y"], "confidences": ["0.3", ""]})
    known = Labels(index, ["x", "y"], exhaustive=False, smoothing=1.0)
    pseudo = PseudoLabels(known, np.full((1, 2), 0.4, np.float32), np.array([-1, 0]))
    for labels in (known, pseudo):
        pair = labels.take([0]), labels.take([1])
        shown = labels.shown([0]), labels.shown([1])
        mixed = mix(*pair, np.float32([[0.5]]), 1.0, shown=shown)[0]
        # Of x, the mean of the confidence and of the other, where it is unknown, as absent.
        assert mixed[0] == pytest.approx((0.3 + max(pair[1][0, 0], 0)) / 2, abs=1e-6)
        assert mixed[1] == -1
        assert mix(*pair, np.float32([[0.5]]), 1.0, shown=shown, union=True)[0, 0] == max(
            np.float32(0.3), pair[1][0, 0]
        )


def test_ones_own_confidences_are_read_where_they_are_asked_for(tmp_path):
    plain, asked = (own(tmp_path, {"t.csv": ROWS}, confidence=each) for each in (False, True))
    assert [a.confidence for a in plain.annotations] == [1, 1, 1, 1]
    assert [a.confidence for a in asked.annotations] == [0.3, 1, 1, 0.6]
    assert [a[:-1] for a in plain.annotations] == [a[:-1] for a in asked.annotations]
    assert list(map(example_id, plain.annotations)) == list(map(example_id, asked.annotations))
    assert [len(a.said) for a in asked.annotations] == [8, 7, 7, 8]
    part = asked.part("train-0", 1)
    assert Dataset.part_of_text(part.part_as_text()) == part
    left_out = own(tmp_path, {"t.csv": ROWS}, confidence=True, options={"min_confidence": 0.5})
    assert [(a.presence, a.confidence) for a in left_out.annotations][:2] == [("unknown", 1), ("unknown", 1)]


@pytest.mark.parametrize("order", [1, -1])
def test_of_an_event_that_tables_say_twice_the_highest_confidence_counts(tmp_path, order):
    """With frequencies or without, whichever comes first."""
    rows = [
        "a.wav,0,1,lark,,,,0.3",
        "a.wav,0,1,lark,2000,4000,,0.2",
        "a.wav,0,1,lark,5000,6000,,0.4",
        "a.wav,0,1,lark,5000,6000,,0.1",
        "a.wav,5,6,owl,,,,0.7",
        "a.wav,5,6,owl,,,,0.8",
    ]
    tables = {f"t{number}.csv": f"{row}\n" for number, row in enumerate(rows[::order])}
    asked = {a[:-1]: a.confidence for a in own(tmp_path, tables, confidence=True).annotations}
    plain = own(tmp_path, tables).annotations
    assert {a[:-1] for a in plain} == set(asked)
    found = {(label, low): confidence for (_, label, _, _, _, low, *_), confidence in asked.items()}
    first = {1: {("lark", 2000): 0.3, ("lark", 5000): 0.4}, -1: {("lark", 2000): 0.2, ("lark", 5000): 0.4}}
    assert found == {**first[order], ("owl", 0): 0.8}


def test_other_data_sets_have_no_confidences(tmp_path):
    with pytest.raises(
        InputError,
        match=r"labels.confidence_smoothing: expected the default, as the annotations of dataset rfcx",
    ):
        source.Source("rfcx", str(tmp_path), "all", reads=("confidence",)).check()
    assert source.asked({"labels": {"song_types": False, "confidence_smoothing": 0.5}}) == ("confidence",)
    loss = {"name": "categorical_crossentropy", "unknown_weight": None}
    said = refused(labels={"confidence_smoothing": 1}, models={"sed_cnn": {"loss": loss}})
    assert "models.sed_cnn.loss.name: expected a loss of labels with labels.confidence_smoothing" in said


def test_a_training_depends_on_the_smoothing_where_there_is_some():
    job = SimpleNamespace(model="sed_cnn")
    plain, soft = (
        ModelJobs(configuration.checked(merged(CONFIG, {"labels": each}))).training_settings(job)
        for each in ({}, {"confidence_smoothing": 0.5})
    )
    assert set(plain) == {"control", "models", "seed"}
    assert soft == {**plain, "labels": {"confidence_smoothing": 0.5}}


def test_a_soft_label_is_trained_on_and_validated_as_present(tmp_path):
    names = [f"e{number}" for number in range(8)]
    index = pd.DataFrame(
        {"example_id": names, "presence": "present", "present": ["x", "y"] * 4, "confidences": "0.25"}
    )
    index = index.assign(absent="", unknown="")
    store.write_table(tmp_path / "t.csv", index)
    index = store.read_table(tmp_path / "t.csv")
    folds = index[["example_id"]].assign(recording_id=names, label=index.present, fold=[0, 0, 1, 1] * 2)
    array = np.random.default_rng(0).random((8, 16, 20)).astype(np.float16)
    histories = []
    for smoothing, shard in ((0.0, index), (0.5, index), (0.5, index.drop(columns="confidences"))):
        data = Examples([(0, array, shard)], folds, ["x", "y"], exhaustive=False, smoothing=smoothing)
        given = {"settings": {**SETTINGS, "epochs": 1, "mixup": 0}, "seed": 3, "control": "none"}
        state = tmp_path / str(len(histories))
        histories.append(
            fit.train(data, fold=0, name="m", metric=metrics.metric(lwlrap), state=state, **given)[2][0]
        )
    assert histories[0] == histories[2]
    assert histories[0]["loss"] != histories[1]["loss"]
    # In validation each event is there, whatever its confidence.
    assert 0.5 <= histories[1]["val_lwlrap"] <= 1
    soft = Examples([(0, array, index)], folds, ["x", "y"], exhaustive=False, smoothing=1.0)
    training = fit._training(soft, "m", 0, SETTINGS, 3, "none", None)
    assert {*training.targets.take(np.arange(8)).ravel()} == {0.25, -1.0}
    assert {*training.validation()[0][1].ravel()} == {1.0, -1.0}
