"""The report of each kind of task and of data, from small inputs built by hand."""

import base64
import io
import re

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_inputs import NO_QUARANTINE, Tags, built, inputs, results_of, svg_text, text_built, text_of
from scipy import sparse
from sklearn.metrics import roc_auc_score

from understory.data.labels import Labels
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import analysis, curves, scoring
from understory.report import scorecards

SIDE = 32
PICTURE = {"kind": "picture", "size": [SIDE, SIDE], "channels": None}


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch):
    """What chance gives is another test's."""
    monkeypatch.setattr(scorecards, "MOST", 10)
    monkeypatch.setattr(scorecards, "LEAST", 10)


def of_metric(given, metric, **task):
    """The same inputs under another metric."""
    given["scores"]["metric"] = metric
    given["labels"] |= {"metric": metric} | task
    for folds in given["histories"].values():
        for fold, history in folds.items():
            folds[fold] = history.rename(columns=lambda name: name.replace("lwlrap", metric))
    return given


def pictures(given, sources, channels, sequences=()):
    """The same inputs of images or studies."""
    ((_, index),) = given["shards"]
    array = np.random.default_rng(1).integers(0, 256, (len(index), SIDE, SIDE, channels)).astype(np.uint8)
    index = index.drop(columns=["t_min", "t_max", "f_min", "f_max", "start", "stop"])
    given["shards"] = [(array, index)]
    given["settings"] |= {"features": PICTURE, "sources": sources, "sequences": list(sequences)}
    return given


def images(**options):
    return pictures(of_metric(inputs(exhaustive=True, **options), "macro_f1"), "images", 3)


def studies(*, slices=3, low=0.4):
    """Two classes of six studies each, of several slices of two sequences."""
    given = of_metric(inputs(["0", "1"], takes=6 * slices, exhaustive=True), "roc_auc", scored="recording")
    given = pictures(given, "studies", 2, ["T1w", "T2w"])
    (array, index), number = given["shards"][0], np.arange(12 * slices)
    item = pd.Series([f"T1w-{slice}" for slice in number % slices])
    study = pd.Series([f"{study:05d}" for study in number // slices])
    given["shards"] = [(array, index.assign(recording_id=study, item=item))]
    fold = number // slices % 2
    for name in ("oof", "folds"):
        given[name] = given[name].assign(recording_id=study, fold=fold)
    given["oof"]["0"] = 1 - given["oof"]["1"]
    given["scores"]["oof_interval"] = {"low": low, "high": 0.7, "resamples": 990, "undefined": 10}
    given["usable"]["train"] = sorted(set(study))
    return given


def windows(**changes):
    """Windows with a label, with two or with none, decided by thresholds."""
    given = of_metric(
        inputs(["a", "b", "nocall"], takes=12, exhaustive=True) | changes,
        "row_f1",
        unit="window",
        none="nocall",
    )
    given["thresholds"] = {"a": 0.25, "b": 1.0, "nocall": 0.5}
    given["held_out_thresholds"] = {
        fold: {"a": 0.3 + 0.1 * fold, "b": 0.6, "nocall": 0.7} for fold in set(given["folds"].fold)
    }
    both = given["oof"].index[:6]
    given["oof"].loc[both, "present"] = given["shards"][0][1].loc[both, "present"] = "a;b"
    return given


@pytest.mark.parametrize("of", [images, studies])
@pytest.mark.filterwarnings("error")
def test_a_data_set_is_described_in_its_own_words(of):
    given = of()
    given["quarantine"] = pd.DataFrame(
        [["train", "recording", "q", "train/q", "expected one, found none"]], columns=NO_QUARANTINE.columns
    )
    html = re.sub("<style>.*</style>", "", built(given).html, flags=re.DOTALL)
    text = re.sub(r"Every setting.*|quarantine\.csv", "", text_of(html)).lower()
    for word in ("recording", "window", "spectrogram", "heard", "box"):
        assert word not in text, text[text.index(word) - 40 :][:80]
    assert not re.search(
        r"(recording|window|spectrogram|heard)", " ".join(re.findall(r'(?:alt|label)="([^"]*)"', html))
    )


def test_a_task_of_two_classes_has_one_curve():
    given = studies()
    page, text = built(given), text_built(given)
    assert set(page.figures) == {"fold_scores", "roc", "separation", "confusion", "learning_curves"}
    means = given["oof"].groupby("recording_id").agg({"label": "first", "1": "mean"})
    area = roc_auc_score(means.label == "1", means["1"])
    assert f"area {area:.3f}, chance 0.5" in svg_text(page.figures["roc"])
    assert "12 annotated studies, 36 slices, 2 classes" in text
    assert "validation studies" in text
    assert "m 0 6 0.500" in text
    assert "Out-of-fold: 6 studies of 1 and 6 of 0." in text
    assert "Here the roc_auc is that of slices, not of studies." in text


def test_an_interval_is_shown_with_what_it_is_of():
    text = text_built(studies())
    assert "95 %: 0.400–0.700" in text
    assert "over studies, from 1,000 resamples, 10 of which had no score" in text
    said = "contains 0.5, the score of random predictions: the model is not shown to be better than chance."
    assert f"The 95 % interval (0.400–0.700) {said}" in text
    assert said not in text_built(studies(low=0.51))
    given = inputs()
    assert "95 %: 0.450–0.550" in text_built(given)
    assert said not in text_built(given)
    given["scores"]["oof_interval"] = {"low": np.nan, "high": np.nan, "resamples": 0, "undefined": 1000}
    text = text_built(given)
    assert "95 %: none" in text
    assert "95 %: there is no interval, as no resample has a score." in text


def test_caveats_of_the_scores_are_warnings():
    given = studies()
    given["scores"]["caveats"] = ["The epoch was chosen."]
    assert "The epoch was chosen." in built(given).warnings


def shown(page):
    """The examples on a page: attributes, and pixels (height, width, channels)."""
    found = []
    for image in Tags(page.html).all("img"):
        if image["src"].startswith("data:image/webp"):
            data = base64.b64decode(image["src"].partition("base64,")[2])
            found.append((image, matplotlib.image.imread(io.BytesIO(data), format="webp")[..., :3]))
    return found


def test_the_sequences_of_a_slice_stand_side_by_side_in_grey():
    given = studies()
    given["shards"][0][0][..., 0], given["shards"][0][0][..., 1] = 20, 200
    page = built(given)
    found = shown(page)
    assert len(found) == 4
    for image, pixels in found:
        assert pixels.shape == (SIDE, 2 * SIDE, 3)
        assert (np.ptp(pixels.astype(int), axis=2) < 4).all()
        assert abs(pixels[:, : SIDE - 4].mean() - 20) < 6
        assert abs(pixels[:, SIDE + 4 :].mean() - 200) < 6
        assert int(image["width"]) == 2 * int(image["height"]) >= 150
        assert re.fullmatch(r"\d{5}, T1w-\d", image["alt"])
    text = text_of(page.html)
    assert "Slices as m sees them; T1w, T2w from left to right" in text
    means = given["oof"].groupby(["label", "recording_id"])["1"].mean()["1"]
    best = means.idxmax()
    assert f"best: {means[best]:.3f}, the mean of 3 slices · {best}, T1w-1" in text


def test_images_are_shown_in_colour():
    given = images()
    given["shards"][0][0][...] = (200, 40, 10)
    for image, pixels in shown(built(given)):
        assert np.abs(pixels.mean(axis=(0, 1)) - (200, 40, 10)).max() < 8
        assert int(image["width"]) == int(image["height"]) >= 100
        assert image["alt"].startswith("r")
    assert "Images as m sees them. The number is" in text_built(given)


def test_what_has_no_mel_bands_is_a_plain_picture():
    given = inputs()
    given["settings"]["features"] = {"kind": "fft_frames", "frames": 16}
    page = built(given)
    assert "Magnitudes of one Fourier transform as m sees them" in text_of(page.html)
    assert all(image["alt"].startswith("Magnitudes of r") for image, _ in shown(page))
    assert {pixels.shape[:2] for _, pixels in shown(page)} == {given["shards"][0][0].shape[1:]}


def test_a_waveform_is_drawn_between_its_lowest_and_highest_samples():
    given = inputs()
    given["settings"]["features"] = {"kind": "waveform", "normalise": "peak"}
    ramp = np.linspace(-1, 1, 4200, dtype=np.float16)
    given["shards"] = [(np.tile(ramp, (len(index), 1, 1)), index) for _, index in given["shards"]]
    page = built(given)
    assert "The lowest and highest samples of windows as m is fed them, over time" in text_of(page.html)
    for _, pixels in shown(page):
        bright = pixels.mean(axis=2) > 128
        height, width = bright.shape
        # A line from the bottom left to the top right.
        for column in (0, width // 2, width - 1):
            rows = np.flatnonzero(bright[:, column])
            assert abs(rows.mean() - (1 - column / (width - 1)) * (height - 1)) < 4
            assert len(rows) < 8


def test_decisions_have_their_floor_and_their_thresholds():
    given = windows()
    oof, classes = given["oof"], ["a", "b", "nocall"]
    task = Task(**given["labels"])
    found = Predictions(
        oof[["example_id", "recording_id", "label", "present", "fold"]], oof[classes].to_numpy(), classes
    )
    cuts = given["held_out_thresholds"]
    decided = scoring.held_out(task, found, cuts).toarray()
    present = np.array([[label in row.split(";") for label in classes] for row in oof.present])
    folds = oof.fold.to_numpy()
    for fold, scores in enumerate(results_of(given).class_scores_by_fold):
        own = folds == fold
        has, said = present[own], decided[own]
        expected = 2 * (has & said).sum(axis=0) / np.maximum(has.sum(axis=0) + said.sum(axis=0), 1)
        np.testing.assert_allclose(scores, expected)
    given["scores"]["oof"] = 0.1
    page = built(given)
    text = text_of(page.html)
    # A third of the rows has nothing else, and no other row has it.
    assert "nocall alone: 0.333" in text
    assert "The row_f1 out-of-fold is not above that of nocall alone (0.333)." in text
    assert "Here the row_f1 uses a threshold of 0.5" in text
    assert "before thresholds are applied" in text
    for number, (label, cut) in enumerate([("a", "0.250"), ("b", "never"), ("nocall", "0.500")]):
        has, said = present[:, number], decided[:, number]
        counts = f"{cut} {has.sum()} {said.sum()} {(has & said).sum()}"
        assert re.search(rf"{label} (0|1)\.\d+ \d\.\d+ 2 {counts} ", text), (counts, text)
    given["scores"]["oof"] = 0.9
    assert "not above that of nocall alone" not in text_built(given)
    given["settings"]["threshold"] = 0.5
    assert "All labels have the same fixed threshold." in text_built(given)


def test_a_missed_label_is_taken_for_what_is_wrongly_decided():
    given = windows()
    given["settings"]["threshold"] = 0.5
    given["oof"][["a", "b", "nocall"]] = [0.9, 0.1, 0.1]
    given["oof"].loc[6:11, "b"] = 0.9
    text = text_built(given)
    # All that have b or nocall alone; where a and b are, b is missed for nothing, and where a is, b for nothing decided.
    assert "share of the label b a 12 67% nocall a 12 100% Examples by class" in text


def test_an_examples_label_is_that_of_its_fold():
    """A shard does not know which of a window's labels is the rarest of all."""
    given = windows()
    given["oof"].loc[:5, "a"] = 0.99
    given["shards"][0][1].loc[:5, "label"] = "b"
    text = text_built(given)
    assert re.search(r"best: 0\.990 · r0-\d+, 0\.0 to 4\.0 s · also b", text)
    assert "also a" not in text
    assert "Of the labels of one example, only the one it is centred on is counted." in text


def test_what_is_only_trained_with_is_counted_by_itself():
    given = inputs(["a", "b", "c"], takes=4)
    assert "training only" not in text_built(given)
    held = given["folds"].label == "c"
    given["folds"].loc[held, "fold"] = -1
    given["oof"] = given["oof"][given["oof"].label != "c"]
    text = text_built(given)
    assert "class fold 0 fold 1 training only all a 2 2 0 4 b 2 2 0 4 c 0 0 4 4" in text
    assert "1 class of 3 without a score: all examples are used only for training." in text
    assert "fold -1" not in text.lower()
    assert "trained without a present example" not in text


def many(classes, rows):
    """Images of many classes, of which each row's three highest are kept."""
    names, rng = [f"s{number}" for number in range(classes)], np.random.default_rng(0)
    true = rng.integers(0, classes, rows)
    label = [names[number] for number in true]
    index = pd.DataFrame(
        {"example_id": [f"e{n}" for n in range(rows)], "label": label, "presence": "present"}
    )
    index = index.assign(recording_id=index.example_id, present=label, absent="", unknown="")
    columns = rng.integers(0, classes, (rows, 3))
    columns[: rows // 2, 0] = true[: rows // 2]
    values = sparse.csr_array(
        (np.tile([0.5, 0.3, 0.1], rows), (np.repeat(np.arange(rows), 3), columns.ravel())),
        shape=(rows, classes),
    )
    keys = index[["example_id", "recording_id", "label", "present"]].assign(fold=np.arange(rows) % 2)
    given = of_metric(inputs(["a"], exhaustive=True), "macro_f1", classes=names)
    array = rng.integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)
    given["settings"] |= {"features": PICTURE, "sources": "images"}
    return given | {
        "folds": keys.assign(presence="present"),
        "oof": Predictions(keys, values, names),
        "shards": [(np.broadcast_to(array, (rows, *array.shape[1:])), index)],
    }


def test_very_many_classes_take_no_array_of_rows_times_classes(monkeypatch):
    def dense(*_, **__):
        raise AssertionError("an array of rows times classes")

    given = many(64_500, 5_000)
    monkeypatch.setattr(Labels, "take", dense)
    to_array = sparse.csr_array.toarray
    for kind in (sparse.csr_array, sparse.csc_array, sparse.coo_array):
        monkeypatch.setattr(
            kind,
            "toarray",
            lambda self, *a, **k: dense() if np.prod(self.shape) > 10**7 else to_array(self.tocsr()),
        )
    page = built(given)
    text = text_of(page.html)
    assert len(page.html) < 1_500_000
    rows = page.html.split("Score of each class</caption>")[1].split("</table>")[0].count("<tr>") - 1
    assert rows == 2 * analysis.EXTREMES
    rows = page.html.split("by validation fold</caption>")[1].split("</table>")[0].count("<tr>") - 1
    assert rows == 2 * analysis.EXTREMES
    assert "F1, all classes" in svg_text(page.figures["class_scores"])
    assert "The 20 most frequent confusions of 64,500 classes." in text
    assert "5,000 present and 322,495,000 absent labels are known." in text
    assert "Only the highest predictions of each image are stored; the others count as 0." in text


def test_sparse_predictions_give_the_page_of_dense_ones():
    given = many(30, 200)
    dense = dict(given)
    dense["oof"] = Predictions(given["oof"].keys, given["oof"].values.toarray(), given["oof"].classes)
    one, other = (built(each) for each in (given, dense))
    assert one.figures == other.figures
    note = "<p>Only the highest predictions of each image are stored; the others count as 0.</p>\n"
    assert one.html.replace(note, "") == other.html


@given(
    st.integers(1, 5).flatmap(
        lambda columns: st.lists(
            st.lists(
                st.tuples(
                    st.sampled_from(["present", "absent", "unknown", ""]),
                    st.sampled_from([0, 0, 0.2, 0.5, 1]),
                ),
                min_size=columns,
                max_size=columns,
            ),
            min_size=1,
            max_size=8,
        )
    ),
    st.booleans(),
)
def test_curves_of_what_is_kept_are_those_of_all(cells, exhaustive):
    classes = [str(number) for number in range(len(cells[0]))]
    index = pd.DataFrame(
        {
            kind: [
                ";".join(c for c, (told, _) in zip(classes, row, strict=True) if told == kind)
                for row in cells
            ]
            for kind in ("present", "absent", "unknown")
        }
    )
    labels = Labels(index, classes, exhaustive=exhaustive)
    known = labels.take(np.arange(len(cells)))
    assert labels.count() == ((known == 1).sum(), (known == 0).sum())
    rows, columns = np.indices(known.shape).reshape(2, -1)
    assert (labels.at(rows, columns) == known.ravel()).all()
    values = np.array([[value for _, value in row] for row in cells], dtype=float)
    one, other = (
        curves.precision_recall(*pair) for pair in ((labels, sparse.csr_array(values)), (known, values))
    )
    assert one[3:] == other[3:]
    assert one.average == pytest.approx(other.average, nan_ok=True)
    if one.precision is not None:
        np.testing.assert_allclose(one.precision, other.precision)
        np.testing.assert_allclose(one.recall, other.recall)


def test_quarantined_slices_are_counted():
    given = studies()
    rows = [["train", "slice", "00001", f"train/00001/T1w/Image-{n}.dcm", "damaged"] for n in range(2)]
    rows.append(["train", "recording", "00099", "train/00099", "expected a folder, found none"])
    given["quarantine"] = pd.DataFrame(rows, columns=NO_QUARANTINE.columns)
    text = text_built(given)
    assert "Quarantined: 1 of 13 training studies, 2 training slices." in text
    assert "2 slices and 1 study were quarantined and not used." in text
    assert "train study expected a folder, found none 1" in text


def test_the_report_says_that_recordings_are_scored_by_means_out_of_fold():
    for windows, said in (("votes", True), ("mean", False)):
        given = studies()
        given["settings"]["windows"] = windows
        assert ("test studies are predicted by votes (ensemble.windows)" in text_built(given)) == said
