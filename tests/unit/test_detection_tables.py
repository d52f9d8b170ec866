"""Detections: thresholds of classes, tables that are read back, names of recorders, shards, and what is said at the end."""

import csv
import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understory.annotations import files as annotation_files
from understory.annotations import recordings
from understory.core import files, text
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.data import band
from understory.data.calibration import ClassCalibration
from understory.data.dataset import Annotation
from understory.data.task import Task
from understory.inference import detections, events, new_recordings, recorder_names, tables, window_scores
from understory.inference.tables import Detection
from understory.report import detections_page
from understory.run import summary

SETTINGS = {
    "precision": 0.9,
    "band": [100.0, 15_000.0],
    "hop": 1.0,
    "low": 1.0,
    "merge_gap": 0.0,
    "min_duration": 0.0,
    "smoothing": 1,
    "threshold": None,
}
TASK = Task(["owl", "frog", "none", "new"], False, "lwlrap", "recording", "example", "none", ("new",))


def calibrated(label, threshold, reason=None):
    return ClassCalibration(label, "isotonic", (0.2, 0.8), (0.1, 0.9), threshold, 0.9, None, 50, reason)


def test_each_class_has_the_threshold_that_there_is_for_it():
    known = {"owl": calibrated("owl", 0.7), "frog": calibrated("frog", None, "not enough data: 3 events")}
    owl, frog, none, new = detections.criteria(TASK, known, SETTINGS)
    assert (owl.threshold, owl.calibration) == (0.7, known["owl"])
    # Detected at a threshold that promises nothing, without a probability.
    assert (frog.threshold, frog.calibration) == (0.5, None)
    assert "not enough data: 3 events" in frog.why
    assert none.threshold == new.threshold == math.inf
    fixed = detections.criteria(TASK, known, {**SETTINGS, "threshold": 0.3})
    assert [each.threshold for each in fixed] == [0.3, 0.3, math.inf, math.inf]
    assert fixed[0].calibration == known["owl"]
    without = detections.criteria(TASK, {}, SETTINGS)
    assert [each.threshold for each in without] == [0.5, 0.5, math.inf, math.inf]
    assert "not calibrated" in without[0].why


def test_settings_that_thresholds_were_not_chosen_for_are_said():
    known = {"owl": calibrated("owl", 0.7)}
    for chosen_for, said in (
        ({"hop": 1.0, "smoothing": 1, "precision": 0.9}, "chosen out of fold"),
        (
            {"hop": 2.0, "smoothing": 1},
            "chosen out of fold with hop 2.0 in place of 1.0: precision may be another",
        ),
        (
            {"precision": 0.5},
            "chosen out of fold with precision 0.5 in place of 0.9: precision may be another",
        ),
    ):
        assert detections.criteria(TASK, known, SETTINGS, chosen_for)[0].why == said


def scored(path, scores):
    scores = np.array(scores, dtype=np.float32)
    starts = np.arange(len(scores), dtype=float)
    return events.Scored(path, starts, starts + 3, scores)


def test_detections_have_probabilities_and_bands():
    task = TASK._replace(bands={"owl": [300.0, 900.0]})
    known = {"owl": calibrated("owl", 0.5)}
    chosen = detections.criteria(task, known, SETTINGS)
    owl, frog = detections.of_recording(scored("a.wav", [[0.8, 0, 1, 1], [0, 0.75, 1, 1]]), chosen, SETTINGS)
    assert owl == ("a.wav", 0.0, 2.0, "owl", pytest.approx(0.8), pytest.approx(0.9), 0.5, 300.0, 900.0)
    assert frog == ("a.wav", 2.0, 4.0, "frog", 0.75, None, 0.5, None, None)


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(str.strip)
TIMES = st.tuples(st.integers(0, 90_000_000), st.integers(1, 20_000))
NUMBERS = st.floats(0, 1, width=32)


@st.composite
def found(draw):
    start, length = draw(TIMES)
    low, high = draw(st.sampled_from([(None, None), (0.0, 400.0), (1234.5, 7000.0)]))
    path = draw(st.sampled_from(["a.wav", "b/Käuz\n2.flac", 'c, "d".WAV']))
    likely = draw(st.none() | NUMBERS)
    label = draw(TEXT).strip()
    return Detection(
        path, start / 1000, (start + length) / 1000, label, draw(NUMBERS), likely, 0.5, low, high
    )


@given(rows=st.lists(found(), max_size=8))
def test_detections_are_read_back_as_they_were(rows, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "detections.csv"
    tables.write_detections(path, rows)
    back = tables.read_detections(path)
    for before, after in zip(rows, back, strict=True):
        assert after[:4] == before[:4]
        numbers = [[-1 if value is None else value for value in each[4:]] for each in (before, after)]
        assert numbers[1] == pytest.approx(numbers[0], rel=1e-8)


@pytest.fixture
def written(tmp_path):
    """The detections of some recordings, and the folder where their tables are."""
    names = ["new/käuz 1.wav", "new/käuz 1.flac", "b.wav", "silent.wav"]
    task = TASK._replace(bands={"owl": [300.0, 900.0]})
    known = {"owl": calibrated("owl", 0.5)}
    scores = [[[0.8, 0.6, 0, 0], [0, 0.75, 0, 0]]] * 3 + [[[0.1, 0.1, 0, 0]]]
    recordings = [scored(*each) for each in sorted(zip(names, scores, strict=True))]
    places = {
        name: tmp_path / (name if name in ("raven", "audacity") else f"{name}.csv")
        for name in detections.FILES
    }
    assert detections.write(recordings, detections.criteria(task, known, SETTINGS), SETTINGS, places) == 6
    return tables.read_detections(places["detections"]), tmp_path


def read_back(path):
    """The events of an annotation table, as the reader of one's own recordings sees them."""
    kind, events = annotation_files.read(path, {})
    assert not any(event.wrong for event in events)
    return (
        kind,
        [
            (*(float(event.fields[name]) for name in ("start", "end")), event.fields["label"])
            for event in events
        ],
        [(float(event.fields.get("low") or -1), float(event.fields.get("high") or -1)) for event in events],
    )


def test_tables_are_read_back_by_the_formats_of_annotations(written):
    rows, folder = written
    assert [each.path for each in rows] == sorted(each.path for each in rows)
    found = recordings.Recordings(sorted({each.path for each in rows}))
    for kind, name in (("Raven selection tables", "raven"), ("Audacity label tracks", "audacity")):
        seen = {}
        for path in sorted((folder / name).rglob("*.txt")):
            table = path.relative_to(folder / name).as_posix()
            of = found.of_table(table)
            read, events, bands = read_back(path)
            assert read == kind
            own = [each for each in rows if each.path == of]
            assert events == [(each.start, each.end, each.label) for each in own]
            # Raven has no selection without a band: it has that which models are fed.
            other = (100.0, 15_000.0) if name == "raven" else (-1, -1)
            assert bands == [other if each.low is None else (each.low, each.high) for each in own]
            seen[of] = path
        # None of a recording without an event; two that differ in their suffix alone are told apart.
        assert sorted(seen) == ["b.wav", "new/käuz 1.flac", "new/käuz 1.wav"]
    _, events, _ = read_back(folder / "detections.csv")
    assert len(events) == len(rows)


def test_a_table_of_a_long_name_has_a_name_that_disks_take(tmp_path):
    long = "ä" * 120 + ".wav"
    row = Detection(long, 0, 1, "owl", 0.9, None, 0.5, None, None)
    tables.write_raven(tmp_path, tables.stems([long])[long], [row], (0, 1))
    (path,) = tmp_path.iterdir()
    assert len(path.name.encode()) <= 255


def test_a_summary_counts_by_class_recording_and_hour(written):
    _, folder = written
    rows = list(csv.reader((folder / "summary.csv").open()))
    assert rows[0] == ["label", "recording", "hour", "events", "seconds"]
    assert ["frog", "b.wav", "+00:00", "1", "4.0"] in rows
    assert ["owl", "b.wav", "+00:00", "1", "2.0"] in rows
    recordings = list(csv.DictReader((folder / "recordings.csv").open()))
    assert {row["path"]: row["events"] for row in recordings}["silent.wav"] == "0"


@pytest.mark.parametrize(
    ("name", "began"),
    [
        ("20240503_041500.WAV", datetime(2024, 5, 3, 4, 15)),
        ("a/b/20240503_041500T.WAV", datetime(2024, 5, 3, 4, 15)),
        ("AM7_20240503_041500.wav", datetime(2024, 5, 3, 4, 15)),
        ("5CCBB6F4.WAV", datetime(2019, 5, 3, 3, 35, 16)),
        ("SMA01234_20240503_041500.wav", datetime(2024, 5, 3, 4, 15)),
        ("S4A01234_0+1_20240503_041500.wav", datetime(2024, 5, 3, 4, 15)),
        ("SM404230_20240503_041500_000.wav", datetime(2024, 5, 3, 4, 15)),
        ("2024-05-03T04-15-00Z.flac", datetime(2024, 5, 3, 4, 15)),
        ("2024-05-03T04:15:00+02:00.flac", datetime(2024, 5, 3, 4, 15)),
        ("20240503T041500+0200_REC.flac", datetime(2024, 5, 3, 4, 15)),
        ("2024-05-03 04.15.00.wav", datetime(2024, 5, 3, 4, 15)),
        ("20241303_041500.wav", None),
        ("20240503_246000.wav", None),
        ("120240503_041500.wav", None),
        ("2024-0503_041500.wav", None),
        ("20240503.wav", None),
        ("58123456.wav", None),
        ("DEADBEEF.wav", None),
        ("owl.wav", None),
    ],
)
def test_names_of_recorders_say_when_a_recording_began(name, began):
    assert recorder_names.began(name) == began


def test_hours_are_of_the_day_or_from_the_beginning():
    assert recorder_names.hour("20240503_235900.WAV", 30) == "2024-05-03 23:00"
    assert recorder_names.hour("20240503_235900.WAV", 60) == "2024-05-04 00:00"
    assert recorder_names.hour("owl.wav", 3599.9) == "+00:00"
    assert recorder_names.hour("owl.wav", 90_000) == "+25:00"


def new(folder, sizes, shards=None):
    folder.mkdir(exist_ok=True)
    for name, size in sizes.items():
        with open(folder / name, "wb") as file:
            file.truncate(size)
    return new_recordings.NewRecordings(folder, list(sizes), FileDigests(folder / "index"), shards)


def test_shards_are_by_size_and_no_more_than_recordings(tmp_path):
    day = 86_400 * 48_000
    assert new(tmp_path, {"a.flac": day}).count == 1
    assert new(tmp_path, {f"{n}.flac": 48_000 for n in range(50)}).count == 1
    some = new(tmp_path, {f"{n}.flac": 3600 * 48_000 for n in range(12)})
    assert some.count == 8
    assert some.seconds() == 12 * 3600
    assert sum(map(some.seconds, some.shards)) == 12 * 3600
    assert new(tmp_path, {"a.flac": day}, shards=3).shards == ["new-0", "new-1", "new-2"]


def test_a_new_file_changes_the_digest_of_its_shard_alone(tmp_path):
    names = [f"{n}.wav" for n in range(9)]
    before = new(tmp_path, dict.fromkeys(names, 10), shards=3)
    kept = {shard: before.digest(shard) for shard in before.shards}
    after = new(tmp_path, dict.fromkeys([*names, "another.wav"], 10), shards=3)
    changed = [shard for shard in after.shards if after.digest(shard) != kept[shard]]
    assert changed == [new_recordings.shard_of("another.wav", 3)]
    (tmp_path / "0.wav").write_bytes(b"other")
    (tmp_path / "1.wav").unlink()
    changed = {shard for shard in before.shards if before.digest(shard) != kept[shard]}
    assert changed == {new_recordings.shard_of(name, 3) for name in ("0.wav", "1.wav")}


def test_a_name_that_is_no_text_is_named_in_the_first_shard(tmp_path):
    name = b"\xff.wav".decode(errors="surrogateescape")
    assert text.in_text("Käuz.wav")
    assert not text.in_text(name)
    with_it = new_recordings.NewRecordings(tmp_path, [name], FileDigests(tmp_path / "i"), 2)
    without = new(tmp_path, {"a.wav": 1}, shards=2)
    assert with_it.digest("new-0") != without.digest("new-0")
    assert with_it.digest("new-1") != with_it.digest("new-0")


def test_a_folder_without_recordings_is_refused(tmp_path):
    for folder, found in ((tmp_path, "none in"), (tmp_path / "no", "none at")):
        with pytest.raises(
            InputError, match=f"^recordings: expected a folder with sound files .*found {found}"
        ):
            new_recordings.NewRecordings(folder, [], FileDigests(tmp_path / "i"))


def test_window_scores_are_read_back_recording_by_recording(tmp_path, monkeypatch):
    # A row group has two rows of the two classes.
    monkeypatch.setattr(window_scores, "CELLS", 4)
    # Some recordings begin in one batch and end in the next.
    monkeypatch.setattr(window_scores, "ROWS", 3)
    rng = np.random.default_rng(1)
    every = {f"{n:02}": rng.random((n % 4 + 1, 2)).astype(np.float32) for n in range(9)}
    for shard in range(2):
        writer = window_scores.Writer(tmp_path / f"{shard}.parquet", ["owl", "frog"])
        for number, (name, scores) in enumerate(every.items()):
            if number % 3 == shard or (shard and number % 3 == 2):
                starts = np.arange(len(scores)) / 2
                writer.add(name, starts[:1], starts[:1] + 3, scores[:1])
                writer.add(name, starts[1:], starts[1:] + 3, scores[1:])
        writer.close()
    back = list(window_scores.read([tmp_path / "0.parquet", tmp_path / "1.parquet"]))
    assert [each.path for each in back] == list(every)
    for each in back:
        assert (each.scores == every[each.path]).all()
        assert each.scores.dtype == np.float32
        assert each.starts.tolist() == [n / 2 for n in range(len(each.scores))]
        assert (each.stops == each.starts + 3).all()


def test_shards_without_a_recording_have_a_file_all_the_same(tmp_path):
    window_scores.Writer(tmp_path / "a.parquet", ["owl"]).close()
    assert list(window_scores.read([tmp_path / "a.parquet"])) == []


def test_the_typical_band_of_a_class_is_that_of_its_medians():
    rows = [
        Annotation("a", "owl", "present", 0, 1, 100, 900),
        Annotation("a", "owl", "present", 1, 2, 300, 1000),
        Annotation("a", "owl", "present", 2, 3, 320, 5000),
        Annotation("a", "owl", "absent", 2, 3, 1, 2),
        Annotation("a", "owl", "present", 4, 5),
        Annotation("a", "frog", "present", 4, 5),
    ]
    assert band.typical(rows) == {"owl": [300, 1000]}


def test_the_last_lines_say_what_was_found_and_what_was_not_read(tmp_path):
    folder = tmp_path / "detections"
    folder.mkdir()
    rows = [["a.wav", "3600.0", "", 3], ["b.wav", "3600.0", "", 0]]
    files.write_rows(folder / "recordings.csv", ["path", "seconds", "began", "events"], rows)
    files.write_rows(folder / "failed.csv", ["path", "reason"], [["x\ny.wav", "found nothing"]])
    other = "chosen out of fold with hop 2.0 in place of 1.0: precision may be another"
    thresholds = [
        ["owl", "0.5", "no threshold of its own: not calibrated"],
        ["frog", "0.7", "chosen out of fold"],
        ["bat", "0.8", other],
    ]
    files.write_rows(folder / "thresholds.csv", ["label", "threshold", "why"], thresholds)
    files.write_rows(folder / "summary.csv", ["label", "recording"], [["frog", "a.wav"], ["frog", "b.wav"]])
    said = "\n".join(summary.detections(tmp_path))
    assert "(3 events in 1 of 2 recordings, 2.0 h)" in said
    assert "no event     of 2 of 3 classes: owl, bat" in said
    assert "without one of its own: 1 of 3 classes, such as owl (0.5; not calibrated), see " in said
    assert (
        "chosen with: 1 of 3 classes, such as bat (0.8; hop 2.0 in place of 1.0: precision may be another)"
        in said
    )
    assert "1 recording, see " in said
    assert "x y.wav: found nothing" in said


def test_activity_is_for_each_hour_that_was_recorded():
    hours = detections_page._hours("2024-05-03 23:30:00", 2 * 3600)
    assert hours == {23: 0.5, 0: 1.0, 1: 0.5}
    assert detections_page._hours("", 5400) == {0: 1.0, 1: 0.5}
    recordings = [{"path": "a", "seconds": "7200", "began": "2024-05-03 23:30:00", "events": "2"}]
    rows = [
        {"label": "owl & frog", "recording": "a", "hour": "2024-05-03 23:00", "events": "2", "seconds": "3"}
    ]
    labels, rates = detections_page.hourly(rows, recordings, dated=True)
    assert labels == ["owl & frog"]
    # Two events in half an hour, none in the hour after it, and of other hours nothing is known.
    assert rates[0, 23] == 4
    assert rates[0, 0] == 0
    assert np.isnan(rates[0, 2:23]).all()
    svg, said = detections_page.activity(rows, recordings)
    assert b"owl &amp; frog" in svg
    assert "hour of the day" in said
    undated = [{**recordings[0], "began": ""}]
    svg, said = detections_page.activity([{**rows[0], "hour": "+01:00"}], undated)
    assert b"owl &amp; frog" in svg
    assert "from the beginning of each recording" in said
    # Of no event there is a figure as well.
    assert detections_page.activity([], recordings)[0].startswith(b"<?xml")


def test_the_page_shows_the_highest_events_of_each_class():
    rows = [Detection("a.wav", n, n + 1, "owl", n / 10, None, 0.5, None, None) for n in range(9)]
    rows += [Detection("<b>.wav", 0, 1, "frog", 0.5, 0.75, 0.5, None, None)]
    shown = detections_page.chosen(rows)
    assert [each.score for each in shown["owl"]] == [0.8, 0.7, 0.6, 0.5]
    many = [Detection("a", 0, 1, f"c{n}", 0.5, None, 0.5, None, None) for n in range(100)] * 2
    assert sum(map(len, detections_page.chosen(many).values())) == detections_page.IMAGES
    wave = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    each = shown["frog"][0]
    excerpt = detections_page.Excerpt(
        each.path, "frog", 0, 1, 0, each.score, each.probability, wave, 16_000, (100, 8000)
    )
    silent = excerpt._replace(wave=np.zeros(100, dtype=np.float32))
    page = detections_page.build(
        "x", {"frog": [excerpt, silent]}, {"frog": 2}, (b'<svg width="9pt"/>', "s"), 1
    )
    assert "score 0.500, probability 0.75 · &lt;b&gt;.wav, 0.0 to 1.0 s" in page
    assert "1 recording could not be read" in page
    assert page.count("data:image/webp") == 2
    assert "http" not in page.replace("http-equiv", "")
