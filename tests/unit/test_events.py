"""From window scores to events, against a naive oracle that works on moments in place of stretches."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.inference import events

SETTINGS = {"smoothing": 1, "low": 1.0, "merge_gap": 0.0, "min_duration": 0.0}
HOP, WINDOW = 0.5, 2.0


def windows(count, last=0.0):
    """Starts and stops of windows; `last` moves the last one closer to the one before it."""
    starts = HOP * np.arange(count)
    starts[-1] -= last
    return starts, starts + WINDOW


def found(scores, thresholds=(0.5,), last=0.0, **changes):
    scores = np.array(scores, dtype=np.float32)
    scores = scores.reshape(len(scores), -1)
    return events.find(*windows(len(scores), last), scores, thresholds, {**SETTINGS, **changes})


def naive_smoothed(values, width):
    half = width // 2
    return [
        sum(values[max(0, at - half) : at + half + 1]) / len(values[max(0, at - half) : at + half + 1])
        for at in range(len(values))
    ]


def naive(scores, threshold, last, smoothing, low, merge_gap, min_duration):
    """The same one class at a time, by lists and loops."""
    starts, stops = windows(len(scores), last)
    centres = [(start + stop) / 2 for start, stop in zip(starts, stops, strict=True)]
    limits = [0.0, *((a + b) / 2 for a, b in itertools.pairwise(centres)), stops[-1]]
    values = naive_smoothed([float(np.float32(score)) for score in scores], smoothing)
    on, at = [], 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] >= low * threshold:
            end += 1
        if end > at and max(values[at:end]) >= threshold:
            on.append([limits[at], limits[end], max(values[at:end])])
        at = max(end, at + 1)
    merged = on[:1]
    for start, end, score in on[1:]:
        if merge_gap and start - merged[-1][1] <= merge_gap + 1e-9:
            merged[-1][1:] = end, max(score, merged[-1][2])
        else:
            merged.append([start, end, score])
    return [event for event in merged if event[1] - event[0] >= min_duration - 1e-9]


# Steps of an eighth: their means and shares have no rounding errors that turn a comparison.
SCORES = st.lists(st.integers(0, 8).map(lambda step: step / 8), min_size=1, max_size=30)


@given(
    scores=SCORES,
    threshold=st.sampled_from([0.25, 0.5, 0.75]),
    last=st.sampled_from([0.0, 0.25, 0.4]),
    smoothing=st.sampled_from([1, 5, 9]),
    low=st.sampled_from([0.25, 0.5, 1.0]),
    merge_gap=st.sampled_from([0.0, 0.5, 1.0, 2.6]),
    min_duration=st.sampled_from([0.0, 0.5, 1.5, 3.0]),
)
def test_events_are_those_of_a_naive_oracle(scores, threshold, last, **settings):
    if len(scores) == 1:
        last = 0.0
    expected = naive(scores, threshold, last, **settings)
    got = found(scores, (threshold,), last, **settings)
    assert len(got) == len(expected)
    for event, (start, end, score) in zip(got, expected, strict=True):
        assert event == pytest.approx((start, end, 0, score))


@given(columns=st.lists(st.lists(st.integers(0, 8), min_size=6, max_size=6), min_size=1, max_size=4))
def test_classes_have_nothing_to_do_with_each_other(columns):
    scores = np.array(columns, dtype=np.float32).T / 8
    together = events.find(*windows(6), scores, [0.5] * len(columns), {**SETTINGS, "merge_gap": 1.0})
    alone = [
        event._replace(column=number)
        for number in range(len(columns))
        for event in events.find(*windows(6), scores[:, [number]], [0.5], {**SETTINGS, "merge_gap": 1.0})
    ]
    assert together == sorted(alone)


def test_an_event_covers_the_cells_of_its_windows():
    """Windows of 2 s every 0.5 s: that from 1 to 3 s counts for 1.75 to 2.25 s."""
    assert found([0, 0, 0.9, 0, 0]) == [(1.75, 2.25, 0, pytest.approx(0.9))]
    # The first cell begins with the recording and the last ends with it.
    assert [event[:2] for event in found([0.9, 0, 0, 0, 0.9])] == [(0.0, 1.25), (2.75, 4.0)]


def test_cells_cover_the_recording():
    starts, stops = windows(7, last=0.3)
    edges = events.edges(starts, stops)
    assert edges[0] == 0
    assert edges[-1] == stops[-1]
    assert (np.diff(edges) > 0).all()
    # A recording shorter than a window has one cell, as long as itself.
    assert events.edges([0.0], [1.2]).tolist() == [0.0, 1.2]


def test_hysteresis_goes_on_down_to_the_share_of_the_threshold():
    scores = [0, 0.3, 0.6, 0.3, 0, 0.3, 0]
    assert [event[:2] for event in found(scores, low=0.5)] == [(1.25, 2.75)]
    assert [event[:2] for event in found(scores, low=1.0)] == [(1.75, 2.25)]


def test_events_that_are_close_become_one_and_short_ones_are_left_out():
    scores = [0, 0.9, 0, 0.7, 0, 0, 0, 0.8, 0, 0]
    assert [event[:2] for event in found(scores, merge_gap=0.5)] == [(1.25, 2.75), (4.25, 4.75)]
    assert [event[:2] for event in found(scores, merge_gap=0.5, min_duration=1.5)] == [(1.25, 2.75)]
    assert found(scores, merge_gap=0.5)[0].score == pytest.approx(0.9)


def test_a_class_with_an_infinite_threshold_is_never_found():
    assert found([[1.0, 1.0]], thresholds=(math.inf, 0.5)) == [(0.0, 2.0, 1, 1.0)]


def test_of_no_windows_there_are_no_events():
    assert events.find([], [], np.zeros((0, 2)), [0.5, 0.5], SETTINGS) == []


@given(scores=SCORES, width=st.sampled_from([1, 3, 5, 31]))
def test_smoothing_is_the_mean_of_the_neighbours_there_are(scores, width):
    values = events.smoothed(np.array(scores, dtype=np.float32)[:, None], width)
    assert values[:, 0] == pytest.approx(naive_smoothed(scores, width))
