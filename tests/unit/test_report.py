"""The report from small inputs built by hand."""

import io
import json
import math
import re
import subprocess
from dataclasses import asdict
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_inputs import NO_QUARANTINE, WINDOW, Tags, built, inputs, svg_text, text_built, text_of
from PIL import Image
from scipy import sparse
from workflow import ROOT

from understory.audio.features import log_mel
from understory.core import usage
from understory.core.errors import InputError
from understory.data import examples, store
from understory.data.labels import Labels
from understory.evaluation import analysis, curves
from understory.evaluation.intervals import chance_interval
from understory.evaluation.metric import Metric
from understory.evaluation.metrics import lwlrap
from understory.report import class_sections, gallery, plotting, quarantine, scorecards
from understory.report.results import Results
from understory.run import provenance


def test_the_page_is_whole_and_needs_nothing_beside_it():
    page = built(inputs(tests=5))
    tags = Tags(page.html)
    assert tags.open == []
    assert not tags.all("script")
    anchors = {attributes["id"] for _, attributes in tags.tags if "id" in attributes}
    targets = [attributes["href"] for attributes in tags.all("a")]
    assert {target.removeprefix("#") for target in targets} == anchors
    assert " ".join(target.removeprefix("#") for target in targets) == (
        "folds classes curves known confusion counts examples quarantine costs ran"
    )
    assert all(attributes["src"].startswith("data:") for attributes in tags.all("img"))
    assert all(attributes["alt"] for attributes in tags.all("img"))
    assert [tag for tag, _ in tags.tags if re.fullmatch(r"h\d", tag)][:2] == ["h1", "h2"]
    # Two labels of twelve recordings are too few for one curve.
    for name, svg in page.figures.items():
        assert (plotting.data_url(svg, "image/svg+xml") in page.html) == (name != "precision_recall")


def test_the_same_inputs_give_the_same_bytes():
    assert built(inputs(tests=5)) == built(inputs(tests=5))


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "{{ x }}",
        "$\\frac{1$",
        "=1+1",
        "a&b\"'",
        "x" * 300,
        "日本\x07\nこ",
        "_hidden",
    ],
)
def test_names_are_text_and_nothing_else(name):
    given = inputs([name, "b"], tests=4)
    given["shards"][0][1].recording_id = name
    given["settings"]["report"]["title"] = given["scores"]["name"] = name
    given["facts"] = [(name, name)]
    given["configuration"] = name
    given["quarantine"] = pd.DataFrame(
        [["train", "recording", name, name, name]], columns=NO_QUARANTINE.columns
    )
    page = built(given)
    tags = Tags(page.html)
    assert tags.open == []
    assert not tags.all("script")
    assert tags.text.count(name) >= 6
    for key in ("class_scores", "confusion"):
        assert plotting.plain(name, 32 if key == "class_scores" else 24) in svg_text(page.figures[key])


def test_a_figures_name_is_one_short_line():
    assert plotting.plain("a\n b\x00c") == "a b\ufffdc"
    assert plotting.plain("x" * 40, 10) == "x" * 9 + "…"
    assert plotting.plain("x" * 10, 10) == "x" * 10


@given(st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), st.integers(0, 5)), max_size=30))
def test_precision_and_recall_are_over_what_is_known(cells):
    known, predicted = np.array([c[0] for c in cells]), np.array([c[1] / 5 for c in cells])
    curve = curves.precision_recall(known, predicted)
    positives = [p for k, p in zip(known, predicted, strict=True) if k == 1]
    negatives = [p for k, p in zip(known, predicted, strict=True) if k == 0]
    assert (curve.present, curve.absent) == (len(positives), len(negatives))
    if not positives or not negatives:
        assert curve.precision is None
        assert np.isnan(curve.average)
        return
    # The naive average precision: at each threshold, from the highest, precision times what recall gains.
    average, recalled = 0.0, 0.0
    for threshold in sorted(set(positives + negatives), reverse=True):
        hits, false = (sum(p >= threshold for p in each) for each in (positives, negatives))
        average += hits / (hits + false) * (hits / len(positives) - recalled)
        recalled = hits / len(positives)
    assert curve.average == pytest.approx(average)


def test_an_unknown_label_counts_neither_way_on_the_page():
    given = inputs(["a", "b"])
    given["shards"][0][1].loc[0, "absent"] = "b"
    text = text_built(given)
    assert "Out-of-fold: 8 present and 1 absent labels are known." in text
    given["labels"]["exhaustive"] = True
    text = text_built(given)
    assert "Out-of-fold: 8 present and 8 absent labels are known." in text


def test_a_classs_spread_is_over_its_folds():
    given = inputs(["a", "b"], exhaustive=True)
    oof, index = given["oof"], given["shards"][0][1]
    oof.loc[oof.fold == 0, ["a", "b"]] = [0.9, 0.1]
    oof.loc[oof.fold == 1, ["a", "b"]] = [0.1, 0.9]
    each = []
    for fold in (0, 1):
        held = (oof.fold == fold).to_numpy()
        known = Labels(index[held], ["a", "b"], exhaustive=True).take(np.arange(held.sum()))
        each.append(lwlrap.class_scores(known, oof.loc[held, ["a", "b"]].to_numpy())[0])
    assert each == [1.0, 0.5]
    text = text_built(given)
    assert f"a {np.mean(each):.3f} {np.std(each, ddof=1):.3f} 2 " in text


def test_what_is_taken_for_what_is_counted():
    given = inputs(["a", "b", "c"])
    given["oof"][["a", "b", "c"]] = [1.0, 0.0, 0.5]
    text = text_built(given)
    assert "share of the label b a 4 100% c a 4 100%" in text
    given["oof"][["a", "b", "c"]] = np.repeat(np.eye(3), 4, axis=0)
    assert "There are no confusions." in text_built(given)


def test_the_best_and_worst_examples_are_the_labels_own():
    given = inputs(["a", "b"], takes=5)
    given["settings"]["report"]["examples"] = 2
    given["oof"]["a"] = np.arange(10) / 10
    text = text_built(given)
    shown = re.findall(r"(best|worst): (0\.\d+) · (r0-\d)", text)
    assert shown == [
        ("best", "0.400", "r0-4"),
        ("best", "0.300", "r0-3"),
        ("worst", "0.100", "r0-1"),
        ("worst", "0.000", "r0-0"),
    ]


def test_no_examples_are_shown_where_none_are_asked_for():
    given = inputs()
    given["settings"]["report"]["examples"] = 0
    assert "Spectrogram of" not in built(given).html


def test_hundreds_of_classes_stay_readable_and_small():
    classes = [f"class {number} {'of a long name' * 3}" for number in range(400)]
    given = inputs(classes, takes=2, tests=3)
    given["settings"]["report"]["examples"] = 20
    page = built(given)
    assert len(page.html.encode()) < 5_000_000
    tags, text = Tags(page.html), text_of(page.html)
    assert len(tags.all("h3")) == 2 * analysis.EXTREMES
    assert len([a for a in tags.all("img") if a["src"].startswith("data:image/webp")]) <= gallery.IMAGES
    assert text.count("the 12 best- and the 12 worst-scored of 400 classes") == 2
    assert "The 20 most frequent confusions of 400 classes." in text
    assert all(f"class {number} " in text for number in range(400))
    means = {
        label: float(value)
        for label, value in re.findall(
            r"<th scope=\"row\"[^>]*>(class \d+) [^<]*</th><td class=\"n\">(0\.\d+|1\.000)", page.html
        )
    }
    drawn = {
        " ".join(label.split()[:2])
        for label in svg_text(page.figures["class_scores"])
        if label.startswith("class ")
    }
    values = sorted(means[label] for label in drawn)
    assert len(means) == 400
    assert values[:12] == sorted(means.values())[:12]
    assert values[12:] == sorted(means.values())[-12:]


def test_many_examples_a_class_are_cut_to_what_a_page_holds(monkeypatch):
    monkeypatch.setattr(gallery, "IMAGES", 12)
    given = inputs(takes=20)
    given["settings"]["report"]["examples"] = 10
    page = built(given)
    assert page.html.count("data:image/webp") == 12
    assert "Each class has 2 of each kind and not 10" in text_of(page.html)


def keep_examples_with_a_fold(given):
    (array, index) = given["shards"][0]
    keep = index.example_id.isin(given["folds"].example_id).to_numpy()
    given["shards"] = [(array[keep], index[keep].reset_index(drop=True))]


def no_validation():
    given = inputs(folds=3)
    given["scores"]["folds"][2]["score"] = float("nan")
    for name in ("oof", "folds"):
        given[name] = given[name][given[name].fold != 2].reset_index(drop=True)
    keep_examples_with_a_fold(given)
    given["histories"]["m"][2] = given["histories"]["m"][0].drop(columns=["val_loss", "val_lwlrap"])
    return given


def nothing_held_out():
    given = inputs(tests=2)
    given["oof"] = given["oof"].iloc[:0]
    for entry in given["scores"]["folds"]:
        entry["score"] = float("nan")
    given["scores"]["oof"] = given["scores"]["truth"] = float("nan")
    return given


def a_class_without_examples():
    given = inputs()
    gone = given["oof"].label != "c"
    given["oof"], given["folds"] = given["oof"][gone], given["folds"][gone]
    keep_examples_with_a_fold(given)
    return given


def whole_recordings():
    given = inputs(takes=1, folds=2)
    given["shards"][0][1][["t_min", "t_max", "f_min", "f_max"]] = [0.0, np.inf, 0.0, np.inf]
    return given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (no_validation, "m 2 0 none"),
        (nothing_held_out, "m: no fold has a validation example."),
        (a_class_without_examples, "Classes without a present example have no score: c."),
        (whole_recordings, "Fold 0 is predicted by models trained without a present example of a, b, c."),
        (lambda: inputs(["only"]), "Out-of-fold: 4 present and 0 absent labels are known."),
        (lambda: inputs(["only"], exhaustive=True), "4 present and 0 absent labels are known"),
        (
            lambda: inputs(models=("one", "two")),
            "Members of the ensemble model mean of folds standard deviation folds one 0.500 0.000 2 two 0.500 0.000 2",
        ),
        (lambda: inputs(folds=30, takes=31), "fold 29"),
        (lambda: inputs(tests=3), "against the truth"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_degenerate_input_gives_a_page(given, said):
    page = built(given())
    assert said in text_of(page.html)
    assert "nan" not in text_of(page.html).lower().split()
    for svg in page.figures.values():
        ElementTree.fromstring(svg)


@pytest.mark.parametrize(("low", "doubt"), [(0.004, ""), (-0.004, ", which may be chance")])
def test_fitted_weights_stand_beside_equal_ones(low, doubt):
    given = inputs(models=("m-seed1", "m-seed3"))
    between = {"low": low, "high": 0.02, "resamples": 1000, "undefined": 0}
    given["scores"] |= {"plain": {"oof": 0.488, "difference": 0.012, "interval": between}}
    given["scores"] |= {"weights": {"m-seed1": 0.25, "m-seed3": 0.75}, "prior_power": -0.3}
    text = text_built(given)
    assert "plain: 0.488" in text
    assert "scaled by the shares of the classes to the power of -0.3." in text
    assert f"+0.012 (95 % interval {low:+.3f} to +0.020, over recordings){doubt}." in text
    head = "Members of the ensemble model seed weight mean of folds standard deviation folds"
    assert f"{head} m 1 0.25 0.500 0.000 2 m 3 0.75 0.500 0.000 2" in text


def test_what_was_quarantined_is_counted_and_listed():
    assert "Nothing was quarantined." in text_built(inputs())
    rows = [
        ["train", "recording", f"q{n}", f"train/q{n}.flac", "silent" if n % 2 else "no audio"]
        for n in range(250)
    ]
    rows.append(["train", "annotation", "q0", "train.csv, line 3", "begins after its recording has ended"])
    given = inputs(quarantine=pd.DataFrame(rows, columns=NO_QUARANTINE.columns))
    text = text_built(given)
    assert "Quarantined: 250 of 262 training recordings, 1 training annotation. Show reasons" in text
    assert "250 recordings and 1 annotation were quarantined and not used." in text
    assert "instead of predictions" not in text
    assert "train recording no audio 125 train recording silent 125" in text
    assert "train/q199.flac" in text
    assert "train/q200.flac" not in text
    assert "51 more; the whole list is in results/run/quarantine.csv." in text


def test_what_the_examples_do_not_show_is_said():
    given = inputs()
    plain = text_built(given)
    assert "learn from" not in plain
    assert "longer than the window" not in plain
    assert "lower sample rates" not in plain
    array, index = given["shards"][0]
    box = {"t_min": 0.0, "t_max": 1.0, "f_min": 0.0, "f_max": math.inf}
    index = index.assign(**box)
    index.loc[index.index[:2], "t_max"] = [WINDOW + 1, math.inf]
    given |= {"shards": [(array, index)], "sample_rates": [8000, 8000, 16_000]}
    given["labels"] = given["labels"] | {"untrained": ["c"]}
    text = text_built(given)
    assert "1 class has no present example to learn from, and probability 0 everywhere: c." in text
    assert f"1 annotation is longer than the window ({WINDOW:g} s)" in text
    assert "2 of 3 training recordings have nothing in the upper part of 100 to 8000 Hz" in text
    given["settings"] = given["settings"] | {"crop": {"window": WINDOW, "long_events": "cover"}}
    assert "longer than the window" not in text_built(given)


def test_an_unreadable_test_recording_is_said_to_have_the_class_frequencies():
    given = inputs(tests=6)
    given["usable"]["test"] = given["usable"]["test"][1:]
    given["quarantine"] = pd.DataFrame(
        [
            ["test", "recording", "t0", "test/t0.flac", "expected an audio file, found none"],
            ["test", "recording", "t1", "sample.csv, line 9", "expected each recording once, found it again"],
        ],
        columns=NO_QUARANTINE.columns,
    )
    text = text_built(given)
    assert "6 test recordings, 1 of them unreadable" in text
    assert (
        "Quarantined: 2 of 7 test recordings. 1 unreadable test recording has the class frequencies" in text
    )
    assert "These rows count in the score against the truth." in text
    given["settings"] = given["settings"] | {"priors": False}
    assert "1 unreadable test recording has an empty row" in text_built(given)


def test_reasons_are_grouped_by_what_was_expected():
    def kinds(*reasons):
        rows = [["train", "annotation", "r", f"line {n}", reason] for n, reason in enumerate(reasons)]
        table = pd.DataFrame(rows, columns=NO_QUARANTINE.columns)
        html = built(inputs(quarantine=table)).html
        part = html.split("Reasons</caption>")[1].split("</table>")[0]
        return re.findall(r'data-head="reason">([^<]*)<.*?data-head="count">(\d+)<', part)

    outside = "expected an event within {} s, found s8 from {} to 9.5 s"
    once = "expected each annotation once, found the one of line {} again"
    none, damaged = "expected an audio file, found none", "expected an audio file, found that it is damaged"
    found = kinds(
        *(outside.format(6, n) for n in range(5)), once.format(3), once.format(4), none, damaged, none, none
    )
    assert found == [
        ("expected an event within 6 s", "5"),
        (none, "3"),
        ("expected each annotation once", "2"),
        (damaged, "1"),
    ]
    assert kinds(outside.format(6, 1), outside.format(7.25, 1)) == [("expected an event within … s", "2")]
    assert kinds(outside.format(6, 1)) == [(outside.format(6, 1), "1")]
    words = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "lot",
        "set",
        "nil",
    ]
    assert len(kinds(*words)) == quarantine.REASONS


def test_what_is_by_chance_is_of_whole_recordings():
    given = inputs(takes=20, exhaustive=True)
    given["oof"]["recording_id"] = [f"r{number // 5:02}" for number in range(60)]
    known, values = np.repeat(np.eye(3), 20, axis=0), given["oof"][["a", "b", "c"]].to_numpy()
    low, high = chance_interval(Metric("lwlrap"), known, values, groups=given["oof"].recording_id, seed=1)
    assert (low, high) != chance_interval(Metric("lwlrap"), known, values, seed=1)
    given["scores"]["oof"] = high
    assert f"by chance: {low:.3f}–{high:.3f}" in text_built(given)


@pytest.mark.parametrize("metric", ["lwlrap", "accuracy"])
def test_a_score_out_of_fold_has_a_chance_of_its_own(metric):
    given = inputs(takes=20, exhaustive=True)
    given["scores"]["metric"] = given["labels"]["metric"] = metric
    history = given["histories"]["m"][0].rename(columns=lambda name: name.replace("lwlrap", metric))
    given["histories"] = {"m": {0: history, 1: history}}
    known = np.repeat(np.eye(3), 20, axis=0)
    low, high = chance_interval(Metric(metric), known, given["oof"][["a", "b", "c"]].to_numpy(), seed=1)
    given["scores"]["oof"] = high
    text = text_built(given)
    assert f"by chance: {low:.3f}–{high:.3f}" in text
    assert text.count("by chance:") == 1
    assert f"The {metric} out-of-fold is not above chance: the model has learned nothing useful." in text
    given["scores"]["oof"] = high + 0.01
    assert "has learned nothing" not in text_built(given)


def test_a_classs_score_is_its_part_of_the_metric():
    given = inputs(["a", "b"], exhaustive=True)
    given["scores"]["metric"] = given["labels"]["metric"] = "accuracy"
    given["oof"][["a", "b"]] = [[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 5
    page = built(given)
    text = text_of(page.html)
    assert "The score of a class is its recall: the share of the class's examples" in text
    assert "a 0.750 0.354 2 " in text
    assert "b 1.000 0.000 2 " in text
    assert "recall" in svg_text(page.figures["class_scores"])


def test_absent_events_that_are_not_predicted_are_explained():
    given = inputs(["a", "b"])
    assert "absent example" not in text_built(given).split("Scores of the folds")[2]
    absent = given["folds"].tail(3).assign(presence="absent", example_id=["x", "y", "z"])
    given["folds"] = pd.concat([given["folds"], absent])
    page = built(given)
    said = "3 absent examples are used only for training: out-of-fold predictions are made for present examples only"
    assert text_of(page.html).count(said) == 2


def test_a_curve_needs_labels_that_are_known_to_be_absent(monkeypatch):
    """With hardly any, the average precision is near 1 whatever is predicted."""
    given = inputs(["a", "b", "c", "d"], takes=4, tests=3)
    given["shards"][0][1].loc[:4, "absent"] = "d"
    said = "Out-of-fold: 16 present and {} absent labels are known. There is no curve, which needs at least {} absent labels."
    monkeypatch.setattr(class_sections, "LEAST_ABSENT", 6)
    page = built(given)
    text = text_of(page.html)
    assert said.format(5, 6) in text
    assert "folds known present known absent truth: score truth: average precision" in text
    assert "out-of-fold" not in svg_text(page.figures["precision_recall"])
    assert "truth" in svg_text(page.figures["precision_recall"])
    given["truth"] = given["predictions"] = given["scores"]["truth"] = None
    page = built(given)
    assert "Figure: Precision over recall" not in page.html
    assert "no curve: fewer than 6 labels" in svg_text(page.figures["precision_recall"])
    monkeypatch.setattr(class_sections, "LEAST_ABSENT", 5)
    page = built(given)
    assert "There is no curve" not in text_of(page.html)
    assert "folds average precision known present known absent" in text_of(page.html)
    assert "Figure: Precision over recall; average precision out-of-fold" in page.html


def test_the_page_and_the_captions_state_the_same_least_number():
    said = f"at least {class_sections.LEAST_ABSENT} labels that are known to be absent"
    assert said in (ROOT / "report/precision_recall.rst").read_text()


def degenerate(kind):
    """Inputs whose interval, or whose chance level, is a single score, which is no finding."""
    given = inputs(["a", "b"], exhaustive=True)
    if kind == "recording":
        given["oof"]["recording_id"] = "r"
    elif kind == "predictions":
        given["oof"][["a", "b"]] = [0.3, 0.7]
    elif kind == "labels":
        given["oof"]["present"] = given["shards"][0][1]["present"] = "a;b"
    elif kind == "row":
        given["oof"] = given["oof"].head(1)
    if kind in ("recording", "row", "score"):
        given["scores"]["oof_interval"] |= {"low": 0.971, "high": 0.971}
    return given


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("recording", "95 %", "95 %: there is no interval, as only one recording is scored."),
        ("row", "95 %", "95 %: there is no interval, as only one recording is scored."),
        ("score", "95 %", "95 %: there is no interval, as all resamples have the same score."),
        ("row", "by chance", "there is no interval, as only one row of predictions is scored."),
        ("predictions", "by chance", "there is no interval, as all examples have the same predictions."),
        (
            "labels",
            "by chance",
            "there is no interval, as shuffling the predictions never changes the score.",
        ),
    ],
)
def test_an_interval_of_one_score_is_none_and_says_why(kind, name, reason):
    page = built(degenerate(kind))
    text = text_of(page.html)
    assert reason in text
    assert f"{name}: none" in text
    assert not re.search(r"(\d\.\d{3})–\1 by chance|by chance: (\d\.\d{3})–\2 ", text)
    assert ("Shaded" in text) == (name == "by chance" and kind != "row")
    assert name == "95 %" or "is not above chance" not in text
    same = "All examples have the same predictions out-of-fold: the model has learned nothing."
    assert (same in text) == (same in page.warnings) == (kind == "predictions")


def test_equal_rows_are_recognised_in_dense_and_sparse_matrices():
    for values, equal in (
        ([[0.2, 0.8], [0.2, 0.8]], True),
        ([[0.0, 0.8], [0.0, 0.8]], True),
        ([[0.2, 0.8], [0.2, 0.0]], False),
        ([[0.2, np.nan], [0.2, np.nan]], False),
    ):
        assert scorecards._all_equal(np.array(values)) == equal
        assert scorecards._all_equal(sparse.csr_array(values)) == equal


def test_a_classs_single_example_is_neither_its_best_nor_its_worst():
    given = inputs(["a", "b"], takes=1)
    text = text_built(given)
    assert len(re.findall(r"only one: 0\.\d+ · r", text)) == 2
    assert "best:" not in text
    assert "worst:" not in text


def test_one_epoch_is_told_by_its_marks():
    given = inputs()
    assert "Solid: validation." in text_built(given)
    given["histories"] = {"m": {0: given["histories"]["m"][0].head(1)}}
    assert "Filled: validation. Open: training" in text_built(given)


def record(results, rule, seconds, memory, cpu, state="finished", **wildcards):
    path = usage.place(results, rule, wildcards)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = usage.Record(rule, wildcards, 1, None, None, 0.0, seconds, cpu, memory, state)
    path.write_text(json.dumps(asdict(own)))


def test_time_and_memory_are_of_the_jobs_of_the_present_configuration(tmp_path):
    record(tmp_path, "train_fold", 60, 100, 50, model="new", fold="0")
    record(tmp_path, "train_fold", 90, 300, 70, model="new", fold="1")
    record(tmp_path, "train_fold", 9999, 9999, 9999, model="old", fold="0")
    record(tmp_path, "train_fold", 9999, 9999, 9999, model="new", fold="2")
    record(tmp_path, "split_folds", 0.2, 20, 0.1)
    record(tmp_path, "crop_windows", 4, 30, 3, shard="train-0")
    record(tmp_path, "former", 1, 1, 1)
    record(tmp_path, "ensemble_folds", 1, 1, 1, state="running")
    (tmp_path / usage.FOLDER / "broken.json").write_text("{")
    table = provenance.costs(
        tmp_path,
        rules={"train_fold", "split_folds", "crop_windows", "ensemble_folds"},
        names={"new", "0", "1", "train-0"},
    )
    expected = [
        ("train_fold", 2, 150, 90, 300, 120),
        ("crop_windows", 1, 4, 4, 30, 3),
        ("split_folds", 1, 0.2, 0.2, 20, 0.1),
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=table.columns), check_dtype=False)
    text = text_built(inputs(costs=table))
    assert "train_fold 2 2 min 30 s 1 min 30 s 2 min 0 s 300 MB" in text


def test_no_measurements_are_no_error(tmp_path):
    table = provenance.costs(tmp_path / "gone", rules={"a"}, names=set())
    assert table.empty
    assert "There are no measurements" in text_built(inputs(costs=table))


def test_the_commit_is_that_of_the_checkout_itself(tmp_path):
    def git(*command):
        subprocess.run(
            ["git", "-C", tmp_path, "-c", "user.name=n", "-c", "user.email=e", *command], check=True
        )

    assert provenance.commit(tmp_path) == "no git checkout"
    git("init", "-q")
    assert provenance.commit(tmp_path) == "no git checkout"
    (tmp_path / "file").write_text("1")
    git("add", ".")
    git("commit", "-qm", "first")
    name = provenance.commit(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{12}", name)
    (tmp_path / "other").write_text("untracked")
    assert provenance.commit(tmp_path) == name
    (tmp_path / "file").write_text("2")
    assert provenance.commit(tmp_path) == f"{name} with local changes"
    (tmp_path / "folder").mkdir()
    assert provenance.commit(tmp_path / "folder") == "no git checkout"


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit(tmp_path) == "no git checkout"


def test_the_facts_name_the_code_and_the_packages():
    facts = dict(provenance.facts())
    assert list(facts) == [
        "understory",
        "snakemake",
        "tensorflow",
        "keras",
        "numpy",
        "pandas",
        "scipy",
        "scikit-learn",
    ]
    assert facts["numpy"] == np.__version__


def test_nothing_of_an_examples_axes_is_cut_off():
    frequencies = np.linspace(50, 24_000, 64)
    shown = gallery.Spectrograms(window=10.0, mel_frequencies=frequencies).draw(np.zeros((64, 50)), [])
    pixels = np.asarray(Image.open(io.BytesIO(shown)).convert("L"))
    edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    assert min(edge.min() for edge in edges) > 230


@pytest.mark.parametrize("resize", [None, [32, 20], [90, 20]])
def test_a_tone_is_drawn_at_its_frequency(resize):
    """In a resized spectrogram as well, as far as its rows tell."""
    mel = {"n_mels": 64, "fmin": 50.0, "fmax": 15_000.0, "resize": resize}
    frequencies = gallery._mel_frequencies(mel)
    for hertz in (400.0, 1500.0, 5000.0, 13_000.0):
        wave = np.sin(2 * np.pi * hertz * np.arange(32_000) / 32_000).astype(np.float32)
        options = {"n_fft": 4096, "hop": 512, "scale": "power_db", "normalise": "none", **mel}
        shown = log_mel.compute(wave, sample_rate=32_000, **options).mean(axis=1)
        power = 10 ** (shown / 10)
        found = (power * np.arange(len(power))).sum() / power.sum()
        assert found == pytest.approx(np.interp(hertz, frequencies, np.arange(len(power))), abs=0.3)


def test_an_example_is_drawn_as_if_it_were_the_only_one():
    drawer = gallery.Spectrograms(window=10.0, mel_frequencies=np.linspace(50, 24_000, 64))
    values = np.random.default_rng(0).random((64, 50))
    alone = drawer.draw(values, [])
    boxed = drawer.draw(values[::-1], [("a", 2.0, 4.0, 1000.0, 3000.0)])
    assert boxed != alone == drawer.draw(values, [])
    assert not [*drawer.axis.images, *drawer.axis.patches, *drawer.axis.texts]


def test_results_are_read_from_the_files_of_a_run(tmp_path):
    given = inputs(["a", "b"], folds=2, tests=3, models=("one", "two"))
    array, index = given["shards"][0]
    labels = [
        ("scores", given["scores"]),
        ("labels", given["labels"]),
        ("members", {"thresholds": {"a": 0.5}, "held_out_thresholds": None}),
    ]
    for name, content in labels:
        (tmp_path / name).write_text(json.dumps(content))
    store.write_table(tmp_path / "folds", given["folds"])
    store.write_table(tmp_path / "quarantine", NO_QUARANTINE)
    store.write_table(tmp_path / "oof", given["oof"])
    for name, ids in (("train", index.recording_id), ("test", ["t1", "t0"])):
        store.write_table(tmp_path / name, pd.DataFrame({"recording_id": ids}))
    paths = {name: tmp_path / name for name in ("scores", "labels", "members", "folds", "quarantine", "oof")}
    # Files of one name, so that nothing but their order says which is which.
    trained = [["two", 1], ["one", 0], ["two", 0]]
    histories = []
    for number, _ in enumerate(trained):
        (tmp_path / str(number)).mkdir()
        histories.append(tmp_path / str(number) / "history.csv")
        store.write_table(histories[-1], pd.DataFrame({"epoch": [1], "loss": [float(number)]}))
    arrays, indexes = [tmp_path / "0.npy", tmp_path / "1.npy"], [tmp_path / "0.csv", tmp_path / "1.csv"]
    for part in (0, 1):
        rows = index[part::2].assign(label="provisional")
        store.write(arrays[part], indexes[part], array[part::2], rows)
    paths |= {
        "histories": histories,
        "train_recordings": [tmp_path / "train"],
        "test_recordings": [tmp_path / "test"],
    }
    paths |= {"arrays": arrays, "indexes": indexes, "predictions": [], "truth": []}
    results = Results(paths, given["settings"] | {"trained": trained})
    losses = {(m, f): h.loss[0] for m, folds in results.histories.items() for f, h in folds.items()}
    assert losses == {("two", 1): 0, ("one", 0): 1, ("two", 0): 2}
    assert results.usable == {"train": list(index.recording_id), "test": ["t1", "t0"]}
    assert (results.predictions, results.truth, results.tested, results.unreadable) == (None, None, [], 0)
    assert results.thresholds == {"a": 0.5}
    assert results.held_out_thresholds is None
    assert list(results.scored) == ["out-of-fold"]
    assert list(results.by_id.loc[index.example_id].label) == list(index.label)
    for example in results.index.itertuples():
        np.testing.assert_array_equal(
            results.shards[example.part][0][example.row], array[index.example_id == example.example_id][0]
        )


def test_a_shards_example_that_has_no_fold_is_an_error():
    index = inputs()["shards"][0][1]
    with pytest.raises(InputError, match=r"expected every example, 1 are missing, such as e0-0"):
        examples.of_shards([index], index[1:])
    table = examples.of_shards([index[:0], index])
    assert set(table.part) == {1}
    assert list(table.row) == list(range(len(index)))


def test_thresholds_are_read_by_the_number_of_their_fold(tmp_path):
    path = tmp_path / "members.json"
    path.write_text(json.dumps({"thresholds": {"a": 0.5}, "held_out_thresholds": {"0": {"a": 0.25}}}))
    assert Results({"members": path}, {}).held_out_thresholds == {0: {"a": 0.25}}
