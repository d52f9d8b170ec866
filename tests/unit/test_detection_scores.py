import json
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from understory.evaluation import intervals
from understory.evaluation.detections import held_out
from understory.evaluation.detections import scores as detection_scores
from understory.evaluation.detections.event_metrics import Counts
from understory.evaluation.detections.held_out import HeldOut, Known
from understory.inference import events

FIND = partial(events.find, settings={"smoothing": 1, "low": 1.0, "merge_gap": 0.0, "min_duration": 0.0})
NONE = np.empty((0, 2))


def boxes(*pairs):
    return np.array(pairs, dtype=float).reshape(-1, 2)


def recording(scores, known, *, exhaustive=True, fold=0):
    scores = np.array(scores, dtype=float)
    starts = np.arange(len(scores), dtype=float)
    return HeldOut("a", fold, starts, starts + 1.0, scores, known, exhaustive)


# Ten seconds: the first class is heard where it is annotated and twice elsewhere, the second where the first is annotated.
SCORES = np.array([[1, 0], [1, 0], [0, 0], [1, 0], [0, 0], [0, 1], [0, 1], [0, 0], [1, 0], [0, 0]]) * 0.9
KNOWN = [Known(boxes((0, 2), (5, 7)), NONE, NONE), Known(NONE, boxes((5, 6)), NONE)]
LIMITS = {0: np.array([0.5, 0.5])}


def test_detections_and_background_of_a_recording_in_which_all_is_known():
    counted = detection_scores.count([recording(SCORES, KNOWN)], FIND, LIMITS)
    assert [Counts(*row) for row in counted.events[0, 0].tolist()] == [(1, 3, 2)] * 2
    assert [Counts(*row) for row in counted.events[1, 0].tolist()] == [(0, 1, 0)] * 2
    assert counted.segments[:, 0].tolist() == [[2, 4, 4], [0, 2, 0]]
    # Of the four false ones, the one beside an annotation of another class is no alarm on background.
    assert counted.alarms[:, 0].tolist() == [2, 0]
    # Two events are annotated, of four seconds.
    assert counted.hours.tolist() == [pytest.approx(6 / 3600)]


def test_a_rejected_false_alarm_is_one_still():
    """Whoever looks through false alarms and rejects them has not made the models better."""
    rejected = [KNOWN[0]._replace(absent=boxes((3, 4), (8, 9))), KNOWN[1]]
    before, after = (
        detection_scores.count([recording(SCORES, known)], FIND, LIMITS) for known in (KNOWN, rejected)
    )
    assert after.alarms.tolist() == before.alarms.tolist()
    assert after.hours.tolist() == before.hours.tolist()


def test_where_little_is_known_the_rest_counts_for_nothing():
    counted = detection_scores.count([recording(SCORES, KNOWN, exhaustive=False)], FIND, LIMITS)
    assert counted.events[0, 0, 0].tolist() == [1, 1, 2]
    assert counted.events[1, 0, 0].tolist() == [0, 1, 0]
    assert counted.segments[:, 0].tolist() == [[2, 2, 4], [0, 1, 0]]
    assert counted.alarms.sum() == 0
    assert counted.hours.tolist() == [0]


def test_each_recording_has_the_thresholds_of_its_fold():
    both = [recording(SCORES, KNOWN, fold=fold) for fold in (0, 1)]
    counted = detection_scores.count(both, FIND, {**LIMITS, 1: np.array([0.95, np.inf])})
    assert counted.events[0, :, 0, 1].tolist() == [3, 0]


def test_overlapping_annotations_are_background_once():
    known = [Known(boxes((0, 4), (1, 2), (4, 5)), NONE, boxes((7, 8))), Known(boxes((3, 6)), NONE, NONE)]
    counted = detection_scores.count([recording(SCORES * 0, known)], FIND, LIMITS)
    assert counted.hours[0] * 3600 == pytest.approx(3)


@given(st.integers(0, 200))
def test_a_poisson_interval_has_its_tails(count):
    low, high = intervals.poisson_interval(count)
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025)
    assert low == 0 if count == 0 else stats.poisson.sf(count - 1, low) == pytest.approx(0.025)


def test_a_summary_is_plain_and_says_nothing_of_what_is_not_defined():
    recordings = [recording(SCORES, KNOWN, fold=fold) for fold in (0, 1)]
    counted = detection_scores.count(recordings, FIND, {**LIMITS, 1: LIMITS[0]})
    judged = held_out.judged(recordings, FIND, 2)
    found = detection_scores.summary(
        counted, judged, ["a", "b"], ["owl", "cat"], chosen=[True, False], seed=1
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == detection_scores.summary(
        counted, judged, ["a", "b"], ["owl", "cat"], chosen=[True, False], seed=1
    )
    assert found["events"]["0.3"] | {"f1_interval": None} == {
        "both": 2,
        "detected": 8,
        "annotated": 4,
        "precision": 0.25,
        "recall": 0.5,
        "f1": pytest.approx(1 / 3),
        "f1_interval": None,
    }
    assert found["classes"]["cat"]["events"]["0.5"]["recall"] is None
    hours = 12 / 3600
    every, own = (found["background"][key] for key in ("every_class", "own_threshold"))
    assert own == every
    assert every["per_hour"] == pytest.approx(4 / hours)
    low, high = every["interval"]
    assert low < 4 / hours < high
    # Too few detections for probabilities.
    assert found["reliability"]["error"] is None
    nothing = detection_scores.summary(
        detection_scores.count([], FIND, LIMITS),
        held_out.judged([], FIND, 2),
        [],
        ["owl", "cat"],
        chosen=[False] * 2,
        seed=1,
    )
    assert nothing["background"] is None
    assert nothing["events"]["0.3"]["f1"] is None
