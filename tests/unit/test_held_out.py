from functools import partial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from understory.data.dataset import Annotation
from understory.evaluation.detections import held_out
from understory.evaluation.detections.held_out import HeldOut, Known
from understory.inference import events

SETTINGS = {"smoothing": 1, "low": 0.75, "merge_gap": 1.0, "min_duration": 0.0}
FIND = partial(events.find, settings=SETTINGS)
NOTHING = np.empty((0, 2))


def boxes(*pairs):
    return np.array(pairs, dtype=float).reshape(-1, 2)


def recording(scores, known, *, exhaustive=True, fold=0, name="a"):
    scores = np.array(scores, dtype=float).reshape(len(scores), -1)
    starts = np.arange(len(scores), dtype=float)
    return HeldOut(name, fold, starts, starts + 1.0, scores, known, exhaustive)


def test_annotations_are_dealt_to_classes_and_end_with_the_recording():
    given_ones = [
        Annotation("a", "owl", "present", 1, 2),
        Annotation("a", "cat", "absent", 0),
        Annotation("a", "owl", "unknown", 3, 9),
        Annotation("a", "owl", "present", 4, 5),
    ]
    cat, owl, dog = held_out.known(given_ones, ["cat", "owl", "dog"], 6.0)
    assert owl.present.tolist() == [[1, 2], [4, 5]]
    assert owl.unknown.tolist() == [[3, 6]]
    assert cat.absent.tolist() == [[0, 6]]
    assert [each.tolist() for each in dog] == [[], [], []]


def test_what_is_known_decides_and_what_is_not_is_neither_right_nor_wrong():
    known = Known(boxes((0, 2)), boxes((1, 4)), boxes((6, 7)))
    found = boxes((1, 2), (2, 3), (5, 5.5), (6, 8), (2, 2))
    assert held_out.verdicts(found, known, exhaustive=True, margin=0).tolist() == [1, 0, 0, -1, 0]
    assert held_out.verdicts(found, known, exhaustive=False, margin=0).tolist() == [1, 0, -1, -1, -1]
    assert held_out.verdicts(NOTHING, known, exhaustive=True, margin=0).tolist() == []


tenths = st.integers(0, 9).map(lambda n: n / 10)
quarters = st.integers(0, 40).map(lambda n: n / 4)
spans = st.lists(st.tuples(quarters, quarters).map(sorted), max_size=2).map(lambda found: boxes(*found))
takes = st.builds(
    recording,
    st.lists(st.tuples(tenths, tenths), min_size=2, max_size=8),
    st.lists(st.builds(Known, spans, spans, spans), min_size=2, max_size=2),
    exhaustive=st.booleans(),
    fold=st.integers(0, 2),
)


def naive_verdict(event, known, exhaustive, margin=1.0):
    """By a sum over hundredths of a second."""
    over = [
        [stop - start for start, stop in boxes if min(event.end, stop) - max(event.start, start) > 0]
        for boxes in known
    ]
    present, absent, unknown = over
    if absent and min(absent) < min(present, default=np.inf):
        return 0
    ticks = np.arange(event.start, event.end, 0.01) + 0.005
    near = [any(start - margin < tick < stop + margin for start, stop in known.present) for tick in ticks]
    if present and np.mean(near) >= 0.5:
        return 1
    return 0 if absent else -1 if unknown or not exhaustive else 0


def test_an_event_that_is_a_whole_recording_finds_nothing():
    known = Known(boxes((10, 11)), NOTHING, NOTHING)
    found = boxes((0, 60), (8, 14), (10, 10.5), (4, 16))
    assert held_out.verdicts(found, known, exhaustive=True, margin=3).tolist() == [0, 1, 1, 1]
    assert held_out.verdicts(found, known, exhaustive=False, margin=3).tolist() == [-1, 1, 1, 1]
    # Without its margin the last one is too long.
    assert held_out.verdicts(found, known, exhaustive=True, margin=0.5).tolist() == [0, 0, 1, 0]


def test_a_rejected_event_of_a_recording_that_is_labelled_as_a_whole_is_wrong():
    known = Known(boxes((0, 60)), boxes((1, 2)), NOTHING)
    assert held_out.verdicts(boxes((1, 2), (5, 6)), known, exhaustive=False, margin=1).tolist() == [0, 1]


@given(st.lists(takes, max_size=3))
def test_detections_at_a_threshold_are_those_that_are_found_with_it(recordings):
    result = held_out.judged(recordings, FIND, 2)
    assert len(result) == 2
    for column, judged in enumerate(result):
        grid = judged.grid
        assert grid.right.shape == grid.wrong.shape == (len(grid.thresholds), len(recordings))
        assert (np.diff(grid.thresholds) > 0).all()
        assert grid.folds.tolist() == [each.fold for each in recordings]
        for place, threshold in enumerate(grid.thresholds):
            above = np.append(grid.thresholds, np.inf)[place + 1]
            own = []
            for number, each in enumerate(recordings):
                alone = [np.inf, np.inf]
                alone[column] = threshold
                found = FIND(each.starts, each.stops, each.scores, alone)
                said = [naive_verdict(event, each.known[column], each.exhaustive) for event in found]
                assert said.count(1) == grid.right[place, number]
                assert said.count(0) == grid.wrong[place, number]
                own += [
                    (event.score, verdict == 1, number)
                    for event, verdict in zip(found, said, strict=True)
                    if verdict >= 0 and event.score < above
                ]
            inside = (judged.scores >= threshold) & (judged.scores < above)
            listed = zip(
                judged.scores[inside], judged.correct[inside], judged.recordings[inside], strict=True
            )
            assert sorted(own) == sorted(listed)


def test_thresholds_are_heights_of_peaks_of_which_something_is_known():
    known = [Known(boxes((0, 1)), boxes((4, 5)), NOTHING)]
    scores = [0.9, 0.1, 0.8, 0.2, 0.5, 0.01]
    assert held_out._tried([recording(scores, known)], 1).tolist() == [[0.5, 0.8, 0.9]]
    sparse = held_out._tried([recording(scores, known, exhaustive=False)], 1)
    assert sparse.tolist() == [[0.5, 0.9]]
    # Below the lowest there are none, and of many no more than are tried.
    assert held_out._tried([recording([0.01, 0.001], known)], 1).shape == (1, 0)
    many = recording(np.random.default_rng(0).random(5000), known)
    tried = held_out._tried([many], 1)[0]
    assert 20 < len(tried) <= held_out.TRIED
    assert tried[-1] == many.scores.max()
    assert held_out._tried([], 2).shape == (2, 0)
