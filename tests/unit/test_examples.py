import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory import datasets, examples
from understory.tables import Annotation, Recording, Tables


def tables(*annotations):
    names = sorted({a.recording_id for a in annotations})
    labels = tuple(sorted({a.label for a in annotations}))
    return Tables(labels, tuple(Recording(n, n, "train") for n in names), annotations, False)


def placed(*annotations, duration=60.0, window=10.0, rate=1000):
    events = examples.annotation_examples(tables(*annotations), absent=True)
    durations = dict.fromkeys(events.recording_id, round(duration * rate))
    return examples.place_windows(events, durations, window=window, sample_rate=rate)


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


def test_what_nobody_labelled_is_unknown():
    index = pd.DataFrame({"present": ["x;y", ""], "absent": ["", "z"]})
    assert examples.label_matrix(index, ["x", "y", "z"], exhaustive=False).tolist() == [
        [1, 1, -1],
        [-1, -1, 0],
    ]
    assert examples.label_matrix(index, ["x", "y", "z"], exhaustive=True).tolist() == [[1, 1, 0], [0, 0, 0]]


@given(duration=st.integers(1, 5000), samples=st.integers(1, 1000), hop=st.integers(1, 1200))
def test_sliding_windows_cover_the_recording_and_end_with_it(duration, samples, hop):
    starts = examples.sliding_starts(duration=duration, samples=samples, hop=hop)
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
    found = datasets.reader("rfcx").read(real("rfcx"))
    present = [a for a in found.annotations if a.presence == "present"]
    assert len(present) == 1216
    index = placed(*present, rate=48_000)
    assert sum(len(labels.split(";")) > 1 for labels in index.present) == 26
    assert (index.start >= 0).all()
    assert (index.stop <= 60).all()
