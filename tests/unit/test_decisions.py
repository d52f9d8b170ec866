import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from understory.core.errors import InputError
from understory.data.labels import Labels
from understory.evaluation import thresholds as decisions
from understory.evaluation.metrics import row_f1

CLASSES = ["a", "b", "nocall"]


def naive_decision(row, thresholds, classes, none="nocall"):
    names = [name for name, p, t in zip(classes, row, thresholds, strict=True) if name != none and p > t]
    if none in classes and (not names or row[classes.index(none)] > thresholds[classes.index(none)]):
        names.append(none)
    return sorted(names, key=classes.index)


def f1(labels, decided, classes):
    return row_f1.score(labels, decisions.indicator(decided, classes))


def score_of(labels, predictions, thresholds, classes, none="nocall"):
    return f1(labels, decisions.decide(predictions, thresholds, classes, none=none), classes)


def made(rows, seed, *, signal, classes=12, nocall=0.6):
    """Rows that mostly have no call, their labels with `nocall` last, and probabilities that tell them or do not."""
    rng = np.random.default_rng(seed)
    labels = rng.random((rows, classes + 1)) < 0.12
    labels[rng.random(rows) < nocall, :-1] = False
    labels[:, -1] = ~labels[:, :-1].any(axis=1)
    predictions = 1 / (1 + np.exp(-(signal * (labels - 0.5) + rng.normal(size=labels.shape))))
    return labels.astype(np.float32), predictions.astype(np.float32), [*map(str, range(classes)), "nocall"]


tenths = st.integers(0, 10).map(lambda n: n / 10)


@given(st.lists(st.tuples(tenths, tenths, tenths), max_size=6), st.tuples(tenths, tenths, tenths))
def test_a_row_has_what_passes_and_none_where_nothing_else_does(rows, thresholds):
    predictions = np.array(rows).reshape(-1, 3)
    expected = [naive_decision(row, thresholds, CLASSES) for row in predictions]
    assert decisions.decide(predictions, thresholds, CLASSES) == expected
    assert decisions.decide(sparse.csr_array(predictions), thresholds, CLASSES) == expected
    indicated = decisions.indicator(expected, CLASSES).toarray()
    assert [[CLASSES[n] for n in np.flatnonzero(row)] for row in indicated] == expected


def test_without_a_class_of_nothing_a_row_may_have_no_label():
    found = decisions.decide(np.array([[0.4, 0.6], [0.1, 0.2]]), [0.5, 0.5], ["a", "b"])
    assert found == [["b"], []]
    assert decisions.decide(np.array([[0.4, 0.4], [0.1, 0.2]]), None, ["a", "b"]) == [["a"], ["b"]]


@given(st.integers(0, 200))
def test_the_best_cut_is_found_among_all(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 9))
    values, gains = rng.integers(0, 5, count) / 4, rng.integers(-3, 4, count).astype(float)
    threshold = decisions._best_cut(values.astype(np.float32), gains)
    best = max(gains[values > t].sum() for t in [*(values[values > 0] - 0.01), 1.0])
    assert gains[values > threshold].sum() == best
    assert 0 <= threshold <= 1
    assert (values > threshold).sum() == min(
        (values > t).sum() for t in [*(values[values > 0] - 0.01), 1.0] if gains[values > t].sum() == best
    )


@given(st.integers(0, 30))
def test_no_other_threshold_of_one_class_is_better(seed):
    labels, predictions, classes = made(60, seed, signal=2, classes=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decisions, "FEW", 0)
        thresholds = decisions.fit(labels, predictions, classes=classes)
    best = score_of(labels, predictions, thresholds, classes)
    for number in range(4):
        for value in [*predictions[:, number] - 1e-4, 1.0]:
            other = thresholds.copy()
            other[number] = value
            assert score_of(labels, predictions, other, classes) <= best + 1e-9


def test_on_a_small_table_it_is_close_to_the_best_of_all_thresholds(monkeypatch):
    monkeypatch.setattr(decisions, "FEW", 0)
    lost = []
    for seed in range(12):
        labels, predictions, classes = made(9, seed, signal=2, classes=2, nocall=0.4)
        thresholds = decisions.fit(labels, predictions, classes=classes)
        found = score_of(labels, predictions, thresholds, classes)
        tried = [[1.0, *(predictions[:, number] - 1e-4)] for number in range(3)]
        best = max(score_of(labels, predictions, each, classes) for each in itertools.product(*tried))
        assert found <= best + 1e-9
        lost.append(best - found)
    assert np.mean(lost) < 0.02
    assert max(lost) < 0.12


def test_classes_with_few_labels_share_a_threshold():
    labels, predictions, classes = made(300, 0, signal=3)
    labels[np.flatnonzero(labels[:, 0])[decisions.FEW - 1 :], 0] = 0
    labels[np.flatnonzero(labels[:, 1])[decisions.FEW - 1 :], 1] = 0
    labels[np.flatnonzero(labels[:, 2])[decisions.FEW :], 2] = 0
    thresholds = decisions.fit(labels, predictions, classes=classes)
    assert thresholds[0] == thresholds[1]
    assert thresholds[2] != thresholds[0]
    assert len(set(thresholds)) == len(classes) - 1


def test_rare_classes_are_decided_where_they_are_told():
    labels, predictions, classes = made(300, 0, signal=3)
    # Four rows of each but the first and none, of probabilities that are lower than the first one's.
    for number in range(1, len(classes) - 1):
        labels[np.flatnonzero(labels[:, number])[4:], number] = 0
        predictions[:, number] = 0.05 + 0.2 * labels[:, number]
    thresholds = decisions.fit(labels, predictions, classes=classes)
    assert 0.05 <= thresholds[1] < 0.25
    assert (thresholds[1:-1] == thresholds[1]).all()
    assert thresholds[0] > 0.25


@given(st.integers(0, 40), st.integers(0, 3))
def test_fitted_decisions_are_never_worse_than_none_everywhere(seed, signal):
    labels, predictions, classes = made(30, seed, signal=signal)
    thresholds = decisions.fit(labels, predictions, classes=classes)
    floor = f1(labels, [["nocall"]] * 30, classes)
    assert score_of(labels, predictions, thresholds, classes) >= floor - 1e-9


@pytest.mark.parametrize("none", ["nocall", None, "not there"])
def test_what_tells_is_used_and_the_same_comes_out_again(none):
    labels, predictions, classes = made(400, 1, signal=4)
    known = Labels(
        pd.DataFrame({"present": [";".join(classes[n] for n in np.flatnonzero(row)) for row in labels]}),
        classes,
        exhaustive=True,
    )
    thresholds = decisions.fit(known, predictions, classes=classes, none=none)
    assert thresholds.tolist() == decisions.fit(labels, predictions, classes=classes, none=none).tolist()
    half = score_of(labels, predictions, np.full(len(classes), 0.5), classes, none)
    assert score_of(labels, predictions, thresholds, classes, none) > max(half, 0.8)


def decided_by_others(labels, predictions, folds, classes):
    """The decisions for each row by thresholds that are fitted to the other folds."""
    found = decisions.crossfit(labels, predictions, folds, classes=classes)
    return [
        decisions.decide(row[None], found[fold], classes)[0]
        for row, fold in zip(predictions, folds, strict=True)
    ]


def test_the_score_of_crossfitted_decisions_has_chosen_nothing():
    flattered, honest = [], []
    for seed in range(8):
        labels, noise, classes = made(240, seed, signal=0, nocall=0.4)
        folds = np.arange(240) % 4
        floor = f1(labels, [["nocall"]] * 240, classes)
        thresholds = decisions.fit(labels, noise, classes=classes)
        flattered.append(score_of(labels, noise, thresholds, classes) - floor)
        honest.append(f1(labels, decided_by_others(labels, noise, folds, classes), classes) - floor)
    # To the rows it was fitted to, noise seems better than no call everywhere, each time.
    assert min(flattered) > 0.002
    assert max(honest) <= 0


def test_a_rows_own_label_has_no_part_in_its_decision():
    labels, predictions, classes = made(120, 3, signal=2)
    folds = np.arange(120) % 3
    found = decided_by_others(labels, predictions, folds, classes)
    changed = labels.copy()
    changed[folds == 1] = labels[folds == 1][::-1, ::-1]
    again = decided_by_others(changed, predictions, folds, classes)
    assert [a for a, fold in zip(again, folds, strict=True) if fold == 1] == [
        a for a, fold in zip(found, folds, strict=True) if fold == 1
    ]
    assert again != found
    assert f1(labels, found, classes) > f1(labels, [["nocall"]] * 120, classes)
    with pytest.raises(InputError, match="expected validated rows in two folds or more"):
        decisions.crossfit(labels, predictions, np.zeros(120), classes=classes)


def test_no_rows_at_all_have_no_thresholds():
    empty = np.zeros((0, 3), dtype=np.float32)
    assert decisions.fit(empty, empty, classes=CLASSES).tolist() == [1, 1, 1]
    assert decisions.crossfit(empty, empty, [], classes=CLASSES) == {}


def test_no_call_everywhere_scores_0637_on_the_real_rows(real):
    table = pd.read_csv(real("birdclef-2021") / "train_soundscape_labels.csv")
    assert len(table) == 2400
    classes = sorted({name for names in table.birds for name in names.split()})
    assert len(classes) == 49
    labels = Labels(pd.DataFrame({"present": table.birds.str.replace(" ", ";")}), classes, exhaustive=True)
    nothing = decisions.decide(np.zeros((2400, 49)), np.ones(49), classes)
    assert nothing == [["nocall"]] * 2400
    assert round(f1(labels, nothing, classes), 3) == 0.637
