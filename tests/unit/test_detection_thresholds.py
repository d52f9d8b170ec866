import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from understory.evaluation import intervals
from understory.evaluation.detections import thresholds as detection_thresholds
from understory.evaluation.detections.held_out import Grid

WANTED = 0.9


def grid_of(scores, correct, recordings, folds):
    """The counts of detections that are the same at every threshold; `folds` of each recording."""
    thresholds = np.unique(scores)
    counts = np.zeros((2, len(thresholds), len(folds)), dtype=int)
    for number, threshold in enumerate(thresholds):
        for kind in (True, False):
            above = (scores >= threshold) & (correct == kind)
            counts[1 - kind, number] = np.bincount(recordings[above], minlength=len(folds))
    return Grid(thresholds, *counts, np.asarray(folds))


detections = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 5)), min_size=20, max_size=80
)


@given(detections, st.sampled_from([0.5, 0.75, 0.9]))
def test_the_lowest_threshold_is_found_by_trying_them_all(found, wanted):
    scores, correct, recordings = (np.array(column) for column in zip(*found, strict=True))
    grid = grid_of(scores, correct, recordings, [0, 0, 1, 1, 2, 2])
    reaching = [
        t for t in np.unique(scores) if (above := scores >= t).sum() >= 10 and correct[above].mean() >= wanted
    ]
    chosen = detection_thresholds.choose(grid, wanted)
    assert chosen.events == len(scores)
    if chosen.threshold is None:
        assert not reaching or "held-out" in chosen.reason
    else:
        assert chosen.threshold == min(reaching)
        assert chosen.reason is None
        low, high = chosen.interval
        assert 0 <= low <= chosen.precision <= high <= 1


def test_what_is_reported_of_a_fold_knows_nothing_of_it():
    scores = np.repeat([1, 2, 3], 20)
    correct = np.concatenate([np.arange(20) < 5, np.arange(20) < 18, np.arange(20) < 20])
    recordings = np.arange(60) % 4
    grid = grid_of(scores, correct, recordings, [0, 0, 1, 1])
    before = detection_thresholds.choose(grid, WANTED)
    inside = grid.folds == 0
    # Of fold 0, half of the correct detections are wrong now.
    moved = np.where(inside, grid.right // 2, 0)
    after = detection_thresholds.choose(
        grid._replace(right=grid.right - moved, wrong=grid.wrong + moved), WANTED - 0.2
    )
    again = detection_thresholds.choose(grid, WANTED - 0.2)
    assert after.by_fold[0] == again.by_fold[0]
    assert after.by_fold[1] != again.by_fold[1]
    # The precision is that of both folds, each at the threshold of the other.
    places = {fold: grid.thresholds.tolist().index(own) for fold, own in before.by_fold.items()}
    right = sum(grid.right[place, grid.folds == fold].sum() for fold, place in places.items())
    wrong = sum(grid.wrong[place, grid.folds == fold].sum() for fold, place in places.items())
    assert before.precision == right / (right + wrong)


def test_too_little_data_have_a_reason():
    def reason(count, right, folds=(0, 1, 2)):
        correct = np.arange(count) % 4 < 4 * right
        return detection_thresholds.choose(
            grid_of(np.zeros(count), correct, np.arange(count) % 3, folds), WANTED
        ).reason

    assert reason(19, 1) == "not enough data: 19 detections, at least 20 are needed"
    assert reason(20, 1) is None
    assert reason(20, 0.5) == (
        "no threshold reaches a precision of 0.9 with at least 10 detections, the highest is 0.50"
    )
    # A single fold is judged by nothing.
    assert reason(20, 1, folds=(0, 0, 0)).startswith("not enough data: 0 held-out detections")
    nothing = Grid(np.empty(0), np.empty((0, 3), int), np.empty((0, 3), int), np.arange(3))
    assert detection_thresholds.choose(nothing, WANTED).reason.startswith("not enough data: 0 detections")


@given(st.integers(1, 40), st.data())
def test_the_interval_of_independent_detections_is_that_of_clopper_and_pearson(count, data):
    """With one detection a recording."""
    right = data.draw(st.integers(0, count))
    found = intervals.precision_interval(np.arange(count) < right, np.arange(count) >= right)
    exact = stats.binomtest(right, count).proportion_ci(0.95, "exact")
    np.testing.assert_allclose(found, exact, atol=1e-9)


def test_the_interval_of_recordings_that_differ_is_wider():
    alike = intervals.precision_interval(np.full(10, 8), np.full(10, 2))
    apart = intervals.precision_interval(np.repeat([10, 0], [8, 2]), np.repeat([0, 10], [8, 2]))
    by_recording = stats.binomtest(8, 10).proportion_ci(0.95, "exact")
    assert alike[1] - alike[0] < 0.2
    assert apart[0] < by_recording[0] < 0.8 < by_recording[1] < apart[1]
    # All are correct: ten recordings, and not a hundred detections.
    same = intervals.precision_interval(np.full(10, 10), np.zeros(10, int))
    np.testing.assert_allclose(same, stats.binomtest(10, 10).proportion_ci(0.95, "exact"))
    assert intervals.precision_interval(np.zeros(3), np.zeros(3)) == (0, 1)


# Detections, recordings, folds, how much recordings differ, share of correct ones, and how far these score above the others.
POPULATIONS = [
    (60, 30, 3, 0.0, 0.7, 0.0),
    (200, 50, 3, 1.0, 0.7, 0.0),
    (60, 30, 2, 0.0, 0.6, 1.0),
    (60, 30, 3, 0.0, 0.5, 2.0),
    (200, 50, 5, 0.0, 0.3, 2.0),
    (60, 10, 3, 1.0, 0.5, 2.0),
    (200, 20, 3, 1.0, 0.9, 1.0),
    (100, 30, 3, 2.0, 0.95, 2.0),
    (100, 20, 3, 1.0, 0.5, 6.0),
]


def drawn(rng, count, recordings, folds, differ, share, apart):
    """A class: its grid, and a function that gives the true precision at a threshold."""
    spread = 0.3 * differ
    if differ:
        weights = rng.dirichlet(np.full(recordings, 1 / differ))
        own = rng.beta(2 * share / differ, 2 * (1 - share) / differ, size=recordings)
    else:
        weights, own = np.full(recordings, 1 / recordings), np.full(recordings, share)
    of = rng.choice(recordings, size=count, p=weights)
    correct = rng.random(count) < own[of]
    noise = rng.normal(size=count) + rng.normal(size=recordings)[of] * spread
    scores = noise + apart * (correct - 0.5)

    def precision(threshold):
        right, wrong = (
            part * stats.norm.sf((threshold - side * apart / 2) / np.hypot(1, spread))
            for part, side in ((share, 1), (1 - share, -1))
        )
        return right / (right + wrong)

    return grid_of(scores, correct, of, rng.permutation(recordings) % folds), precision


def coverage(classes):
    """The share of classes with a threshold whose true precision is in the interval, and the number of these classes."""
    inside = []
    for number, population in enumerate(POPULATIONS):
        rng = np.random.default_rng([7, number])
        for _ in range(classes):
            grid, precision = drawn(rng, *population)
            chosen = detection_thresholds.choose(grid, WANTED)
            if chosen.threshold is not None:
                low, high = chosen.interval
                inside.append(low <= precision(chosen.threshold) <= high)
    return np.mean(inside), len(inside)


def test_the_true_precision_lies_in_the_stated_interval():
    share, classes = coverage(20)
    assert classes > 100
    assert share >= 0.95


def test_the_precision_of_lucky_thresholds_is_not_flattered():
    """Where scores tell nothing, a threshold reaches the wanted precision by chance alone: held out, it falls back."""
    rng, found = np.random.default_rng(5), []
    for _ in range(150):
        grid, _ = drawn(rng, 60, 30, 3, 0.0, 0.7, 0.0)
        chosen = detection_thresholds.choose(grid, WANTED)
        if chosen.threshold is not None:
            found.append(chosen)
    assert len(found) >= 5
    assert np.mean([each.precision for each in found]) < 0.85
    assert all(each.interval[0] < 0.7 for each in found)


@pytest.mark.soak
def test_the_true_precision_of_many_classes_lies_in_the_stated_interval():
    share, classes = coverage(400)
    assert classes > 2000
    assert share >= 0.95
