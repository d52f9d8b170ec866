"""The review of detections: which are drawn, what the page holds, what verdicts say and what they become."""

import base64
import csv
import io
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from understory.annotations import verdicts
from understory.core import file_digests
from understory.core.errors import InputError
from understory.data import examples, store
from understory.data.labels import Labels
from understory.data.source import Source
from understory.data.task import Task
from understory.datasets import own
from understory.evaluation.detections import held_out
from understory.plan import code_digests, preflight, table_digests
from understory.review import excerpts, page, precision, sampling
from understory.run import summary

NASTY = ['Süd "meise"', "</script><script>alert(1)</script>", "=1+1", "-x", "'=x", "a, b", "ü & <b>"]


def events(sizes, seed=0):
    """Detections of some classes, in no order."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"r{number % 7}.wav", float(number), number + 1.5, label, round(0.4 + 0.6 * rng.random(), 3), 0.4)
        for label, size in sizes.items()
        for number in range(size)
    ]
    table = pd.DataFrame(rows, columns=["path", "start", "end", "label", "score", "threshold"])
    return table.sample(frac=1, random_state=seed, ignore_index=True)


# ---- Sampling


@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(1, 50), max_size=8),
    st.integers(1, 200),
)
def test_classes_share_the_items_equally_and_leave_none_unused(sizes, items):
    found = sampling.shares(sizes, items)
    assert sum(found.values()) == min(items, sum(sizes.values()))
    assert all(found[label] <= sizes[label] for label in sizes)
    # Who has fewer than another, by more than one, has all of its events.
    most = max(found.values(), default=0)
    assert all(found[label] in (sizes[label], most, most - 1) for label in sizes)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
def test_every_event_is_drawn_as_often_as_its_inclusion_says(size, items, seed):
    table = events({"a": size})
    found = sampling.chosen(table, order="sample", items=items, above=0, seed=seed)
    assert len(found) == min(size, items)
    assert not found.duplicated(["path", "start"]).any()
    strata = found.groupby("stratum").agg(
        drawn=("path", "size"), events=("stratum_events", "first"), inclusion=("inclusion", "first")
    )
    assert strata.events.sum() == size
    np.testing.assert_allclose(strata.inclusion, strata.drawn / strata.events)
    assert (
        found.groupby("stratum").stratum_order.apply(list).map(lambda own: own == [*range(1, len(own) + 1)])
    ).all()
    # Strata follow the scores, and their events are almost equally likely to be drawn.
    bounds = found.groupby("stratum").score.agg(["min", "max"])
    assert (bounds["max"].iloc[:-1].to_numpy() <= bounds["min"].iloc[1:].to_numpy()).all()


def test_inclusion_is_the_frequency_over_many_seeds():
    table = events({"a": 23, "b": 5})
    drawn = pd.concat(
        sampling.chosen(table, order="sample", items=12, above=0, seed=seed) for seed in range(400)
    )
    seen = drawn.groupby(["label", "start"]).agg(times=("path", "size"), inclusion=("inclusion", "mean"))
    assert len(seen) == len(table)
    # Five standard errors of a share.
    assert (abs(seen.times / 400 - seen.inclusion) < 5 * np.sqrt(0.25 / 400)).all()


def test_a_sample_depends_on_the_seed_and_not_on_the_order_of_the_table():
    table = events({"a": 40, "b": 40})
    options = {"order": "sample", "items": 20, "above": 0.0}
    first = sampling.chosen(table, seed=1, **options)
    pd.testing.assert_frame_equal(first, sampling.chosen(table[::-1], seed=1, **options))
    assert not first.equals(sampling.chosen(table, seed=2, **options))
    # A class is drawn whatever other classes there are: one that has its share of items.
    alone = sampling.chosen(table[table.label == "a"], seed=1, **{**options, "items": 10})
    pd.testing.assert_frame_equal(first[first.label == "a"].reset_index(drop=True), alone)


def test_a_part_of_a_review_is_spread_over_the_scores():
    """Items come in random order, so that who stops half-way has reviewed a sample as well."""
    found = sampling.chosen(events({"a": 400}), order="sample", items=100, above=0, seed=3)
    assert abs(found.score[:50].mean() - found.score[50:].mean()) < 0.06
    assert not found.score.is_monotonic_increasing


def test_doubtful_ones_are_nearest_to_the_threshold_and_tell_nothing_of_the_others():
    table = events({"a": 30})
    found = sampling.chosen(table, order="doubtful", items=10, above=0, seed=0)
    distance = (table.score - table.threshold).abs()
    assert sorted((found.score - found.threshold).abs()) == sorted(distance)[:10]
    assert found.inclusion.isna().all()


def test_all_above_a_threshold_come_from_the_highest_down():
    table = events({"a": 30, "b": 3})
    found = sampling.chosen(table, order="above", items=100, above=0.7, seed=0)
    assert len(found) == (table.score >= 0.7).sum()
    # Of the precision of all detections, these say nothing.
    assert found.inclusion.isna().all()
    found = sampling.chosen(table, order="above", items=100, above=0, seed=0)
    assert len(found) == len(table)
    assert (found.inclusion == 1).all()
    assert all(own.score.is_monotonic_decreasing for _, own in found.groupby("label"))
    cut = sampling.chosen(table, order="above", items=4, above=0.7, seed=0)
    assert cut[cut.label == "a"].inclusion.isna().all()


def test_no_detections_are_no_items():
    assert sampling.chosen(events({}), order="sample", items=5, above=0, seed=0).empty


# ---- Precision


def judged(found, right, words=("accept", "reject")):
    return found.assign(verdict=np.where(right, *words), review="r")


# By class, the chance that a detection is right, by the rank of its score from 0 to 1.
TRUTHS = {
    "even": lambda rank: 0.7 + 0 * rank,
    "high": lambda rank: rank,
    "low": lambda rank: 1 - rank,
    "one stratum": lambda rank: rank > 0.3,
    "rare": lambda rank: 0.96 + 0 * rank,
    "all": lambda rank: 1 + 0 * rank,
}


def simulated(size, items, seeds):
    """By class, the hidden precision of `size` detections, and the table of estimates over many samples of `items`."""
    table = events(dict.fromkeys(TRUTHS, size), seed=size)
    rank = table.groupby("label").score.rank(pct=True)
    chance = [TRUTHS[label](own) for label, own in zip(table.label, rank, strict=True)]
    table["right"] = np.random.default_rng(size).random(len(table)) < chance
    parts = []
    for seed in range(seeds):
        found = sampling.chosen(table, order="sample", items=items * len(TRUTHS), above=0, seed=seed)
        parts.append(judged(found, found.right).assign(review=str(seed)))
    return table.groupby("label").right.mean(), precision.table(pd.concat(parts, ignore_index=True))


def check_coverage(size, items, seeds):
    hidden, found = simulated(size, items, seeds)
    for label, rows in found.groupby("label"):
        covered = (rows.low - 1e-9 <= hidden[label]) & (hidden[label] <= rows.high + 1e-9)
        assert covered.mean() >= precision.LEVEL, label
        # The estimate is unbiased: its mean over the seeds is the truth within five standard errors.
        error = rows.precision.std() / np.sqrt(seeds)
        assert abs(rows.precision.mean() - hidden[label]) <= 5 * error + 1e-9, label


@pytest.mark.parametrize(("size", "items"), [(300, 8), (37, 20)])
def test_the_interval_covers_the_hidden_truth_at_least_as_often_as_it_says(size, items):
    check_coverage(size, items, seeds=100)


@pytest.mark.soak
@pytest.mark.parametrize(("size", "items"), [(300, 8), (60, 13), (37, 20), (12, 11), (2000, 40), (11, 4)])
def test_the_interval_covers_the_truth_over_a_thousand_samples(size, items):
    check_coverage(size, items, seeds=1000)


def test_an_estimate_without_weights_would_be_biased():
    """Of a stratum of which fewer were judged, each verdict stands for more detections."""
    rows = [("a", 1, 90, "accept")] * 3 + [("a", 2, 10, "reject")] * 3
    table = pd.DataFrame(rows, columns=["label", "stratum", "stratum_events", "verdict"])
    table = table.assign(path="x", start=range(6), end=9, inclusion=[3 / 90] * 3 + [3 / 10] * 3, review="r")
    table["stratum_order"] = table.groupby("stratum").cumcount() + 1
    assert precision.table(table).precision[0] == pytest.approx(0.9)
    assert (table.verdict == "accept").mean() == 0.5


def test_who_has_reviewed_everything_knows_the_precision():
    found = sampling.chosen(events({"a": 9}), order="sample", items=9, above=0, seed=0)
    row = precision.table(judged(found, np.arange(9) != 4)).iloc[0]
    assert row.low == pytest.approx(8 / 9)
    assert row.high == pytest.approx(8 / 9)


def test_what_is_unsure_or_not_reviewed_is_left_out_and_counted():
    found = sampling.chosen(events({"a": 200}), order="sample", items=20, above=0, seed=0)
    some = judged(found, np.ones(20, bool))
    some.loc[:4, "verdict"] = "unsure"
    some.loc[15:, "verdict"] = ""
    row = precision.table(some).iloc[0]
    assert list(row[["detections", "sampled", "reviewed", "accepted", "unsure"]]) == [200, 20, 15, 10, 5]
    assert row.precision == 1
    # Nothing at all is known of a stratum without a verdict: it may be all wrong.
    none = judged(found, np.ones(20, bool))
    none.loc[none.stratum == 1, "verdict"] = ""
    assert (
        precision.table(none).low[0] < 0.8 * precision.table(judged(found, np.ones(20, bool))).low[0] + 1e-9
    )


def test_a_review_that_skipped_some_picked_and_one_that_stopped_did_not():
    found = sampling.chosen(events({"a": 200}), order="sample", items=20, above=0, seed=0)
    right = judged(found, np.ones(20, bool))
    stopped = right.assign(verdict=right.verdict.where(np.arange(20) < 12, ""))
    # In any order of the file, and without the rows that have no verdict.
    for rows in (stopped, stopped.sort_values("score"), stopped[:12]):
        row = precision.table(rows).iloc[0]
        assert (row.skipped, row.precision) == (0, 1)
    # One is left out of each of two strata, before others of them were reviewed.
    left = [found.index[found.stratum == stratum][0] for stratum in (1, 3)]
    for rows in (stopped, right):
        row = precision.table(rows.assign(verdict=rows.verdict.where(~rows.index.isin(left), ""))).iloc[0]
        assert row.skipped == 2
        assert row[["precision", "low", "high"]].isna().all()
    # The last ones of a stratum are left out by who stops.
    last = [found.index[found.stratum == stratum][-1] for stratum in (1, 3)]
    assert (
        precision.table(right.assign(verdict=right.verdict.where(~right.index.isin(last), ""))).skipped[0]
        == 0
    )
    # A file of an older page does not tell.
    old = right.assign(verdict=right.verdict.where(~right.index.isin(left), ""), stratum_order=0)
    assert precision.table(old).precision[0] == 1


def test_the_highest_ones_say_nothing_of_the_others():
    """The order is that of the scores, and not random."""
    found = sampling.chosen(events({"a": 100}), order="above", items=100, above=0, seed=0)
    rows = judged(found, np.arange(100) < 20)
    row = precision.table(rows).iloc[0]
    assert row.precision == row.low == row.high == 0.2
    row = precision.table(rows.assign(verdict=rows.verdict.where(np.arange(100) < 20, ""))).iloc[0]
    assert row.low <= 0.2
    assert row.high == 1


def test_the_last_verdict_of_a_review_counts_and_reviews_are_apart():
    found = sampling.chosen(events({"a": 10}), order="sample", items=10, above=0, seed=0)
    none, all_right = found.assign(verdict="", review="r"), judged(found, np.ones(10, bool))
    again = judged(found, np.zeros(10, bool)).assign(review="other")
    table = precision.table(pd.concat([all_right, none, again], ignore_index=True))
    assert list(table.review) == ["r", "other"]
    assert list(table.precision) == [1, 0]
    doubtful = all_right.assign(inclusion=0.0)
    assert precision.table(doubtful).empty


# ---- What is seen and heard


@pytest.fixture
def recording(tmp_path):
    """A recording of 10 s with a tone of 3 kHz from 4 to 5 s, and its path."""
    rate = 44_100
    time = np.arange(10 * rate) / rate
    wave = 1e-3 * np.random.default_rng(0).normal(size=len(time))
    wave += 0.1 * np.sin(2 * np.pi * 3000 * time) * ((time >= 4) & (time < 5))
    soundfile.write(tmp_path / "tone.wav", wave, rate)
    return tmp_path / "tone.wav"


def cut(path, start=4.0, end=5.0, **changes):
    return excerpts.excerpt(path, start, end, **{"context": 1.0, "highest": 12_000.0, "slower": 1, **changes})


def test_a_tone_is_seen_where_it_is(recording):
    found = cut(recording)
    pixels = plt_read(found["image"])
    assert (found["start"], found["stop"], found["top"]) == (3.0, 6.0, 12_000.0)
    light = pixels > 0.5 * pixels.max()
    rows, columns = np.nonzero(light)
    height, width = pixels.shape
    # Rows from the top: 3 of 12 kHz are three quarters down. Columns: the second of three seconds.
    assert abs(np.median(rows) / height - 0.75) < 0.02
    assert abs(columns.min() / width - 1 / 3) < 0.03
    assert abs(columns.max() / width - 2 / 3) < 0.03


def plt_read(content):
    from matplotlib.image import imread

    return imread(io.BytesIO(content), format="webp")[..., :3].mean(axis=2)


def test_a_tone_is_heard_and_the_file_is_small(recording):
    found = cut(recording)
    wave, rate = soundfile.read(io.BytesIO(found["sound"]))
    assert (rate, wave.ndim, len(wave)) == (24_000, 1, 72_000)
    assert abs(np.abs(wave).max() - excerpts.PEAK) < 0.05
    spectrum = np.abs(np.fft.rfft(wave[24_000:48_000]))
    assert abs(spectrum.argmax() - 3000) <= 1
    assert not (np.round(wave * 2**15).astype(int) % 16).any()
    assert len(found["sound"]) < 1.2 * len(wave)
    assert found == cut(recording)


def test_slow_sound_is_lower_and_longer(recording):
    wave, rate = soundfile.read(io.BytesIO(cut(recording, slower=10)["sound"]))
    assert rate == 4410
    assert len(wave) / rate == pytest.approx(30)


def test_digital_silence_is_dark():
    silent, tone = np.zeros(24_000), np.sin(np.arange(24_000))
    dark, light = (plt_read(excerpts.spectrogram(wave, 24_000, 12_000.0)) for wave in (silent, tone))
    assert dark.max() <= light.min() + 2 < light.max() / 2


def test_an_excerpt_stays_in_its_recording_and_is_not_long(recording):
    found = cut(recording, 0.2, 9.9)
    assert (found["start"], found["stop"]) == (0.0, 10.0)
    assert cut(recording, 2.0, 9.0, highest=96_000.0)["top"] == 22_050
    long = excerpts.LONGEST
    assert long >= 10
    with pytest.raises(InputError, match=r"expected an audio file, found none"):
        cut(recording.with_name("other.wav"))


# ---- The page


def built(items, **options):
    def excerpt(row):
        return {"start": row.start - 1, "stop": row.end + 1, "top": 12_000.0, "image": b"i", "sound": b"s"}

    options = {"name": "run", "order": "sample", "known": ["Other"], "slower": 1, **options}
    return page.build(items, excerpt, **options)


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])


def test_whatever_a_class_is_called_it_is_data_and_no_page():
    table = pd.concat([events({label: 2}) for label in NASTY], ignore_index=True)
    items = sampling.chosen(table, order="sample", items=100, above=0, seed=0)
    html = built(items, name="<i>")
    assert data_of(html)["classes"] == sorted(NASTY)
    assert html.count("<script") == 2
    assert "<i>" not in html
    assert "<b>" not in html


def test_a_page_is_alone_and_names_its_review():
    items = sampling.chosen(events({"a": 30}), order="sample", items=8, above=0, seed=0)
    html = built(items)
    assert not re.search(r"""(src|href)=["']?(http|//|[\w/]+\.)""", html)
    assert "default-src 'none'" in html
    key = data_of(html)["key"]
    assert key == data_of(built(items))["key"]
    others = [built(items, name="other"), built(items.iloc[:7]), built(items.assign(score=0.5))]
    assert key not in {data_of(other)["key"] for other in others}
    assert data_of(html)["known"] == ["Other", "a"]
    with pytest.raises(InputError, match=r"run: expected detections to review, found none"):
        built(items.iloc[:0])


def test_classes_without_an_item_are_named():
    items = sampling.chosen(events({"a": 3, "b": 3, "c": 3}), order="sample", items=2, above=0, seed=0)
    assert "none is on this page: c, d." in built(items, missing={"d", "c"})
    assert "none is on this page" not in built(items)


def test_a_page_that_no_browser_opens_is_refused(monkeypatch):
    items = sampling.chosen(events({"a": 30}), order="sample", items=8, above=0, seed=0)
    size = 8 * 2 * len(base64.b64encode(b"i"))
    monkeypatch.setattr(page, "LARGEST", size)
    built(items)
    monkeypatch.setattr(page, "LARGEST", size - 1)
    with pytest.raises(
        InputError, match=r"run: expected a page of at most .* found 8 items of .*: ask for fewer"
    ):
        built(items)


# ---- Verdicts

HEADER = (*verdicts.COLUMNS, "inclusion", "stratum", "stratum_events", "review")


def write(path, rows, header=HEADER):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def row(path="x.wav", start=1, end=2, label="a", verdict="accept", new="", inclusion=0.5, stratum=1, size=4):
    return [path, start, end, label, verdict, new, inclusion, stratum, size, "r"]


@pytest.fixture
def folders(tmp_path):
    """A data folder with a table, and a folder of other recordings."""
    data, new = tmp_path / "data", tmp_path / "new"
    for name in ("data/known.wav", "data/plain.wav", "new/x.wav", "new/deep/y.wav", "stray.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (data / "known.txt").write_text("1.0\t2.0\ta\n")
    return data, new


def read(data, files, reviewed):
    options = {"verdicts": files, "reviewed": None if reviewed is None else str(reviewed)}
    return own.read(Path(data), options=options)


def said(dataset):
    return {tuple(annotation[:5]) for annotation in dataset.annotations}


def test_verdicts_become_present_absent_and_unknown(folders, tmp_path):
    data, new = folders
    rows = [
        row(),
        row(start=3, end=4, verdict="reject"),
        row("deep/y.wav", verdict="relabel", new="b"),
        row("deep/y.wav", 5, 6, verdict="unsure"),
        row("deep/y.wav", 7, 8, verdict=""),
    ]
    found = read(data, [write(tmp_path / "v.csv", rows)], new)
    assert said(found) == {
        ("known.wav", "a", "present", 1.0, 2.0),
        ("recordings:x.wav", "a", "present", 1.0, 2.0),
        ("recordings:x.wav", "a", "absent", 3.0, 4.0),
        ("recordings:deep/y.wav", "a", "absent", 1.0, 2.0),
        ("recordings:deep/y.wav", "b", "present", 1.0, 2.0),
        ("recordings:deep/y.wav", "a", "unknown", 5.0, 6.0),
    }
    assert found.classes == ("a", "b")
    assert not found.quarantined
    assert {r.recording_id: r.subset for r in found.recordings} == {
        "known.wav": "train",
        "plain.wav": "test",
        "recordings:x.wav": "train",
        "recordings:deep/y.wav": "train",
    }


def test_in_a_recording_that_only_verdicts_tell_of_the_rest_is_unknown(folders, tmp_path):
    """Also where all else that is annotated is so exhaustively."""
    data, new = folders
    files = [write(tmp_path / "v.csv", [row(), row(start=9, end=10, label="b", verdict="reject")])]
    found = own.read(data, options={"exhaustive": True, "reviewed": str(new), "verdicts": files})
    assert found.exhaustive
    assert not found.quarantined
    assert found.background == {"known.wav"}
    durations = {"known.wav": 16_000, "recordings:x.wav": 16_000}
    windows = examples.place_windows(found, durations, window=2, sample_rate=1000, absent=True)
    labels = Labels(windows, found.classes, exhaustive=True).take(np.arange(len(windows)))
    assert dict(
        zip(
            windows[["recording_id", "label"]].itertuples(index=False, name=None),
            labels.tolist(),
            strict=True,
        )
    ) == {
        ("known.wav", "a"): [1, 0],
        ("recordings:x.wav", "a"): [1, -1],
        ("recordings:x.wav", "b"): [-1, 0],
    }
    # In one that is annotated as well, all else is absent, and without `exhaustive` nothing is said of it.
    inside = [write(tmp_path / "inside.csv", [row("known.wav", 3, 4)])]
    found = own.read(data, options={"exhaustive": True, "reviewed": str(data), "verdicts": inside})
    assert "unknown" not in {each.presence for each in found.annotations}
    assert "unknown" not in {each.presence for each in read(data, files, new).annotations}


@pytest.mark.parametrize("exhaustive", [False, True])
def test_the_evaluation_leaves_out_recordings_that_only_verdicts_tell_of(folders, tmp_path, exhaustive):
    """The detections that were judged are the ones that were found: of these a recall would be one."""
    data, new = folders
    files = [write(tmp_path / "v.csv", [row(), row("deep/y.wav", verdict="reject")])]
    found = own.read(data, options={"exhaustive": exhaustive, "reviewed": str(new), "verdicts": files})
    names = ["known.wav", "recordings:x.wav", "recordings:deep/y.wav"]
    scored = [
        SimpleNamespace(path=name, starts=np.zeros(1), stops=np.ones(1), scores=np.zeros((1, 1)))
        for name in names
    ]
    task = Task(list(found.classes), exhaustive, "lwlrap", "recording", "example", None)
    kept = held_out.of(scored, found.annotations_of, dict.fromkeys(names, 0), task, picked=found.picked)
    assert [each.name for each in kept] == ["known.wav"]


def test_a_reviewed_recording_of_the_data_folder_is_the_same_one(folders, tmp_path):
    """Detections may be of the data folder itself, or of a folder around it or in it."""
    data, _ = folders
    for reviewed, path in ((data, "plain.wav"), (None, "plain.wav"), (data.parent, "data/plain.wav")):
        found = read(data, [write(tmp_path / "v.csv", [row(path)])], reviewed)
        assert ("plain.wav", "a", "present", 1.0, 2.0) in said(found)
        assert not [r for r in found.recordings if r.subset == "test"]


def test_a_folder_for_each_class_takes_verdicts_as_well(tmp_path):
    for name in ("data/a/one.wav", "new/x.wav"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    found = read(tmp_path / "data", [write(tmp_path / "v.csv", [row(verdict="reject")])], tmp_path / "new")
    assert {each[:3:2] for each in said(found)} == {
        ("a/one.wav", "present"),
        ("recordings:x.wav", "absent"),
    }


def test_of_two_verdicts_on_a_detection_the_last_counts(folders, tmp_path):
    data, new = folders
    files = [write(tmp_path / "1.csv", [row()]), write(tmp_path / "2.csv", [row(verdict="reject")])]
    known = ("known.wav", "a", "present", 1.0, 2.0)
    assert said(read(data, files, new)) == {known, ("recordings:x.wav", "a", "absent", 1.0, 2.0)}
    assert said(read(data, files[::-1], new)) == {known, ("recordings:x.wav", "a", "present", 1.0, 2.0)}


CALL = (10, 14)


@pytest.mark.parametrize(
    ("start", "end", "second"),
    [
        (10, 14, False),
        # Its shorter one, an annotation or a detection, lies in the other by half, and by less than half.
        (12, 20, False),
        (12.1, 20, True),
        (8, 30, False),
        (9, 11, False),
        (8.9, 10.9, True),
        (13.5, 14.5, False),
        (20, 21, True),
    ],
)
def test_an_accepted_detection_of_an_annotated_call_is_no_second_annotation(
    folders, tmp_path, start, end, second
):
    data, _ = folders
    (data / "known.txt").write_text("{}\t{}\ta\n".format(*CALL))
    found = read(data, [write(tmp_path / "v.csv", [row("known.wav", start, end)])], data)
    known = ("known.wav", "a", "present", *CALL)
    assert said(found) == {known, ("known.wav", "a", "present", start, end)} if second else {known}
    remark = "verdicts: 1 accepted detections are of calls that are annotated already"
    assert (remark in found.remarks) is not second
    assert "verdicts: 1 are taken (1 accept)" in found.remarks


def test_only_a_present_call_of_the_same_class_and_recording_is_the_same(folders, tmp_path):
    data, _ = folders
    (data / "known.txt").write_text("1.0\t2.0\ta\n")
    rows = [
        row("known.wav", 1, 2, label="b"),
        row("known.wav", 1, 2.1, verdict="reject"),
        row("plain.wav", 1, 2),
        row("known.wav", 1, 2.2, label="c", verdict="relabel", new="a"),
        row("known.wav", 5, 6, verdict="reject"),
        row("known.wav", 5, 6.1),
    ]
    assert said(read(data, [write(tmp_path / "v.csv", rows)], data)) == {
        ("known.wav", "b", "present", 1.0, 2.0),
        ("plain.wav", "a", "present", 1.0, 2.0),
        ("known.wav", "c", "absent", 1.0, 2.2),
        ("known.wav", "a", "present", 1.0, 2.2),
        ("known.wav", "a", "present", 5.0, 6.1),
    }


def test_a_verdict_replaces_what_was_said_otherwise_of_the_call(folders, tmp_path):
    """By a table or by an earlier verdict, of a detection with other times."""
    data, new = folders
    (data / "known.txt").write_text("10\t11\ta\n20\t80\ta\n")
    first = [row(start=20, end=22), row(start=30, end=32, verdict="reject")]
    later = [
        row(start=20.5, end=22.5, verdict="reject"),
        row(start=31, end=33),
        row("../data/known.wav", 9, 12, verdict="relabel", new="b"),
        # Within a song of a minute there may be a pause.
        row("../data/known.wav", 40, 43, verdict="reject"),
        row("../data/known.wav", 60, 63, verdict="unsure"),
    ]
    files = [write(tmp_path / f"{number}.csv", rows) for number, rows in enumerate((first, later))]
    found = read(data, files, new)
    assert said(found) == {
        ("recordings:x.wav", "a", "absent", 20.5, 22.5),
        ("recordings:x.wav", "a", "present", 31.0, 33.0),
        ("known.wav", "a", "absent", 9.0, 12.0),
        ("known.wav", "b", "present", 9.0, 12.0),
        ("known.wav", "a", "present", 20.0, 80.0),
        ("known.wav", "a", "absent", 40.0, 43.0),
        ("known.wav", "a", "unknown", 60.0, 63.0),
    }
    assert (
        "verdicts: 1 annotations of tables are replaced, as verdicts say otherwise; the first is a in known.wav from 10 to 11 s"
        in found.remarks
    )


def test_what_is_heard_in_a_long_event_takes_back_nothing_of_a_short_one_in_it(folders, tmp_path):
    """That it is not heard does."""
    data, new = folders
    (data / "known.txt").write_text("5\t6\ta\n5\t6\tb\n")
    rows = [
        row(start=5, end=6, verdict="reject"),
        row(start=0, end=20),
        row("../data/known.wav", 0, 20, verdict="unsure"),
        row("../data/known.wav", 0, 20, label="b", verdict="reject"),
    ]
    assert said(read(data, [write(tmp_path / "v.csv", rows)], new)) == {
        ("recordings:x.wav", "a", "absent", 5.0, 6.0),
        ("recordings:x.wav", "a", "present", 0.0, 20.0),
        ("known.wav", "a", "present", 5.0, 6.0),
        ("known.wav", "a", "unknown", 0.0, 20.0),
        ("known.wav", "b", "absent", 0.0, 20.0),
    }


def test_a_label_of_an_earlier_run_is_taken_as_those_of_tables_are(folders, tmp_path):
    data, new = folders
    (data / "known.txt").write_text("1.0\t2.0\ta\n5.0\t6.0\tA\n")
    (data / "labels.csv").write_text("from,to\nA,a\na,a\nnoise,\nb,c\nx,d\ny,d\n")
    (data / "plain.txt").write_text("1.0\t4.0\tx\n")
    rows = [
        row(label="A"),
        row("../data/known.wav", 5, 6, label="A", verdict="reject"),
        # Of two labels that are one now, one is not there.
        row("../data/plain.wav", 1, 4, label="y", verdict="reject"),
        row("../data/plain.wav", 7, 8, label="y"),
        row("../data/plain.wav", 5, 6, label="y", verdict="relabel", new="x"),
        # All that is said of a recording is left out.
        row("deep/y.wav", label="noise"),
        row(start=3, end=4, label="noise"),
        row(start=5, end=6, label="noise", verdict="reject"),
        row(start=7, end=8, label="noise", verdict="relabel", new="b"),
        # Since then, c is called so.
        row(start=9, end=10, label="c"),
    ]
    options = {"labels": "labels.csv", "verdicts": [write(tmp_path / "v.csv", rows)], "reviewed": str(new)}
    found = own.read(data, options=options)
    assert found.classes == ("a", "c", "d")
    assert not found.quarantined
    assert "recordings:deep/y.wav" in {each.recording_id for each in found.recordings}
    assert said(found) == {
        ("known.wav", "a", "present", 1.0, 2.0),
        ("known.wav", "a", "absent", 5.0, 6.0),
        ("plain.wav", "d", "unknown", 1.0, 4.0),
        ("plain.wav", "d", "present", 5.0, 6.0),
        ("plain.wav", "d", "present", 7.0, 8.0),
        ("recordings:x.wav", "a", "present", 1.0, 2.0),
        ("recordings:x.wav", "c", "present", 7.0, 8.0),
        ("recordings:x.wav", "c", "present", 9.0, 10.0),
    }


def test_a_folder_of_the_data_may_be_a_link_to_what_was_reviewed(folders, tmp_path):
    data, new = folders
    (data / "site").symlink_to(new)
    (data / "x.csv").write_text("path,start,end,label\nsite/x.wav,1,2,a\n")
    found = read(data, [write(tmp_path / "v.csv", [row(verdict="reject"), row("deep/y.wav")])], new)
    assert said(found) == {
        ("known.wav", "a", "present", 1.0, 2.0),
        ("site/x.wav", "a", "absent", 1.0, 2.0),
        ("site/deep/y.wav", "a", "present", 1.0, 2.0),
    }


def test_a_new_label_is_taken_as_those_of_tables_are(folders, tmp_path):
    data, new = folders
    (data / "labels.csv").write_text("from,to\na song,a\nnoise,\n")
    rows = [
        row(label="b", verdict="relabel", new="a song"),
        row(start=3, end=4, label="b", verdict="relabel", new="NoCall"),
        row(start=5, end=6, label="b", verdict="relabel", new="noise"),
        row(start=7, end=8, label="b", verdict="relabel", new="unknown"),
    ]
    options = {
        "labels": "labels.csv",
        "verdicts": [write(tmp_path / "v.csv", rows)],
        "reviewed": str(new),
    }
    found = own.read(data, options=options)
    assert found.classes == ("a", "b")
    assert {each for each in said(found) if each[0] != "known.wav"} == {
        ("recordings:x.wav", "a", "present", 1.0, 2.0),
        ("recordings:x.wav", "b", "absent", 1.0, 2.0),
        ("recordings:x.wav", "b", "absent", 3.0, 4.0),
        ("recordings:x.wav", "b", "absent", 5.0, 6.0),
    }
    (lost,) = found.quarantined
    assert "expected a label, found 'unknown', which is a column of the tables" in lost.reason


def test_two_detections_of_a_call_are_one_annotation_whatever_their_order(folders, tmp_path):
    """As later models find it again, a little longer."""
    data, new = folders
    rows = [row(start=1, end=3), row(start=1.5, end=3.5), row(start=3, end=5)]
    found = [read(data, [write(tmp_path / "v.csv", order)], new) for order in (rows, rows[::-1])]
    assert said(found[0]) == said(found[1])
    assert [each[3:] for each in sorted(said(found[0]))[1:]] == [(1.0, 3.0), (3.0, 5.0)]


def test_a_call_in_a_recording_that_is_labelled_as_a_whole_is_an_annotation(tmp_path):
    (tmp_path / "data/a").mkdir(parents=True)
    (tmp_path / "data/a/one.wav").touch()
    file = write(tmp_path / "v.csv", [row("a/one.wav")])
    found = read(tmp_path / "data", [file], None)
    assert len(said(found)) == 2


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            row(verdict="maybe"),
            "expected a verdict, accept, reject, relabel, unsure or nothing, found 'maybe'",
        ),
        (
            row(verdict="relabel"),
            "expected a new label of what is relabelled, and of nothing else, found none of 'relabel'",
        ),
        (
            row(new="b"),
            "expected a new label of what is relabelled, and of nothing else, found 'b' of 'accept'",
        ),
        (row(start="1,5"), "expected a finite number in column start, found '1,5'; write a decimal point"),
        (row(start=2, end=1), "expected"),
        (row(label="a;b"), "expected a label in plain text"),
        (
            row("gone.wav"),
            "expected a recording of this path in the folder of recordings, found none: 'gone.wav'",
        ),
        (
            row("../stray.wav"),
            "expected a recording of this path in the folder of recordings, found none",
        ),
        (row()[:5], "expected as many values as the header has"),
        (row(verdict="relabel", new="x" * 201), "expected a label in plain text"),
    ],
)
def test_a_row_that_cannot_be_used_is_quarantined_with_its_line(folders, tmp_path, wrong, reason):
    data, new = folders
    found = read(data, [write(tmp_path / "v.csv", [row(start=0), wrong])], new)
    (lost,) = found.quarantined
    assert (lost.kind, lost.place) == ("annotation", "v.csv, line 3")
    assert lost.reason.startswith(reason)
    assert ("recordings:x.wav", "a", "present", 0.0, 2.0) in said(found)


def with_digests(path, rows, folder):
    """A file of verdicts, each with the digest of its recording; an empty one where there is no such recording."""
    held = [file_digests.short(file_digests.identity(folder / each[0])) for each in rows]
    rows = [[*each, digest] for each, digest in zip(rows, held, strict=True)]
    return write(path, rows, (*HEADER, "digest"))


def test_a_verdict_on_another_recording_of_the_same_name_is_quarantined(folders, tmp_path):
    data, new = folders
    file = with_digests(tmp_path / "v.csv", [row(), row("deep/y.wav"), row("gone.wav")], new)
    (gone,) = read(data, [file], new).quarantined
    (new / "x.wav").write_bytes(b"replaced")
    found = read(data, [file], new)
    assert [(each.kind, each.place) for each in found.quarantined] == [
        ("annotation", "v.csv, line 4"),
        ("annotation", "v.csv, line 2"),
    ]
    lost = found.quarantined[1]
    assert re.match(
        r"expected the recording that was reviewed, of sha256:\w{16}, found another one of its name, of sha256:\w{16}: put "
        r"the reviewed one back, name its folder \(reviewed=FOLDER\)",
        lost.reason,
    )
    assert lost.recording_id == "x.wav"
    assert found.quarantined[0] == gone
    assert "recordings:x.wav" not in {each.recording_id for each in found.recordings}
    assert ("recordings:deep/y.wav", "a", "present", 1.0, 2.0) in said(found)
    # A verdict on what is there now counts, and one on what was there before takes nothing back.
    again = with_digests(tmp_path / "again.csv", [row(verdict="reject")], new)
    assert ("recordings:x.wav", "a", "absent", 1.0, 2.0) in said(read(data, [again, file], new))


def test_what_recordings_hold_is_remembered_from_plan_to_plan(folders, tmp_path, monkeypatch):
    data, new = folders
    file = with_digests(tmp_path / "v.csv", [row()], new)
    os.utime(new / "x.wav", (0, 0))
    monkeypatch.setattr(file_digests, "SETTLED", -1.0)
    options = {"verdicts": [file], "reviewed": str(new), "contents": tmp_path / "contents.jsonl"}
    before = own.read(data, options=options)
    monkeypatch.setattr(file_digests, "_digest", lambda path: pytest.fail(f"{path} was read again"))
    assert own.read(data, options=options) == before
    # Without the column, nothing is asked.
    old = write(tmp_path / "old.csv", [row("deep/y.wav")])
    assert own.read(data, options={**options, "verdicts": [old]}).recordings


def test_a_file_that_is_no_file_of_verdicts_stops_the_run(folders, tmp_path):
    data, new = folders
    for text, reason in ((None, "is missing"), ("start,end,label\n", "path, verdict, new_label missing")):
        if text:
            (tmp_path / "v.csv").write_text(text)
        with pytest.raises(InputError, match=f"^verdicts: .*v.csv.*{reason}"):
            read(data, [str(tmp_path / "v.csv")], new)


def test_texts_that_look_like_formulas_come_back(folders, tmp_path):
    data, new = folders
    (new / "-x.wav").touch()
    rows = [row("'-x.wav", label="'=1+1"), row("'-x.wav", label="''=x"), row("'-x.wav", label="'tis")]
    found = read(data, [write(tmp_path / "v.csv", rows)], new)
    assert {a.label for a in found.annotations} == {"a", "=1+1", "'=x", "'tis"}
    assert not found.quarantined


def digests(data, new, files, folder, count=8):
    """By shard, the digest that its jobs have."""
    source = Source(
        "own", str(data), "all", options={"verdicts": files, "reviewed": str(new)}, reviewed=str(new)
    )
    tables, contents = source.read(), file_digests.FileDigests(folder / "contents")
    return {
        name: table_digests.shard(tables, source, name, count, contents)
        for name in (f"{subset}-{number}" for subset in ("train", "test") for number in range(count))
    }


def test_only_the_shards_of_reviewed_recordings_are_made_again(folders, tmp_path):
    data, new = folders
    for number in range(20):
        (new / f"{number}.wav").write_bytes(bytes(number))
    one = [row(f"{number}.wav") for number in range(20)]
    before = digests(data, new, [write(tmp_path / "1.csv", one)], tmp_path)
    another = [*one[:-1], row("19.wav", verdict="reject")]
    after = digests(data, new, [write(tmp_path / "2.csv", another)], tmp_path)
    assert len([name for name in before if before[name] != after[name]]) == 1
    # Verdicts on detections of a file that changed: its shard as well.
    (new / "3.wav").write_bytes(b"other")
    changed = digests(data, new, [str(tmp_path / "2.csv")], tmp_path)
    assert len([name for name in after if after[name] != changed[name]]) == 1


def test_moved_folders_make_nothing_again(folders, tmp_path):
    data, new = folders
    file = write(tmp_path / "v.csv", [row(), row("deep/y.wav", verdict="reject"), row("gone.wav")])
    before = digests(data, new, [file], tmp_path)
    rows = table_digests.rows(read(data, [file], new))
    data.rename(tmp_path / "other data")
    new.rename(tmp_path / "other")
    (tmp_path / "files").mkdir()
    Path(file).rename(tmp_path / "files/v.csv")
    places = tmp_path / "other data", tmp_path / "other", [str(tmp_path / "files/v.csv")]
    assert digests(*places, tmp_path) == before
    assert table_digests.rows(read(places[0], places[2], places[1])) == rows


def test_what_was_drawn_is_read_with_and_without_a_verdict(tmp_path, capsys):
    rows = [row(), row(start=3, verdict=""), row(start=4, verdict="maybe"), row(inclusion="")]
    found = list(verdicts.sampled(Path(write(tmp_path / "v.csv", rows))))
    assert found == [
        ("x.wav", 1.0, 2.0, "a", "accept", 0.5, 1, 4, 0, "r"),
        ("x.wav", 3.0, 2.0, "a", "", 0.5, 1, 4, 0, "r"),
    ]
    ordered = write(tmp_path / "ordered.csv", [[*row(), 7]], (*HEADER, "stratum_order"))
    assert [each.stratum_order for each in verdicts.sampled(Path(ordered))] == [7]
    assert capsys.readouterr().out.startswith("v.csv, line 4: expected a verdict")


# ---- The workflow


def test_the_program_and_the_style_of_the_page_are_code_of_its_rule(tmp_path):
    scripts = Path(page.__file__).resolve().parents[2]
    code = code_digests.code_of(scripts / "build_review.py", scripts)["code"]
    assert {"understory/review/page.js", "understory/review/page.css"} <= set(code)
    (tmp_path / "job.py").write_text("import beside\n")
    (tmp_path / "beside.py").write_text("")
    found = []
    for number in range(2):
        code_digests._beside.cache_clear()
        (tmp_path / "beside.js").write_text(f"let x = {number}")
        found.append(code_digests.code_of(tmp_path / "job.py", tmp_path))
    assert found[0] != found[1]


def test_a_run_ends_with_what_verdicts_say(tmp_path):
    found = sampling.chosen(events({"a": 9, "b": 9}), order="sample", items=18, above=0, seed=0)
    rows = judged(found, np.ones(18, bool))
    rows.loc[rows.label == "b", "verdict"] = "unsure"
    store.write_table(tmp_path / "review" / "precision.csv", precision.table(rows))
    assert summary.precision(tmp_path) == [
        "precision    a: 100 % (no interval, as all are reviewed) of 9 detections, 9 reviewed",
        "precision    b: unknown of 9 detections, 9 reviewed",
    ]
    # But the last one of a stratum.
    last = rows[rows.label == "a"].stratum_order.idxmax()
    most = rows.assign(verdict=rows.verdict.where(rows.index != last, ""))
    store.write_table(tmp_path / "review" / "precision.csv", precision.table(most))
    assert "precision    a: 100 % (95 % interval " in summary.precision(tmp_path)[0]
    rows.loc[rows.stratum_order == 1, "verdict"] = ""
    store.write_table(tmp_path / "review" / "precision.csv", precision.table(rows))
    count = found[found.label == "a"].stratum.nunique()
    assert summary.precision(tmp_path)[0] == (
        f"precision    a: unknown of 9 detections, {9 - count} reviewed and {count} skipped before them: review those as well"
    )
    store.write_table(tmp_path / "review" / "precision.csv", precision.table(rows.assign(inclusion=0.0)))
    assert summary.precision(tmp_path) == [
        "precision    unknown, as no verdict is on a random sample (review.order: sample)"
    ]


def test_verdicts_that_train_nothing_are_told_of():
    config = {"verdicts": "v.csv", "models_from": None, "dataset": "rfcx"}
    (said,) = preflight.verdict_remarks(config)
    assert (
        said == "verdicts: they tell the precision alone, as they become annotations of dataset own, not rfcx"
    )
    for change in ({"verdicts": None}, {"models_from": "results/own"}, {"dataset": "own"}):
        assert preflight.verdict_remarks({**config, **change}) == []
