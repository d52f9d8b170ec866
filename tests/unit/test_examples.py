import dataclasses
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.audio import read
from understory.data import examples, source
from understory.data.dataset import PRESENCES, Annotation, Dataset, Recording, example_id
from understory.data.labels import Centred, Labels
from understory.data.tables import window_labels


def everything(kind, index, classes, **options):
    """What is known of all rows at once."""
    return kind(index, classes, **options).take(np.arange(len(index)))


def tables(*annotations):
    names = sorted({a.recording_id for a in annotations})
    labels = tuple(sorted({a.label for a in annotations}))
    return Dataset(labels, tuple(Recording(n, n, "train") for n in names), annotations, False)


def placed(*annotations, duration=60.0, window=10.0, rate=1000, **settings):
    own = dataclasses.replace(tables(*annotations), **settings)
    durations = {annotation.recording_id: round(duration * rate) for annotation in annotations}
    return examples.place_windows(own, durations, window=window, sample_rate=rate, absent=True)


def original_slice(t_min, t_max, duration, length):
    """The public notebook's rule, in samples."""
    centre = np.round((t_min + t_max) / 2)
    beginning = centre - length / 2
    beginning = max(beginning, 0)
    ending = beginning + length
    if ending > duration:
        ending = duration
        beginning = ending - length
    return int(beginning)


@given(st.floats(0, 60), st.floats(0.05, 20))
def test_windows_are_centred_and_clamped_as_in_the_original(t_min, length):
    t_max = min(t_min + length, 60.0)
    found = examples.centred_start(t_min, t_max, duration=2_880_000, samples=480_000, sample_rate=48_000)
    assert abs(found - original_slice(t_min * 48_000, t_max * 48_000, 2_880_000, 480_000)) <= 1


@pytest.mark.parametrize(
    ("t_min", "t_max", "start"),
    [(0.1, 0.3, 0.0), (20.0, 22.0, 16.0), (59.0, 60.0, 50.0), (0.0, math.inf, 25.0)],
)
def test_starts(t_min, t_max, start):
    assert placed(Annotation("a", "x", "present", t_min, t_max)).start[0] == start


def covered(t_min, t_max, duration=60.0, window=10.0):
    event = Annotation("a", "x", "present", t_min, t_max)
    return examples.place_windows(
        tables(event),
        {"a": round(duration * 1000)},
        window=window,
        sample_rate=1000,
        absent=True,
        long_events="cover",
    )


@given(st.floats(0, 50), st.floats(0.1, 60), st.floats(1, 60))
def test_an_event_is_covered_by_as_few_windows_as_can_be(t_min, length, duration):
    t_max, end = t_min + length, min(t_min + length, duration)
    found, shown = covered(t_min, t_max, duration), max(end - t_min, 0.0)
    assert len(found) == max(1, math.ceil(round(shown * 1000) / 10_000)) or abs(shown % 10) < 0.01
    assert found.example_id.is_unique
    assert (found.present == "x").all()
    if len(found) > 1:
        assert found.start[0] == pytest.approx(t_min, abs=1e-3)
        assert found.stop.iloc[-1] == pytest.approx(end, abs=1e-3)
        assert (np.diff(found.start) <= 10.001).all()


def test_an_event_without_an_end_is_covered_to_the_end_of_its_recording():
    found = covered(0, math.inf, duration=25)
    assert found.start.tolist() == [0, 7.5, 15]
    name = example_id(Annotation("a", "x", "present", 0, math.inf))
    assert found.example_id.tolist() == [f"{name}-{number}" for number in range(3)]


def test_an_event_that_fits_has_the_window_at_its_middle():
    one, other = covered(20, 30), placed(Annotation("a", "x", "present", 20, 30))
    pd.testing.assert_frame_equal(one, other)


@given(
    st.integers(0, 60), st.integers(1, 40), st.integers(1, 50), st.integers(1, 20), st.integers(0, 2**32 - 1)
)
def test_a_random_window_is_one_of_those_that_hold_the_event_or_that_it_fills(
    t_min, length, duration, samples, seed
):
    rng = np.random.default_rng(seed)
    sizes = {"duration": duration, "samples": samples, "sample_rate": 1}
    found = examples.random_start(t_min, t_min + length, rng=rng, **sizes)
    end = min(t_min + length, duration)
    begin = min(t_min, end)
    every = range(max(duration - samples, 0) + 1)
    holding = [
        start
        for start in every
        if (start <= begin and end <= start + samples) or (begin <= start and start + samples <= end)
    ]
    assert found in (holding or every)


@pytest.mark.parametrize(
    ("t_min", "t_max", "starts"),
    [
        (4, 6, {2, 3, 4}),
        (3, 9, {3, 4, 5}),
        (0, 1, {0}),
        (1, 2, {0, 1}),
        (9, 11, {6}),
        (2, math.inf, {*range(2, 7)}),
    ],
)
def test_every_such_window_is_drawn(t_min, t_max, starts):
    rng = np.random.default_rng(0)
    sizes = {"duration": 10, "samples": 4, "sample_rate": 1}
    assert {examples.random_start(t_min, t_max, rng=rng, **sizes) for _ in range(200)} == starts


def test_a_recording_shorter_than_the_window_starts_it():
    row = placed(Annotation("a", "x", "present", 1.0, 2.0), duration=3.0).iloc[0]
    assert (row.start, row.stop) == (0.0, 10.0)


def test_labels_are_of_all_events_that_overlap():
    found = placed(
        Annotation("a", "x", "present", 10.0, 12.0),
        Annotation("a", "y", "present", 15.9, 20.0),
        Annotation("a", "z", "present", 16.0, 20.0),
        Annotation("a", "v", "absent", 8.0, 9.0),
        Annotation("a", "x", "absent", 13.0, 14.0),
        Annotation("b", "w", "present", 10.0, 12.0),
    )
    row = found[(found.label == "x") & (found.presence == "present")].iloc[0]
    assert (row.start, row.present, row.absent) == (6.0, "x;y", "v")


@pytest.mark.parametrize(
    ("changes", "made"),
    [
        ({}, False),
        ({"label": "y"}, True),
        ({"f_min": 4000.0, "f_max": 5000.0}, True),
        ({"song_type": "call"}, True),
        ({"t_min": 55.0, "t_max": 65.0}, True),
    ],
)
def test_a_rejection_within_a_longer_present_event_makes_no_example(changes, made):
    """Its window would have the label of the event: a detection that was wrong would be an example of the class."""
    song = Annotation("a", "x", "present", 0.0, 60.0, 1000.0, 2000.0, "song")
    rejected = Annotation("a", "x", "absent", 10.0, 13.0)._replace(**changes)
    index = placed(song, rejected)
    assert set(index.example_id) == {example_id(song)} | ({example_id(rejected)} if made else set())
    # Of one that is as long, nothing is left out.
    assert len(placed(song, song._replace(presence="absent", f_min=0.0))) == 2


def overruled(one, annotations):
    """Whether an event is a rejection within a longer present event."""
    return any(
        (one.presence, other.presence) == ("absent", "present")
        and one[:2] == other[:2]
        and other.t_min <= one.t_min
        and one.t_max <= other.t_max
        and other.t_max - other.t_min > one.t_max - one.t_min
        for other in annotations
    )


def naive_labels(annotations, row):
    """The lists of a window, from the annotations that overlap it or that it was cut for."""
    inside = [
        a
        for a in annotations
        if a.recording_id == row.recording_id
        and ((a.t_min < row.stop and a.t_max > row.start) or example_id(a) == row.example_id)
    ]
    lists = {p: {a.label for a in inside if a.presence == p} for p in ("present", "absent", "unknown")}
    lists["absent"] -= lists["present"]
    lists["unknown"] -= lists["present"] | lists["absent"]
    return {presence: ";".join(sorted(labels)) for presence, labels in lists.items()}


events = st.builds(
    lambda recording, label, presence, t_min, length: Annotation(
        recording, label, presence, t_min, t_min + length
    ),
    st.sampled_from("ab"),
    st.sampled_from("xyz"),
    st.sampled_from(["present", "absent", "unknown"]),
    st.sampled_from([0.0, 5.0, 20.0, 70.0]),
    st.sampled_from([1.0, 5.0, 30.0]),
)


@given(st.lists(events, unique=True, max_size=12), st.sampled_from([1, 5, 1 << 22]))
def test_windows_have_the_labels_of_all_that_overlaps_them(annotations, pairs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_labels, "PAIRS", pairs)
        index = placed(*annotations)
    own = [a for a in annotations if a.presence != "unknown" and not overruled(a, annotations)]
    assert sorted(index.example_id) == sorted(map(example_id, own))
    for row in index.itertuples():
        assert {name: getattr(row, name) for name in PRESENCES} == naive_labels(annotations, row)


def test_annotations_of_one_box_share_a_window():
    given_ = [
        Annotation("a", "y", "present", 0.0, 5.0),
        Annotation("a", "u", "present", 0.0, 5.0),
        Annotation("a", "z", "unknown", 0.0, 5.0),
        Annotation("a", "y", "present", 5.0, 10.0),
        Annotation("a", "z", "unknown", 10.0, 15.0),
        Annotation("b", "u", "present", 0.0, 5.0),
        Annotation("b", "u", "present", 5.0, 10.0),
        Annotation("b", "w", "absent", 5.0, 10.0),
        Annotation("b", "w", "absent", 10.0, 15.0),
        Annotation("c", "v", "absent", 0.0, 5.0),
        Annotation("c", "w", "absent", 0.0, 5.0),
    ]
    index = placed(*given_, window=5.0, shared_windows=True).sort_values(["recording_id", "start"])
    found = index[["recording_id", "start", "label", "presence", "present", "absent", "unknown"]]
    # y is in two boxes and u in three, v in one and w in three.
    assert found.to_numpy().tolist() == [
        ["a", 0, "y", "present", "u;y", "", "z"],
        ["a", 5, "y", "present", "y", "", ""],
        ["b", 0, "u", "present", "u", "", ""],
        ["b", 5, "u", "present", "u", "w", ""],
        ["b", 10, "w", "absent", "", "w", ""],
        ["c", 0, "v", "absent", "", "v;w", ""],
    ]
    again = placed(*given_[::-1], window=5.0, shared_windows=True)
    assert again.equals(index.sort_values("example_id", ignore_index=True))
    alone = examples.annotation_examples(
        dataclasses.replace(tables(*given_), shared_windows=True), absent=False
    )
    assert alone.example_id.tolist() == sorted(index.example_id[index.presence == "present"])
    assert placed(*given_[4:5], shared_windows=True).empty


def test_a_shared_windows_id_is_of_its_labels_and_box():
    first, second = Annotation("a", "x", "present", 0.0, 5.0), Annotation("a", "y", "unknown", 0.0, 5.0)
    ids = {
        placed(*each, shared_windows=True).example_id[0]
        for each in (
            [first],
            [first, second],
            [first, second._replace(presence="absent")],
            [first._replace(recording_id="b"), second._replace(recording_id="b")],
            [first._replace(t_max=6.0), second._replace(t_max=6.0)],
        )
    }
    assert len(ids) == 5


def naive_matrix(index, classes, exhaustive):
    matrix = np.full((len(index), len(classes)), 0 if exhaustive else -1)
    for row, lists in enumerate(index.itertuples()):
        for name, value in (("unknown", -1), ("absent", 0), ("present", 1)):
            for label in filter(None, getattr(lists, name, "").split(";")):
                matrix[row, classes.index(label)] = value
    return matrix.tolist()


lists = st.lists(st.sampled_from("xyzw"), max_size=4).map(";".join)


@given(st.lists(st.tuples(lists, lists, lists), max_size=8), st.booleans(), st.randoms())
def test_labels_are_those_of_the_lists(rows, exhaustive, random):
    index, classes = pd.DataFrame(rows, columns=["present", "absent", "unknown"], dtype=str), list("xyzw")
    labels = Labels(index, classes, exhaustive=exhaustive)
    naive = naive_matrix(index, classes, exhaustive)
    assert len(labels) == len(rows)
    assert labels.shape == (len(rows), 4)
    order = np.array(random.sample(range(len(rows)), len(rows)), dtype=int)
    found = labels.take(order)
    assert found.dtype == np.float32
    assert found.tolist() == [naive[row] for row in order]
    assert labels.present.dtype == bool
    assert labels.present.toarray().tolist() == [[value == 1 for value in row] for row in naive]
    chosen = np.sort(order[: len(rows) // 2])
    changed = labels.permuted(chosen, order[: len(chosen)])
    expected = np.array(naive).reshape(-1, 4)
    expected[chosen] = np.array(naive).reshape(-1, 4)[order[: len(chosen)]]
    assert changed.take(np.arange(len(rows))).tolist() == expected.tolist()
    assert changed.present.toarray().tolist() == (expected == 1).tolist()
    assert labels.take(order).tolist() == found.tolist()


def test_the_centred_class_is_that_of_a_present_event():
    index = pd.DataFrame({"label": list("yxy"), "presence": ["present", "absent", "present"]})
    centred = Centred(index, ["x", "y"])
    assert centred.numbers.tolist() == [1, -1, 1]
    assert len(centred) == 3
    assert centred.take([1, 2]).tolist() == [[0, 0], [0, 1]]
    assert everything(Centred, index, ["x", "y"]).tolist() == [[0, 1], [0, 0], [0, 1]]
    assert centred.permuted(np.array([0]), np.array([1])).numbers.tolist() == [-1, -1, 1]
    assert centred.numbers.tolist() == [1, -1, 1]


def test_what_nobody_labelled_is_unknown():
    index = pd.DataFrame({"present": ["x;y", ""], "absent": ["", "z"]})
    assert everything(Labels, index.assign(unknown="z"), ["x", "y", "z"], exhaustive=True).tolist() == [
        [1, 1, -1],
        [0, 0, 0],
    ]
    assert everything(Labels, index, ["x", "y", "z"], exhaustive=False).tolist() == [
        [1, 1, -1],
        [-1, -1, 0],
    ]
    assert everything(Labels, index, ["x", "y", "z"], exhaustive=True).tolist() == [
        [1, 1, 0],
        [0, 0, 0],
    ]


@given(duration=st.integers(1, 5000), samples=st.integers(1, 1000), hop=st.integers(1, 1200))
def test_sliding_windows_cover_the_recording_and_end_with_it(duration, samples, hop):
    starts = read.sliding_starts(duration=duration, samples=samples, hop=hop)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] == max(duration - samples, 0)
    assert all(b - a <= hop for a, b in itertools.pairwise(starts))
    if hop <= samples:
        covered = np.zeros(duration, dtype=bool)
        for start in starts:
            covered[start : start + samples] = True
        assert covered.all()


def test_26_of_the_1216_real_windows_hold_another_species(real):
    found = source.reader("rfcx").read(real("rfcx"))
    present = [a for a in found.annotations if a.presence == "present"]
    assert len(present) == 1216
    index = placed(*present, rate=48_000)
    assert sum(len(labels.split(";")) > 1 for labels in index.present) == 26
    assert (index.start >= 0).all()
    assert (index.stop <= 60).all()
