import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.evaluation.detections import event_metrics

# Quarters of a second, so that equal ratios are equal in binary as well.
quarters = st.integers(0, 40).map(lambda n: n / 4)
events = st.lists(st.tuples(quarters, quarters).map(sorted), max_size=5).map(
    lambda found: np.array(found, dtype=float).reshape(-1, 2)
)
leasts = st.sampled_from([0.3, 0.5])


def naive_iou(one, other):
    """By counting quarters of a second."""
    cells = [set(range(round(4 * start), round(4 * stop))) for start, stop in (one, other)]
    either = cells[0] | cells[1]
    return len(cells[0] & cells[1]) / len(either) if either else 0.0


def naive_most(detected, annotated, least):
    """The most pairs of any assignment, by trying them all."""
    best = 0
    padded = [*range(len(annotated)), *[None] * len(detected)]
    for chosen in itertools.permutations(padded, len(detected)):
        pairs = [(d, a) for d, a in enumerate(chosen) if a is not None]
        if all(naive_iou(detected[d], annotated[a]) >= least for d, a in pairs):
            best = max(best, len(pairs))
    return best


@given(events, events)
def test_the_ratio_of_intersection_to_union_by_counting(one, other):
    expected = [[naive_iou(a, b) for b in other] for a in one]
    np.testing.assert_allclose(
        event_metrics.iou(one, other), np.array(expected).reshape(len(one), len(other))
    )


small = st.lists(st.tuples(quarters, quarters).map(sorted), max_size=3)


@given(small, small, leasts)
def test_no_assignment_has_more_pairs(detected, annotated, least):
    counts = event_metrics.event_counts(detected, annotated, least=least)
    assert counts == (naive_most(detected, annotated, least), len(detected), len(annotated))


@given(events, events, leasts)
def test_a_matching_is_one_to_one_and_of_allowed_pairs(detected, annotated, least):
    found = event_metrics.matched(detected, annotated, least=least)
    assert found.shape == (len(detected),)
    pairs = [(d, a) for d, a in enumerate(found) if a >= 0]
    assert len({a for _, a in pairs}) == len(pairs)
    assert all(naive_iou(detected[d], annotated[a]) >= least for d, a in pairs)
    # The roles are symmetric.
    other = event_metrics.event_counts(annotated, detected, least=least)
    assert other.both == len(pairs)


def test_a_greedy_matching_would_find_fewer():
    """The first detected event may only be matched with the first annotated one, which the second prefers as well."""
    detected, annotated = [[0, 4], [1, 5]], [[1, 5], [5, 9], [2, 8]]
    assert event_metrics.event_counts(detected, annotated, least=0.3).both == 2
    assert sorted(event_metrics.matched(detected, annotated, least=0.3)) == [0, 2]


@given(events, events, quarters, st.sampled_from([0.5, 1.0, 2.0]), st.none() | events)
def test_segments_by_going_through_them(detected, annotated, duration, segment, known):
    def has(found, start, stop):
        return any(min(stop, b) - max(start, a) > 0 for a, b in found)

    expected = [0, 0, 0]
    for number in range(math.ceil(duration / segment)):
        start, stop = number * segment, min((number + 1) * segment, duration)
        if known is not None and not has(known, start, stop):
            continue
        one, other = has(detected, start, stop), has(annotated, start, stop)
        expected = [expected[0] + (one and other), expected[1] + one, expected[2] + other]
    counts = event_metrics.segment_counts(
        detected, annotated, duration=duration, segment=segment, known=known
    )
    assert list(counts) == expected


def test_scores_are_those_of_the_sums():
    counts = [event_metrics.Counts(2, 4, 3), event_metrics.Counts(0, 1, 2)]
    assert event_metrics.scores(counts) == pytest.approx((2 / 5, 2 / 5, 4 / 10))
    nothing = event_metrics.scores([event_metrics.Counts(0, 0, 0)])
    assert all(map(math.isnan, nothing))
    only_missed = event_metrics.scores(event_metrics.Counts(0, 0, 3))
    assert math.isnan(only_missed.precision)
    assert only_missed[1:] == (0, 0)


def test_an_interval_of_f1_holds_the_f1_of_most_samples():
    """Of recordings from a population whose F1 is known, about 95 in 100 samples."""
    rng, inside = np.random.default_rng(0), 0
    for number in range(100):
        annotated = rng.poisson(3, size=40)
        both = rng.binomial(annotated, 0.6)
        detected = both + rng.poisson(0.4 * 3, size=40)
        counts = np.stack([both, detected, annotated], axis=1)
        low, high, *_ = event_metrics.f1_interval(counts, seed=number, name="f1", resamples=200)
        assert low <= event_metrics.scores(counts).f1 <= high
        # Of an annotated event 0.6 are found, beside 0.4 that are wrong.
        inside += low <= 2 * 0.6 / (0.6 + 0.4 + 1) <= high
    assert 85 <= inside <= 100


def test_the_same_seed_gives_the_same_interval_and_nothing_gives_none():
    counts = np.random.default_rng(0).integers([0, 9, 9], 18, size=(30, 3))
    one, same = (event_metrics.f1_interval(counts, seed=4, name="f1") for _ in range(2))
    assert one == same != event_metrics.f1_interval(counts, seed=5, name="f1")
    assert all(map(math.isnan, event_metrics.f1_interval(counts[:0], seed=4, name="f1")[:2]))
