import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.evaluation import calibration
from understory.evaluation.intervals import precision_interval

rows = st.lists(st.tuples(st.integers(0, 20).map(lambda n: n / 20), st.booleans()), min_size=1, max_size=120)


def columns(found):
    return np.array([score for score, _ in found]), np.array([correct for _, correct in found])


def naive_isotonic(scores, correct):
    """Pool adjacent violators, value by value."""
    blocks = [[x, 1.0 * correct[scores == x].sum(), (scores == x).sum()] for x in np.unique(scores)]
    pooled = []
    for x, total, count in blocks:
        pooled.append([[x], total, count])
        while len(pooled) > 1 and pooled[-2][1] / pooled[-2][2] >= pooled[-1][1] / pooled[-1][2]:
            last = pooled.pop()
            pooled[-1] = [pooled[-1][0] + last[0], pooled[-1][1] + last[1], pooled[-1][2] + last[2]]
    return {x: total / count for places, total, count in pooled for x in places}


@given(rows)
def test_isotonic_maps_are_those_of_pooled_adjacent_violators(found):
    scores, correct = columns(found)
    fitted = calibration._isotonic(scores, correct)
    expected = naive_isotonic(scores, correct)
    np.testing.assert_allclose(fitted(scores), [expected[x] for x in scores], atol=1e-12)


@given(rows, st.booleans())
def test_maps_are_finite_and_never_fall(found, isotonic):
    scores, correct = columns(found)
    right = int(correct.sum())
    fitted = (
        calibration._isotonic(scores, correct) if isotonic else calibration._logistic(scores, correct, right)
    )
    knots, shares = np.array(fitted.scores), np.array(fitted.probabilities)
    assert (np.diff(knots) > 0).all()
    assert (np.diff(shares) >= 0).all()
    assert ((shares >= 0) & (shares <= 1)).all()
    values = fitted(np.linspace(0, 1, 50))
    assert np.isfinite(values).all()
    assert (np.diff(values) >= -1e-12).all()
    if not isotonic:
        # Platt's targets: never certain.
        assert shares.min() > 0
        assert shares.max() < 1


@pytest.mark.parametrize("kind", [True, False])
def test_detections_that_are_all_alike_have_probabilities_that_are_not_certain(kind):
    scores = np.random.default_rng(0).random(30)
    fitted = calibration.fit(scores, np.full(30, kind))
    np.testing.assert_allclose(fitted(scores), 31 / 32 if kind else 1 / 32, atol=2e-3)


def test_the_method_follows_from_the_number_of_detections():
    rng = np.random.default_rng(0)

    def method(count, right):
        correct = np.arange(count) < right
        return calibration.fit(rng.random(count), correct).method

    assert method(0, 0) == method(19, 10) == "none"
    assert method(20, 0) == method(20, 10) == method(499, 250) == "logistic"
    assert method(500, 49) == method(500, 451) == "logistic"
    assert method(500, 50) == method(500, 450) == "isotonic"


def population(rng, count):
    """Scores whose probability is known: less sure than they say."""
    scores = rng.beta(0.7, 0.7, size=count)
    truth = 0.15 + 0.6 * scores**2
    return scores, truth, rng.random(count) < truth


@pytest.mark.parametrize(("count", "most"), [(200, 0.12), (5000, 0.05)])
def test_calibrated_probabilities_come_close_to_the_true_ones(count, most):
    rng = np.random.default_rng(1)
    scores, _, correct = population(rng, count)
    fitted = calibration.fit(scores, correct)
    assert fitted.method == ("logistic" if count < calibration.ISOTONIC else "isotonic")
    others, truth, _ = population(rng, 5000)
    assert np.abs(fitted(others) - truth).mean() < most < np.abs(others - truth).mean()


def test_cross_fitted_probabilities_know_nothing_of_their_own_fold():
    rng = np.random.default_rng(2)
    scores, _, correct = population(rng, 300)
    folds = rng.integers(3, size=300)
    before = calibration.crossfitted(scores, correct, folds)
    assert np.isfinite(before).all()
    changed = np.where(folds == 1, ~correct, correct)
    after = calibration.crossfitted(scores, changed, folds)
    np.testing.assert_array_equal(after[folds == 1], before[folds == 1])
    assert (after[folds != 1] != before[folds != 1]).any()
    # Of too few others there is none.
    assert np.isnan(calibration.crossfitted(scores[:30], correct[:30], np.arange(30) % 2)).all()


def naive_error(probabilities, correct, numbers):
    total = 0.0
    for number in set(numbers):
        inside = numbers == number
        total += inside.sum() * abs(probabilities[inside].mean() - correct[inside].mean())
    return total / len(numbers)


def test_the_expected_calibration_error_by_going_through_the_bins():
    rng = np.random.default_rng(3)
    scores, truth, correct = population(rng, 1000)
    recordings = rng.integers(80, size=1000)
    found = calibration.reliability(scores, correct, recordings, seed=0, resamples=200)
    assert found.detections.tolist() == [100] * 10
    order = np.argsort(scores)
    numbers = np.empty(1000, int)
    numbers[order] = np.repeat(np.arange(10), 100)
    assert found.error == pytest.approx(naive_error(scores, correct, numbers))
    assert found.interval.low < found.error < found.interval.high
    np.testing.assert_allclose(found.probability[0], scores[order[:100]].mean())
    assert (found.correct * found.detections).sum() == pytest.approx(correct.sum())
    first = order[:100]
    right = np.bincount(recordings[first], correct[first], minlength=80)
    wrong = np.bincount(recordings[first], ~correct[first], minlength=80)
    assert (found.low[0], found.high[0]) == precision_interval(right, wrong)
    # True probabilities have a small error, and what is left out changes nothing.
    right = calibration.reliability(
        np.append(truth, np.nan), np.append(correct, True), np.append(recordings, 0), seed=0, resamples=200
    )
    assert right.error < 0.05 < found.interval.low
    assert right.detections.sum() == 1000


def test_the_error_of_nothing_is_none():
    found = calibration.reliability([np.nan], [True], ["a"], seed=0)
    assert np.isnan(found.error)
    assert len(found.probability) == 0
    equal = calibration.reliability([0.5] * 4, [True, False] * 2, list("aabb"), seed=0)
    assert equal.error == 0
    assert equal.detections.tolist() == [4]


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="expected a finite score"):
        calibration.fit([0.1, np.nan], [True, False])
