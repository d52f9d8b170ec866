"""Pseudo-labels: which predictions are taken, what a training makes of them, and that none is of what a fold holds out."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from understory.core.errors import InputError
from understory.data.labels import Labels
from understory.inference import saved_run
from understory.inference.finished_runs import provenance
from understory.inference.pseudo_labels import taught
from understory.inference.pseudo_labels.rounds import Rounds
from understory.training.inputs.batches import TestExamples as Windows
from understory.training.inputs.examples import Examples
from understory.training.inputs.pseudo_labels import PseudoLabels, confident
from understory.training.inputs.targets import mix, training_targets

CLASSES = ["x", "y", "z"]
SHAPE = (7, 3)
probabilities = arrays.arrays(np.float32, SHAPE, elements=st.floats(0, 1, width=32))
labels = arrays.arrays(np.float32, SHAPE, elements=st.sampled_from([-1.0, 0.0, 1.0]))
shares = st.floats(0, 1)


@given(probabilities, labels, st.sampled_from(["threshold", "quantile"]), shares, st.none() | shares)
def test_predictions_that_are_high_or_low_enough_stand_in_for_unknown_labels(found, known, by, high, low):
    """Against cell by cell; a quantile is the value at its rank, of those of a class whose label is unknown."""
    known[0, 0] = -1
    soft = confident(found, known, by=by, high=high, low=low)
    for column in range(SHAPE[1]):
        own = sorted(found[known[:, column] < 0, column])

        def edge(share, own=own):
            return np.quantile(own, share, method="nearest") if by == "quantile" else share

        for row in range(SHAPE[0]):
            p = found[row, column]
            taken = known[row, column] < 0 and (p >= edge(high) or (low is not None and p <= edge(low)))
            assert np.array_equal(soft[row, column], p if taken else np.float32(np.nan), equal_nan=True)


def test_without_an_unknown_label_there_is_nothing_to_predict():
    with pytest.raises(InputError, match=r"pseudo_labels.rounds: expected 0, as every label .* is known"):
        confident(np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32), by="threshold", high=0.9, low=0.1)


@given(st.data())
def test_a_known_label_stays_and_copies_share_a_soft_one(data):
    names = st.lists(st.sampled_from(CLASSES), unique=True)
    rows = [
        {"present": ";".join(data.draw(names)), "absent": ";".join(data.draw(names))} for _ in range(SHAPE[0])
    ]
    known = Labels(pd.DataFrame(rows), CLASSES, exhaustive=False)
    soft = data.draw(arrays.arrays(np.float32, (4, 3), elements=st.floats(0, 1, width=32) | st.just(np.nan)))
    places = np.array(data.draw(st.lists(st.integers(-1, 3), min_size=SHAPE[0], max_size=SHAPE[0])))
    wanted = np.array(data.draw(st.lists(st.integers(0, SHAPE[0] - 1))), dtype=int)
    targets = PseudoLabels(known, soft, places)
    assert targets.shape == (len(targets), 3) == SHAPE
    for row, found in zip(wanted, targets.take(wanted), strict=True):
        for column, label in enumerate(known.take([row])[0]):
            own = soft[places[row], column] if places[row] >= 0 else np.nan
            assert found[column] == (own if label < 0 and not np.isnan(own) else label)


@pytest.mark.parametrize("unknown_weight", [0.0, 0.3, 1.0])
@given(shares, st.sampled_from([-1.0, 0.0, 0.2, 0.8, 1.0]), st.floats(0.01, 0.99))
def test_a_mixture_with_a_soft_label_minimises_the_weighted_losses(unknown_weight, soft, other, weight):
    """The minimum of the cross-entropy is the weighted mean of the targets, each with the weight of its label."""
    pair = [np.array([[v]], np.float32) for v in (soft, other)]
    share, shown = np.float32([[weight]]), tuple(each > 0.5 for each in pair)
    mixed = mix(*pair, share, unknown_weight, shown=shown)[0, 0]
    weights = np.array([weight, (1 - weight) * (unknown_weight if other < 0 else 1)])
    if other < 0 and np.float32(soft) <= 0.5:
        assert mixed == -1
    else:
        assert mixed == pytest.approx(np.average([soft, max(other, 0)], weights=weights), abs=1e-5)
    union = mix(*pair, share, unknown_weight, shown=shown, union=True)
    assert union[0, 0] == (
        -1 if other < 0 and np.float32(soft) <= 0.5 else max(np.float32(soft), np.float32(other))
    )


def shards():
    """Two shards of windows of five test recordings, of which each value is the number of its recording and its place in it."""
    found = []
    for names in (["r3", "r1"], ["r4", "r0", "r2"]):
        rows = [(name, place) for name in names for place in range(int(name[1]) + 1)]
        array = np.array([[[10 * int(name[1]) + place]] for name, place in rows], np.float16)
        found.append((array, pd.DataFrame({"recording_id": [name for name, _ in rows]})))
    return found


def written(tmp_path, soft, table, held=()):
    paths = tmp_path / "soft.npy", tmp_path / "soft.csv"
    taught.write(*paths, soft, table, 0, dict(held))
    return taught.Taught(*paths)


def test_a_window_of_a_test_recording_has_its_own_pseudo_labels(tmp_path):
    """From where it is predicted to where it is trained on: its value tells which one it is."""
    windows = Windows(shards())
    content = pd.DataFrame({"recording_id": [f"r{n}" for n in range(5)]}).assign(
        content=lambda t: "c" + t.recording_id
    )
    table = taught.table(taught.windows_of(windows.windows), content, "test")
    values = windows.rows(windows.all_rows()).reshape(-1)
    soft = np.stack([values / 63, np.full_like(values, np.nan), 1 - values / 63], axis=1)
    # Windows of which no label is above one half are left out; of these, some are.
    soft[values % 3 == 0] = 0.25
    found = written(tmp_path, soft, table)
    assert set(found.table.recording_id) == {"r1", "r2", "r3", "r4"}
    assert found.known == {f"cr{n}" for n in range(1, 5)}
    folds = pd.DataFrame({"example_id": ["e"], "recording_id": ["a"], "label": ["x"], "fold": [0]})
    own = pd.DataFrame({"example_id": ["e"], "presence": ["present"], "present": ["x"], "absent": [""]})
    parts = [(0, np.full((1, 1, 1), 99, np.float16), own)]
    parts += [(0, array, found.unlabelled(index, CLASSES)) for array, index in shards()]
    # Where labels are exhaustive, nothing is known of these windows all the same.
    data = Examples(parts, taught.with_unlabelled(folds, found.table), CLASSES, exhaustive=True)
    rows = data.training_rows(0, centred=False)
    assert len(rows) == (values % 3 != 0).sum()
    assert len(data.validation_rows(0)) == 1
    targets = found.targets(data.labels, data.index).take(rows)
    value = data.rows(rows).reshape(-1)
    np.testing.assert_array_equal(
        targets, np.stack([value / 63, -np.ones_like(value), 1 - value / 63], axis=1)
    )
    np.testing.assert_array_equal(
        found.targets(data.labels, data.index).take(data.validation_rows(0)), [[1, 0, 0]]
    )
    # The control shuffles labels among the examples that have some.
    everything = np.arange(len(data.index))
    control = training_targets(data, "labels", control="shuffled_labels", rows=everything, seed=1)
    np.testing.assert_array_equal(control.take(rows), np.full((len(rows), 3), -1))


def test_what_a_fold_holds_out_is_told_by_its_content(tmp_path):
    """A recording of another name counts as well, in the pseudo-labels and in what their model was trained with."""
    held = {"a": "A", "b": "B"}
    table = pd.DataFrame(
        {"example_id": ["e", "f"], "recording_id": ["c", "d"], "subset": "train", "content": ["C", "D"]}
    )
    soft = np.full((2, 3), 0.1, np.float32)
    provenance.write(tmp_path / "trained_on.txt", {"C", "E"})
    found = written(tmp_path, soft, table, held)
    found.check(tmp_path / "trained_on.txt", 0, held)
    assert found.known == {"C", "D", "E"}
    provenance.write(tmp_path / "trained_on.txt", {"C", "B"})
    for check in (found.check, taught.check_model):
        with pytest.raises(
            InputError,
            match=r"trained_on.txt: expected a model that was trained with no recording that fold 0 holds out, found 1 of its 2 "
            "recordings, such as b: where others in contents.csv have the same content",
        ):
            check(tmp_path / "trained_on.txt", 0, held)
    copy = table.assign(content=["A", "D"])
    said = r"soft.csv: expected pseudo-labels of no recording that fold 0 holds out, found 1 of its 2 recordings, such as a:"
    with pytest.raises(InputError, match=said):
        written(tmp_path, soft, copy, held)
    # What another fold's job wrote.
    other = written(tmp_path, soft, copy)
    with pytest.raises(InputError, match=said):
        other.check(tmp_path / "trained_on.txt", 0, held)


def test_models_of_rounds_have_a_folder_of_their_own():
    assert (
        saved_run.models_folder({"pseudo_labels": {"rounds": 0}}) == saved_run.models_folder({}) == "models"
    )
    assert saved_run.models_folder({"pseudo_labels": {"rounds": 2}}) == "round2/models"
    config = {"pseudo_labels": {"rounds": 2, "unlabelled": "test"}}
    rounds = Rounds(config, "results/x", ["test-0"])
    assert rounds.unlabelled == ["test-0"]
    for number, folder in ((1, "models"), (2, "round1/models")):
        wildcards = SimpleNamespace(round=str(number), model="m", fold="3")
        assert rounds.before("last.keras")(wildcards) == f"results/x/{folder}/m/fold3/last.keras"
    with pytest.raises(InputError, match=r"pseudo_labels.unlabelled: expected none, as this run has no test"):
        Rounds(config, "results/x", [])
    assert Rounds({"pseudo_labels": {"rounds": 0, "unlabelled": "test"}}, "results/x", []).unlabelled == []
