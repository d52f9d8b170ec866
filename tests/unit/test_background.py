"""Windows of background: of recordings in which all that is heard is annotated, those in which nothing is."""

import math

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from understory.audio import background, crop, inspect
from understory.data import folds, inspection
from understory.data.dataset import Annotation, Dataset, Recording
from understory.data.labels import Centred, Labels
from understory.data.source import Source
from understory.datasets import own
from understory.plan import table_digests

RATE, WINDOW = 100, 1.0


def dataset(annotations, names=("a", "b"), background=("a", "b")):
    return Dataset(
        classes=("lark", "owl"),
        recordings=tuple(Recording(name, f"{name}.wav", "train") for name in names),
        annotations=tuple(annotations),
        exhaustive=True,
        background=frozenset(background),
    )


def found(tables, seconds=10.0, number=4):
    durations = {recording.recording_id: round(seconds * RATE) for recording in tables.recordings}
    return background.examples(tables, durations, window=WINDOW, sample_rate=RATE, background=number)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["present", "absent", "unknown"]),
        st.floats(0, 9.9),
        st.floats(0.01, 5) | st.just(math.inf),
    ),
    max_size=6,
)


@given(rows=EVENTS, number=st.integers(0, 12), seconds=st.floats(0.3, 12))
def test_nothing_is_annotated_in_a_window_of_background(rows, number, seconds):
    annotations = {
        Annotation(name, "lark", presence, begin, begin + length)
        for name, presence, begin, length in rows
        if begin < seconds
    }
    tables = dataset(annotations)
    windows = found(tables, seconds, number)
    assert windows.example_id.is_unique
    assert windows.groupby("recording_id").size().le(number).all()
    for row in windows.itertuples():
        own = [a for a in annotations if a.recording_id == row.recording_id]
        # To a sample.
        assert all(a.t_max <= row.start + 1e-9 or a.t_min >= row.stop - 1e-9 for a in own)
        assert row.stop - row.start == pytest.approx(WINDOW)
        assert row.stop <= seconds + 1 / RATE or (not own and seconds < WINDOW)
    # Whatever else there is.
    for name in "ab":
        alone = dataset([a for a in annotations if a.recording_id == name], (name,), (name,))
        same = windows[windows.recording_id == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(found(alone, seconds, number), same, check_dtype=False)


def test_as_many_windows_as_fit_and_no_more_than_asked_for():
    tables = dataset([Annotation("a", "lark", "present", 2.5, 3.0)])
    assert found(tables, number=100).groupby("recording_id").start.apply(list).to_dict() == {
        "a": [0, 1, 3, 4, 5, 6, 7, 8, 9],
        "b": list(range(10)),
    }
    assert found(tables, number=3).groupby("recording_id").size().to_dict() == {"a": 3, "b": 3}
    assert len(found(tables, number=0)) == 0
    assert found(dataset([], background=["b"]), seconds=0.5).start.tolist() == [0]


def test_every_label_is_absent_from_background_and_no_class_is_centred():
    windows = found(dataset([]))
    labels = Labels(windows, ("lark", "owl"), exhaustive=True)
    assert (labels.take(np.arange(len(windows))) == 0).all()
    assert (Centred(windows, ("lark", "owl")).take(np.arange(len(windows))) == 0).all()


def test_background_shares_its_recordings_fold_and_is_not_validated_against():
    events = [Annotation(name, "lark", "present", 0, 1) for name in "abcd"]
    tables = dataset(events, "abcde", "abcde")
    frame = pd.DataFrame(events).assign(example_id=list("abcd"), start=0.0)
    dealt = folds.deal(
        background.added(frame, found(tables)),
        tables,
        n_splits=2,
        seed=1,
        group="recording",
        rare_classes="allow",
        contents=pd.DataFrame({"recording_id": list("abcde"), "content": list("abcde")}),
    )
    assert dealt.groupby("recording_id").fold.nunique().eq(1).all()
    assert set(dealt.presence[dealt.recording_id == "e"]) == {"absent"}


def folder(tmp_path, **texts):
    rng = np.random.default_rng(0)
    for name in "abcd":
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 8000), 1000)
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    return tmp_path


def test_which_recordings_are_known_well_enough(tmp_path):
    """Not those of which a row is wrong: where its event is, nobody knows. An empty table says that nothing is heard."""
    texts = {
        "a": "0\t1\tlark\n",
        "b": "",
        "c": "0\t1\tlark\n2000\t3000\tlark\n",
        "d": "0\t1\tlark\n3\t2\tlark\n",
    }
    tables = own.read(folder(tmp_path, **texts), options={"exhaustive": True})
    # The third is found out by its sound.
    assert tables.background == {"a.wav", "b.wav", "c.wav"}
    recordings, _ = inspection.inspect(
        tables.recordings,
        lambda recording: tmp_path / recording.path,
        lambda path: inspect.inspect_recording(path, {}),
        columns=inspect.COLUMNS,
    )
    usable, _ = inspection.usable(tables, recordings)
    assert usable.background == {"a.wav", "b.wav"}
    settings = {
        "window": 1.0,
        "sample_rate": 1000,
        "absent": True,
        "long_events": "middle",
        "background": 2,
    }
    windows, index = crop.crop(usable, recordings, Source("own", str(tmp_path), "all"), {"crop": settings})
    assert index.groupby("recording_id").label.apply(lambda labels: sorted(labels)).to_dict() == {
        "a.wav": ["", "", "lark"],
        "b.wav": ["", ""],
        "c.wav": ["lark"],
        "d.wav": ["lark"],
    }
    assert len(list(windows.items)) == len(index)
    assert own.read(tmp_path, options={"exhaustive": False}).background == frozenset()


def test_a_plan_sees_that_background_is_known_of_a_recording():
    known, unknown = dataset([]), dataset([], background=["a"])
    assert table_digests.annotations(known) != table_digests.annotations(unknown)
    assert Dataset.part_of_text(known.part("train-0", 1).part_as_text()).background == {"a", "b"}
    assert known.of(["a"]).background == {"a"}
