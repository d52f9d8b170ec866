"""Song types: what is known of them in a window, the outputs that networks have for them, and how these are merged."""

import dataclasses
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_configuration import refused
from test_examples import placed, tables
from test_rfcx import rfcx
from test_training import SETTINGS

from understory.core.errors import InputError
from understory.data import examples, source
from understory.data.dataset import Annotation, Dataset, example_id
from understory.data.labels import Labels
from understory.data.tables import song_types
from understory.data.task import Task
from understory.evaluation.metrics import lwlrap
from understory.plan import table_digests
from understory.training import fold_job, layers, metrics, predict
from understory.training.inputs.examples import Examples

TYPES = {"x": ("", "call", "song"), "y": ("call", "song")}
OUTPUTS = ["x", "x:call", "x:song", "y:call", "y:song", "z"]
MERGED = [0, 0, 0, 1, 1, 2]

events = st.builds(
    lambda label, song_type, presence, t_min: Annotation(
        "a", label, presence, t_min, t_min + 4, song_type=song_type
    ),
    st.sampled_from("xy"),
    st.sampled_from(["", "call", "song"]),
    st.sampled_from(["present", "absent", "unknown"]),
    st.sampled_from([0.0, 3.0, 20.0]),
) | st.builds(
    lambda presence, t_min: Annotation("a", "z", presence, t_min, t_min + 4),
    st.sampled_from(["present", "absent", "unknown"]),
    st.sampled_from([0.0, 3.0, 20.0]),
)


def naive(inside, label, song_type, exhaustive):
    """What is known of one type of a class, in words."""
    own = [a for a in inside if a.label == label]

    def any_of(presence, *of):
        return any(a.presence == presence and a.song_type in of for a in own)

    if any_of("present", song_type):
        return 1
    if any_of("absent", song_type, ""):
        return 0
    if any_of("unknown", song_type, "") or any_of("present", ""):
        return -1
    if exhaustive and not (song_type == "" and any(a.presence == "present" for a in own)):
        return 0
    return -1


@given(st.lists(events, unique=True, max_size=8), st.booleans())
def test_outputs_and_classes_have_what_the_events_in_a_window_say_of_them(annotations, exhaustive):
    """A class is present where a type is, and absent where all of them are."""
    index = placed(*annotations, types=TYPES, exhaustive=exhaustive, window=6.0)
    if not len(index):
        return
    of_outputs = Labels(
        index[["present_outputs", "absent_outputs", "unknown_outputs"]].set_axis(
            ["present", "absent", "unknown"], axis=1
        ),
        OUTPUTS,
        exhaustive=exhaustive,
    ).take(np.arange(len(index)))
    of_classes = Labels(index, ["x", "y", "z"], exhaustive=exhaustive).take(np.arange(len(index)))
    for row, outputs, classes in zip(index.itertuples(), of_outputs, of_classes, strict=True):
        inside = [
            a
            for a in annotations
            if (a.t_min < row.stop and a.t_max > row.start) or example_id(a) == row.example_id
        ]
        wanted = {
            label: [naive(inside, label, song_type, exhaustive) for song_type in TYPES.get(label, [""])]
            for label in "xyz"
        }
        assert outputs.tolist() == [value for own in wanted.values() for value in own]
        for found, own in zip(classes, wanted.values(), strict=True):
            assert found == (1 if 1 in own else 0 if set(own) == {0} else -1)


@given(st.lists(events, unique=True, max_size=8))
def test_examples_are_those_without_types(annotations):
    """Events that differ in their types alone are of one window; ids do not tell types."""
    plain = {a._replace(song_type="") for a in annotations}
    one, other = placed(*plain), placed(*annotations, types=TYPES)
    columns = ["example_id", "recording_id", "label", "presence", "start", "stop"]
    pd.testing.assert_frame_equal(one[columns], other[columns])
    assert "present_outputs" not in one


def test_a_class_has_several_types_where_annotations_say_so():
    def own(label, song_type, presence="present"):
        return Annotation("a", label, presence, song_type=song_type)

    said = [
        *(own("x", each) for each in ("song", "call", "")),
        *(own("one", each) for each in ("song", "song")),
        # To reject a class, or not to know of it, is no type of it.
        *(own("whole", *each) for each in (("song",), ("", "absent"), ("", "unknown"), ("call", "unknown"))),
        *(own("never", *each) for each in (("song",), ("call", "absent"))),
    ]
    types = song_types.several(said)
    assert types == {"never": ("call", "song"), "x": ("", "call", "song")}
    dataset = dataclasses.replace(tables(*said), types=types)
    # What is never present could not be learned.
    assert song_types.outputs(dataset) == {
        "never:song": "never",
        "one": "one",
        "whole": "whole",
        "x": "x",
        "x:call": "x",
        "x:song": "x",
    }
    assert song_types.outputs(tables(*said)) is None
    odd = dataclasses.replace(tables(*said, own("x:song", "")), types=types)
    with pytest.raises(InputError, match=r"labels.song_types: expected no label .* found 'x:song' as both"):
        song_types.outputs(odd)
    same = [own("x", "a:b"), own("x", "c"), own("x:a", "b"), own("x:a", "c")]
    odd = dataclasses.replace(tables(*same), types=song_types.several(same))
    with pytest.raises(InputError, match=r"found 'x:a:b' as both"):
        song_types.outputs(odd)


@pytest.mark.parametrize("exhaustive", [False, True])
def test_for_what_knows_classes_alone_a_rejected_type_says_nothing_of_the_others(exhaustive):
    rejected = Annotation("a", "y", "absent", 0, 1, song_type="call")
    others = [
        rejected._replace(t_min=2, t_max=3),
        rejected._replace(t_min=2, t_max=3, song_type="song"),
        rejected._replace(t_min=4, t_max=5, song_type=""),
        rejected._replace(label="z", song_type=""),
        rejected._replace(t_min=6, t_max=7, presence="present"),
    ]
    said = dataclasses.replace(
        tables(rejected, *others), types={"y": ("call", "song")}, exhaustive=exhaustive
    )
    found = song_types.by_class(said).annotations
    assert found == (rejected._replace(presence="absent" if exhaustive else "unknown"), *others)
    plain = tables(rejected, *others)
    assert song_types.by_class(plain) is plain


def test_rfcx_tells_types_where_they_are_asked_for(tmp_path):
    rows = "r,3,1,1,100,2,200\nr,3,4,1,100,2,200\nr,5,1,1,100,2,200\nr,6,x,1,100,2,200"
    folder = rfcx(tmp_path, rows)
    plain, typed = (
        source.Source("rfcx", str(folder), "all", reads=each).read() for each in ((), ("song_types",))
    )
    assert [(a.label, a.song_type) for a in plain.annotations] == [(f"s{n}", "") for n in (3, 5, 6, 4)]
    assert [q.reason for q in plain.quarantined] == ["duplicate of the annotation of train_tp.csv, line 2"]
    assert plain.types == {}
    assert [(a.label, a.song_type) for a in typed.annotations] == [
        ("s3", "1"),
        ("s3", "4"),
        ("s5", "1"),
        ("s4", "1"),
    ]
    assert "expected a whole number in column songtype_id, found 'x'" in typed.quarantined[0].reason
    assert typed.types == {"s3": ("1", "4")}
    part = typed.part("train-0", 1)
    assert part.types == typed.types
    assert Dataset.part_of_text(part.part_as_text()) == part
    assert len(examples.annotation_examples(typed, absent=True)) == len(typed.annotations) - 1


def test_what_digests_are_of_changes_with_types_alone(tmp_path):
    """Without types they are what they were before types could be told: the digest is of that time."""
    one = tables(
        Annotation("a", "x", "present", 1.0, 2.0), Annotation("a", "y", "absent", 0.5, 2.5, 10.0, 20.0)
    )
    assert table_digests.annotations(one) == "59d1a31f45460a4a"
    other = dataclasses.replace(
        one, annotations=(one.annotations[0]._replace(song_type="song"), one.annotations[1])
    )
    assert table_digests.annotations(other) != table_digests.annotations(one)


def test_ones_own_tables_and_labels_tell_types(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    (tmp_path / "t.csv").write_text(
        "path,start,end,label,call type\na.wav,0,1,lark,song\na.wav,0,1,lark,call\nb.wav,1,2,owl,\nb.wav,3,4,alarm,\n"
        # What no label may be called, a type may.
        'b.wav,5,6,lark,"a;b"\nb.wav,7,8,lark,unknown\n'
    )
    (tmp_path / "labels.csv").write_text("from,to,song_type\nalarm,owl,alarm call\n")
    options = {"labels": "labels.csv"}
    read = source.reader("own").read
    typed = read(tmp_path, options=options, song_types=True)
    assert {(a.label, a.song_type) for a in typed.annotations} == {
        ("lark", "song"),
        ("lark", "call"),
        ("lark", "unknown"),
        ("owl", ""),
        ("owl", "alarm call"),
    }
    assert typed.types == {"lark": ("call", "song", "unknown"), "owl": ("", "alarm call")}
    (refused,) = typed.quarantined
    assert "expected a song type in plain text" in refused.reason
    assert "write a row for each song type" in refused.reason
    plain = read(tmp_path, options=options)
    assert sorted(a.label for a in plain.annotations) == ["lark", "lark", "lark", "owl", "owl"]
    assert not any(a.song_type for a in plain.annotations)
    assert plain.types == {}


def test_a_folder_tells_a_type_by_what_it_is_renamed_to(tmp_path):
    for name in ("lark song/a.wav", "lark call/b.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "labels.csv").write_text("from,to,song_type\nlark song,lark,song\nlark call,lark,call\n")
    found = source.reader("own").read(tmp_path, options={"labels": "labels.csv"}, song_types=True)
    assert found.classes == ("lark",)
    assert found.types == {"lark": ("call", "song")}


def test_a_data_set_without_types_is_said(tmp_path):
    with pytest.raises(
        InputError, match=r"labels.song_types: expected the default, as the annotations of dataset esc50"
    ):
        source.Source("esc50", str(tmp_path), "all", reads=("song_types",)).check()


def test_a_loss_of_one_class_an_example_has_no_types():
    said = refused(
        labels={"song_types": True},
        models={"sed_cnn": {"loss": {"name": "categorical_crossentropy", "unknown_weight": None}}},
    )
    assert "models.sed_cnn.loss.name: expected a loss of labels with labels.song_types" in said


@pytest.mark.parametrize("merged", [MERGED, [2, 0, 1, 0, 1, 1], [1, 0, 2, 3, 5, 4]])
def test_a_class_has_the_score_of_its_highest_output(merged):
    """In whatever order the outputs are."""
    rows = np.random.default_rng(0).random((20, 6)).astype(np.float32)
    for row, scores in zip(rows, np.asarray(layers.merge(rows, merged)), strict=True):
        for number, score in enumerate(scores):
            assert score == max(value for value, of in zip(row, merged, strict=True) if of == number)


def test_what_training_watches_is_the_score_of_classes():
    rng = np.random.default_rng(0)
    labels, values = rng.integers(-1, 2, (40, 6)).astype(np.float32), rng.random((40, 6)).astype(np.float32)
    watched = metrics.metric(lwlrap, MERGED)
    for part in np.split(np.arange(40), [7, 20]):
        watched.update_state(labels[part], values[part])
    merged = [
        np.stack([each[:, np.array(MERGED) == n].max(axis=1) for n in range(3)], axis=1)
        for each in (labels, values)
    ]
    assert float(watched.result()) == pytest.approx(lwlrap.score(*merged), abs=1e-6)
    assert float(watched.result()) != pytest.approx(lwlrap.score(labels, values), abs=1e-3)


@pytest.fixture
def typed(tmp_path):
    """Examples of x, with two types, and of y in two folds; a job that trains on them."""
    names = [f"e{number:02}" for number in range(16)]
    output = list(itertools.islice(itertools.cycle(["x:call", "x:song", "y"]), 16))
    index = pd.DataFrame(
        {
            "example_id": names,
            "presence": "present",
            "present": [each[0] for each in output],
            "absent": "",
            "unknown": "",
        }
    )
    # As a shard without a typed class has it, and one with some.
    other = index.assign(present_outputs=output, absent_outputs="", unknown_outputs="x:never")
    of_x = index.present == "x"
    folds = index[["example_id"]].assign(recording_id=names, label=index.present, fold=np.arange(16) // 3 % 2)
    arrays = np.random.default_rng(0).random((16, 16, 20)).astype(np.float16)
    shards = [(0, arrays[~of_x], index[~of_x]), (0, arrays[of_x], other[of_x])]
    outputs = SimpleNamespace(
        last=tmp_path / "models/m/fold0/last.keras",
        best=tmp_path / "models/m/fold0/best.keras",
        history=tmp_path / "models/m/fold0/history.csv",
    )
    outputs.last.parent.mkdir(parents=True)
    (tmp_path / "input").write_text("")
    settings = {"models": {"m": {**SETTINGS, "epochs": 2}}, "seed": 3, "control": "none"}
    job = SimpleNamespace(
        params=SimpleNamespace(settings=settings, code="c"),
        wildcards=SimpleNamespace(model="m", fold="0"),
        output=outputs,
    )
    return job, (shards, folds), tmp_path / "input"


def test_models_are_trained_by_output_and_written_with_their_merged_classes(typed):
    job, (shards, folds), given_ = typed
    task = Task(
        ["x", "y"],
        False,
        "lwlrap",
        "recording",
        "example",
        None,
        outputs={"x:call": "x", "x:song": "x", "y": "y"},
    )
    data = Examples(shards, folds, task.output_names, exhaustive=False, by_output=True)
    wanted = {"x:call": [1, -1, -1], "x:song": [-1, 1, -1], "y": [-1, -1, 1]}
    taken = data.labels.take(np.arange(16))
    assert [wanted[each] for each in itertools.islice(itertools.cycle(wanted), 16)] == taken.tolist()
    fold_job.train(job, data, lwlrap, [given_], merged=task.merged)
    for path in (job.output.last, job.output.best):
        model = predict.load(path)
        inside = layers.before_merging(model)
        assert (model.output_shape, inside.output_shape) == ((None, 2), (None, 3))
        found, outputs = (each.predict(data.rows(np.arange(16)), verbose=0) for each in (model, inside))
        np.testing.assert_array_equal(found, np.stack([outputs[:, :2].max(axis=1), outputs[:, 2]], axis=1))
        assert predict.head(model).name == predict.head(inside).name
        assert layers.before_merging(inside) is inside
    written = job.output.last.read_bytes()
    fold_job.forget(job)
    fold_job.train(job, data, lwlrap, [given_], merged=task.merged)
    assert job.output.last.read_bytes() == written


def test_labels_json_tells_outputs_where_they_are_no_classes(tmp_path):
    plain = Task(["x", "y"], False, "lwlrap", "recording", "example", None)
    assert list(plain.told())[-1] == "bands"
    assert (plain.output_names, plain.merged) == (["x", "y"], None)
    typed = plain._replace(outputs={"x:call": "x", "y": "y", "x:song": "x"})
    (tmp_path / "labels.json").write_text(json.dumps(typed.told()))
    read = Task.read(tmp_path / "labels.json")
    assert read.output_names == ["x:call", "y", "x:song"]
    assert read.merged == [0, 1, 0]
