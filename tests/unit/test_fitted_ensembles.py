"""Ensembles of which something is fitted to out-of-fold predictions: the weights of their members."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from understory.core.errors import InputError
from understory.data import predictions, store
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import ensemble, intervals, scoring
from understory.evaluation.fitted import crossfit, greedy, scale
from understory.evaluation.metric import Metric

CLASSES = ["x", "y", "z"]
TASK = Task(CLASSES, True, "lwlrap", "recording", "example", None)
METHODS = ["mean", "geometric", "rank"]
SETTINGS = {"folds": "mean", "weights": "greedy", "prior_power": 0.0}
# Training labels, all of x, in the folds that are validated.
FOLDS = pd.DataFrame({"label": ["x"] * 9, "presence": "present", "fold": [0, 1, 2] * 3})
few = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])


def keys_of(present, folds, recordings=None):
    names = [f"e{number:02d}" for number in range(len(present))]
    own = recordings or [f"r{number:02d}" for number in range(len(present))]
    return pd.DataFrame({"example_id": names, "recording_id": own, "present": present, "fold": folds})


def lwlrap_of(present):
    labels, metric = scoring.labels_of(TASK, keys_of(present, 0)), Metric("lwlrap")
    return lambda values: metric.score(labels, values)


@st.composite
def libraries(draw):
    """Predictions of some members, and the label of each row."""
    rows, count = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    present = draw(st.lists(st.sampled_from(CLASSES), min_size=rows, max_size=rows))
    values = draw(hnp.arrays(float, (count, rows, len(CLASSES)), elements=few))
    return {f"m{number}": each for number, each in enumerate(values)}, present


@settings(max_examples=25)
@given(libraries(), st.sampled_from(METHODS))
def test_weights_sum_to_one_and_are_never_worse_than_the_best_member(library, method):
    members, score = library[0], lwlrap_of(library[1])
    found = greedy.weights(members, score, method=method)
    assert set(found) == set(members)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) >= 0
    whole = ensemble.combine(list(members.values()), method=method, weights=[found[name] for name in members])
    alone = [score(ensemble.combine([each], method=method)) for each in members.values()]
    assert score(whole) >= max(alone)


@settings(max_examples=25)
@given(libraries(), st.sampled_from(METHODS), st.randoms())
def test_members_in_another_order_have_the_same_weights(library, method, random):
    members, score = library[0], lwlrap_of(library[1])
    names = random.sample(list(members), len(members))
    found = greedy.weights(members, score, method=method)
    assert greedy.weights({name: members[name] for name in names}, score, method=method) == found
    # By other names: only where members score the same, their names decide.
    if len({each.tobytes() for each in members.values()}) == len(members):
        order = sorted(members)
        renamed = greedy.weights({f"a{name}": members[name] for name in order}, score, method=method)
        assert renamed == {f"a{name}": found[name] for name in order}


@settings(max_examples=25)
@given(libraries(), st.sampled_from(METHODS))
def test_selection_is_that_of_the_paper(library, method):
    """Naively: a bag of members, to which one is added at a time; the first of the best bags."""
    members, score = library[0], lwlrap_of(library[1])

    def scored(bag):
        shares = [bag.count(name) / len(bag) for name in sorted(members)]
        return score(
            ensemble.combine([members[name] for name in sorted(members)], method=method, weights=shares)
        )

    bags, bag = [], []
    for _ in range(greedy.ROUNDS):
        best = max(scored([*bag, name]) for name in members)
        bag = [*bag, min((bag.count(name), name) for name in members if scored([*bag, name]) == best)[1]]
        bags.append(bag)
    expected = next(each for each in bags if scored(each) == max(map(scored, bags)))
    found = greedy.weights(members, score, method=method)
    assert found == pytest.approx({name: expected.count(name) / len(expected) for name in members})


@given(hnp.arrays(float, (3, 4, 3), elements=few), st.sampled_from(["mean", "geometric"]))
def test_weights_of_sparse_predictions_are_those_of_dense_ones(values, method):
    shares = [0.25, 0.0, 0.75]
    dense = ensemble.combine(values, method=method, weights=shares)
    found = ensemble.combine([sparse.csr_array(each) for each in values], method=method, weights=shares)
    dense[(values[[0, 2]] == 0).all(axis=0)] = 0
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12)
    naive = 0.25 * values[0] + 0.75 * values[2]
    if method == "geometric":
        naive = np.maximum(values[0], ensemble.FLOOR) ** 0.25 * np.maximum(values[2], ensemble.FLOOR) ** 0.75
        naive[(values[[0, 2]] == 0).all(axis=0)] = 0
    np.testing.assert_allclose(found.toarray(), naive, rtol=1e-12)


def test_without_a_score_all_members_have_the_same_weight():
    members = {"a": np.zeros((2, 3)), "b": np.ones((2, 3))}
    assert greedy.weights(members, lambda values: np.nan, method="mean") == {"a": 0.5, "b": 0.5}


def noisy(rng, present, good, recordings=None):
    """Predictions of a member that knows the labels of the rows `good` and guesses the others."""
    values = rng.random((len(present), len(CLASSES)))
    truth = np.array([[label == of for label in CLASSES] for of in present])
    values[good] = 0.1 * values[good] + 0.9 * truth[good]
    return values


def out_of_fold_members(seed=0, rows=60):
    """Three folds: `lucky` knows fold 1 alone, `steady` half of all rows."""
    rng = np.random.default_rng(seed)
    present = list(rng.choice(CLASSES, size=rows))
    keys = keys_of(present, np.arange(rows) % 3)
    of = {"lucky": keys.fold.to_numpy() == 1, "steady": rng.random(rows) < 0.5, "poor": np.zeros(rows, bool)}
    return {name: Predictions(keys, noisy(rng, present, good), CLASSES) for name, good in of.items()}


def test_a_folds_own_rows_have_no_part_in_its_weights():
    members = out_of_fold_members()
    found = crossfit.out_of_fold(TASK, members, FOLDS, SETTINGS, None)
    weights = {fold: each.weights["lucky"] for fold, each in found.by_fold.items()}
    assert weights[1] < 0.35 < min(weights[0], weights[2])
    # With other labels in that fold its own weights stay, and others change.
    keys = next(iter(members.values())).keys
    turned = keys.assign(
        present=keys.present.where(keys.fold != 1, keys.present.map(dict(zip("xyz", "yzx", strict=True))))
    )
    other = {name: Predictions(turned, each.values, CLASSES) for name, each in members.items()}
    again = crossfit.out_of_fold(TASK, other, FOLDS, SETTINGS, None)
    assert again.by_fold[1] == found.by_fold[1]
    assert again.by_fold[0] != found.by_fold[0]
    own = (keys.fold == 1).to_numpy()
    assert (again.outputs[own] == found.outputs[own]).all()


@pytest.mark.parametrize("scored", ["example", "recording"])
@pytest.mark.parametrize("metric", ["lwlrap", "row_f1"])
def test_each_row_is_combined_and_decided_by_what_the_other_folds_gave(metric, scored, monkeypatch):
    monkeypatch.setattr(greedy, "ROUNDS", 4)
    rng, rows = np.random.default_rng(3), 24
    task = TASK._replace(metric=metric, scored=scored)
    recordings = [f"r{number // 2:02d}" for number in range(rows)]
    present = list(np.repeat(rng.choice(CLASSES, size=rows // 2), 2))
    keys = keys_of(present, np.repeat(np.arange(rows // 2) % 3, 2), recordings)
    good = [rng.random(rows) < share for share in (0.3, 0.6)]
    members = {f"m{n}": Predictions(keys, noisy(rng, present, each), CLASSES) for n, each in enumerate(good)}
    found = crossfit.out_of_fold(task, members, FOLDS, SETTINGS, None)
    for fold in range(3):
        others = np.flatnonzero(keys.fold != fold)
        weights = crossfit.fit(
            task, {n: m.take(others) for n, m in members.items()}, FOLDS, SETTINGS, None
        ).weights
        whole = sum(weights[name] * each.values for name, each in members.items())
        own = (keys.fold == fold).to_numpy()
        np.testing.assert_allclose(found.oof.values[own], whole[own])
        scored_rows = scoring.scored_predictions(task, Predictions(keys, whole, CLASSES))
        inside = (scored_rows.keys.fold == fold).to_numpy()
        cuts = scoring.thresholds(task, scored_rows.take(np.flatnonzero(~inside)), None)
        assert cuts == (found.thresholds and found.thresholds[fold])
        expected = scoring.outputs(task, scored_rows.take(np.flatnonzero(inside)), cuts)
        assert (
            abs(found.outputs[np.flatnonzero((found.keys.fold == fold).to_numpy())] - expected).sum() < 1e-9
        )
    assert list(found.oof.keys.example_id) == list(keys.example_id)


@pytest.mark.parametrize("scored", ["example", "recording"])
def test_thresholds_are_those_of_the_ensemble_that_predicts(scored):
    """The second member's probabilities are a tenth of the first one's: thresholds follow from the weights."""
    rng, rows = np.random.default_rng(3), 60
    task = TASK._replace(metric="row_f1", scored=scored)
    present = list(rng.choice(CLASSES, size=rows))
    keys = keys_of(present, np.arange(rows) % 3, [f"r{number // 2:02d}" for number in range(rows)])
    values = noisy(rng, present, rng.random(rows) < 0.7)
    members = {"a": Predictions(keys, values, CLASSES), "b": Predictions(keys, values / 10, CLASSES)}
    for weights in ({"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}):
        fitted = crossfit.Fitted("mean", weights)
        found = crossfit.thresholds(task, members, fitted, None)
        (name,) = (name for name, weight in weights.items() if weight)
        assert found == scoring.thresholds(task, scoring.scored_predictions(task, members[name]), None)
    assert crossfit.thresholds(task, members, fitted, 0.5) == dict.fromkeys(CLASSES, 0.5)
    assert crossfit.thresholds(TASK, members, fitted, None) is None


def test_a_run_keeps_the_thresholds_of_the_ensemble_that_predicts(tmp_path):
    """And not those of the table out of fold, in which each fold is combined by other weights."""
    import ensemble_folds

    rng, rows = np.random.default_rng(5), 60
    task = TASK._replace(metric="row_f1")
    present = list(rng.choice(CLASSES, size=rows))
    keys = keys_of(present, np.arange(rows) % 3)
    folds = keys.assign(label=keys.present, presence="present")
    store.write_table(tmp_path / "folds.csv", folds)
    contents = pd.DataFrame({"recording_id": keys.recording_id.unique()})
    store.write_table(tmp_path / "contents.csv", contents.assign(content=contents.recording_id))
    members, paths = {}, []
    for name, share in (("a", 0.5), ("b", 0.6)):
        values = noisy(rng, present, rng.random(rows) < share) / (1 if name == "a" else 10)
        members[name] = Predictions(keys.assign(absent="", unknown=""), values, CLASSES)
        paths.append(tmp_path / f"{name}.csv")
        predictions.write(paths[-1], members[name], top_k=None)
    params = {
        "ensemble": {**SETTINGS, "threshold": None},
        "predictions": {"top_k": None},
        "seed": 4,
        "name": "n",
        "run": {},
        "control": "none",
        "select": {"a": "last", "b": "best"},
        "sources": "recordings",
        "trained_on_test": False,
    }
    job = SimpleNamespace(
        params=SimpleNamespace(settings=params, members=["a", "b"], models=SimpleNamespace(told={})),
        input=SimpleNamespace(oof=paths, folds=tmp_path / "folds.csv", contents=tmp_path / "contents.csv"),
        output=SimpleNamespace(oof=tmp_path / "oof.csv"),
    )
    result, own = ensemble_folds.out_of_fold(job, task)
    assert [each.split(":")[0] for each in result["caveats"]] == ["b"]
    found, fitted, _ = crossfit.scores(task, members, folds, params["ensemble"], None, seed=4)
    assert own["thresholds"] == pytest.approx(crossfit.thresholds(task, members, fitted, None))
    assert own["thresholds"] != pytest.approx(scoring.thresholds(task, found.oof, None))
    assert set(own["held_out_thresholds"]) == {0, 1, 2}
    for fold, cuts in found.thresholds.items():
        assert own["held_out_thresholds"][fold] == pytest.approx(cuts)


def test_the_score_stands_beside_that_of_the_plain_mean():
    members = out_of_fold_members(2)
    found, fitted, told = crossfit.scores(TASK, members, FOLDS, SETTINGS, None, seed=4)
    keys, values = found.keys, [each.values for each in members.values()]
    labels = scoring.labels_of(TASK, keys)
    assert told["oof"] == scoring.score(TASK, labels, found.outputs)
    assert told["plain"]["oof"] == scoring.score(TASK, labels, np.mean(values, axis=0))
    assert told["plain"]["difference"] == told["oof"] - told["plain"]["oof"]
    assert (
        told["weights"]
        == fitted.weights
        == greedy.weights(
            dict(zip(members, values, strict=True)), crossfit._score(TASK, keys, None), method="mean"
        )
    )
    plain, same, alone = crossfit.scores(TASK, members, FOLDS, {**SETTINGS, "weights": "equal"}, None, seed=4)
    assert set(alone) == {"oof", "oof_interval"}
    assert (plain.oof.values == np.mean(values, axis=0)).all()
    assert same.weights is None


def test_one_member_is_the_plain_mean():
    members = {"only": out_of_fold_members()["steady"]}
    found, fitted, told = crossfit.scores(TASK, members, FOLDS, SETTINGS, None, seed=4)
    assert fitted.weights is None
    assert set(told) == {"oof", "oof_interval"}
    assert (found.oof.values == members["only"].values).all()


def test_weights_need_two_folds():
    one = {
        name: each.take(np.flatnonzero(each.keys.fold == 1)) for name, each in out_of_fold_members().items()
    }
    with pytest.raises(
        InputError, match=r"ensemble: expected validated .* in two folds .* set ensemble.weights to equal"
    ):
        crossfit.out_of_fold(TASK, one, FOLDS, SETTINGS, None)


def test_differences_are_of_the_same_draws():
    """Naively, each draw of recordings scored twice; a difference that is the same in all recordings has no spread."""
    rng = np.random.default_rng(0)
    present = list(rng.choice(CLASSES, size=20))
    keys = keys_of(present, 0, [f"r{number // 3}" for number in range(20)])
    labels, metric = scoring.labels_of(TASK, keys), Metric("lwlrap")
    one, other = rng.random((2, 20, 3))
    found = intervals.paired_interval(metric, labels, one, other, keys.recording_id, seed=1, resamples=50)
    rows = [np.flatnonzero(keys.recording_id == name) for name in sorted(set(keys.recording_id))]
    draws = intervals.stream(1, intervals.Stage.INTERVAL, "bootstrap/lwlrap")
    scores = []
    for _ in range(50):
        drawn = np.concatenate([rows[number] for number in draws.integers(len(rows), size=len(rows))])
        own = labels.take(drawn)
        scores.append(metric.score(own, one[drawn]) - metric.score(own, other[drawn]))
    assert found[:2] == pytest.approx(np.quantile(scores, [0.025, 0.975]))
    assert intervals.paired_interval(metric, labels, one, one, keys.recording_id, seed=1)[:2] == (0, 0)


@pytest.mark.parametrize("method", METHODS)
def test_the_models_of_a_members_folds_share_its_weight(method):
    rng = np.random.default_rng(1)
    parts = [of for of in rng.random((4, 5, 3))]
    fitted = crossfit.Fitted(method, {"a": 0.25, "b": 0.75})
    keys = pd.DataFrame({"recording_id": list("vwxyz")})
    found = fitted.combine(TASK, [Predictions(keys, each, CLASSES) for each in parts], ["a", "a", "b", "b"])
    expected = ensemble.combine(parts, method=method, weights=[0.125, 0.125, 0.375, 0.375])
    assert (found.values == expected).all()
    silent = fitted.combine(
        TASK._replace(untrained=["y"]),
        [Predictions(keys, each, CLASSES) for each in parts],
        ["a", "a", "b", "b"],
    )
    assert (silent.values[:, 1] == 0).all()


def test_top_k_of_predictions_are_weighted_as_well():
    members = out_of_fold_members(5)
    kept = {name: each.top(2) for name, each in members.items()}
    found = crossfit.out_of_fold(TASK, kept, FOLDS, SETTINGS, None)
    filled = {name: Predictions(each.keys, each.values.toarray(), CLASSES) for name, each in kept.items()}
    expected = crossfit.out_of_fold(TASK, filled, FOLDS, SETTINGS, None)
    assert found.by_fold == expected.by_fold
    np.testing.assert_allclose(found.oof.values.toarray(), expected.oof.values)


def naive_scaled(values, shares, power):
    """Cell by cell: from a probability to its odds and back."""
    out = np.empty(values.shape)
    for row, column in np.ndindex(*values.shape):
        p, f = values[row, column], (shares[column] * len(shares)) ** power
        out[row, column] = 1.0 if p == 1 else (odds := p / (1 - p) * f) / (1 + odds)
    return out


@given(
    hnp.arrays(float, (4, 3), elements=st.floats(0, 1)),
    st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    st.floats(-2, 2),
)
def test_odds_are_scaled_by_the_shares_of_the_classes(values, counts, power):
    folds = pd.DataFrame({"label": list("xyz"), "presence": "present"})
    shares = scale.shares(folds.loc[folds.index.repeat(np.minimum(counts, 50))], CLASSES)
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()
    factors = scale.factors(shares, power)
    found = scale.scaled(values, factors)
    np.testing.assert_allclose(found, naive_scaled(values, shares, power), rtol=1e-9)
    assert ((found >= 0) & (found <= 1)).all()
    kept = scale.scaled(sparse.csr_array(values), factors)
    np.testing.assert_allclose(kept.toarray(), found, rtol=1e-12)
    # The order within a class stays.
    for column in range(3):
        assert (np.diff(found[np.argsort(values[:, column], kind="stable"), column]) >= 0).all()
    np.testing.assert_allclose(scale.scaled(values, scale.factors(shares, 0.0)), values, rtol=1e-12)


def test_the_most_extreme_shares_and_probabilities_stay_numbers():
    shares = np.array([1 / 10**9, 1 - 1 / 10**9])
    for power in (-2.0, 2.0):
        values = np.array([[0.0, 1.0], [1.0, 0.0], [5e-324, 1 - 2**-53], [1 + 2**-52, 1 + 2**-52]])
        found = scale.scaled(values, scale.factors(shares, power))
        assert np.isfinite(found).all()
        assert found[:2].tolist() == values[:2].tolist()


def test_shares_are_of_present_labels_and_none_is_zero():
    folds = pd.DataFrame(
        {"label": ["x", "x", "y", "y"], "presence": ["present", "present", "present", "absent"]}
    )
    assert scale.shares(folds, CLASSES).tolist() == [3 / 6, 2 / 6, 1 / 6]


def unequal(seed=9, rows=120):
    """A member that predicts x, the most frequent of the training labels, too high."""
    rng = np.random.default_rng(seed)
    present = list(rng.choice(CLASSES, size=rows))
    keys = keys_of(present, np.arange(rows) % 3)
    truth = np.array([[label == of for label in CLASSES] for of in present])
    odds = np.exp(2.0 * truth + rng.normal(size=truth.shape)) * [6, 1, 1]
    folds = pd.DataFrame(
        {"label": list("xxxxxxxyyz") * 3, "presence": "present", "fold": np.repeat([0, 1, 2], 10)}
    )
    return {"m": Predictions(keys, odds / (1 + odds), CLASSES)}, folds


def test_a_fitted_power_scores_highest_and_a_fold_has_no_part_in_its_own():
    members, folds = unequal()
    settings = {**SETTINGS, "prior_power": "fitted"}
    found, fitted, told = crossfit.scores(TASK, members, folds, settings, None, seed=4)
    keys, shares = members["m"].keys, scale.shares(folds, CLASSES)
    score = crossfit._score(TASK, keys, None)
    tried = {power: score(naive_scaled(members["m"].values, shares, power)) for power in scale.POWERS}
    assert tried[fitted.power] == max(tried.values())
    assert fitted.power < 0
    assert told["prior_power"] == fitted.power
    assert told["oof"] > told["plain"]["oof"]
    assert fitted.factors == dict(zip(CLASSES, scale.factors(shares, fitted.power), strict=True))
    # Where all of fold 1 is x, the other folds' powers rise, and its own stays.
    turned = {
        "m": Predictions(
            keys.assign(present=keys.present.where(keys.fold != 1, "x")), members["m"].values, CLASSES
        )
    }
    again = crossfit.out_of_fold(TASK, turned, folds, settings, None).by_fold
    assert again[1] == found.by_fold[1]
    assert again[0].power > found.by_fold[0].power
    for fold in range(3):
        own = (keys.fold == fold).to_numpy()
        of_others = scale.shares(folds[folds.fold != fold], CLASSES)
        expected = naive_scaled(members["m"].values[own], of_others, found.by_fold[fold].power)
        np.testing.assert_allclose(found.outputs[own], expected)


def test_a_power_that_is_given_is_taken_and_one_that_changes_nothing_is_0():
    members, folds = unequal()
    given = crossfit.fit(TASK, members, folds, {**SETTINGS, "prior_power": -0.25}, None)
    assert given.power == -0.25
    even = folds.assign(label=list("xyz") * 10)
    fitted = crossfit.fit(TASK, members, even, {**SETTINGS, "prior_power": "fitted"}, None)
    assert (fitted.power, fitted.factors) == (0.0, None)
    assert scale.power(members["m"].values, np.ones(3) / 3, lambda values: np.nan) == 0
