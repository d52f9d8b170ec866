"""BirdCLEF 2021: the competition's own tables, and hand-made ones."""

import csv
import math
from collections import Counter

import birdclef_format
import numpy as np
import pandas as pd
import pytest
import soundfile

from understory.audio import inspect, ogg
from understory.core.errors import InputError
from understory.data import store
from understory.data.dataset import Annotation
from understory.data.source import Source
from understory.datasets import birdclef2021
from understory.synthetic import birdclef2021 as birdclef2021_replica
from understory.synthetic import soundscapes as synthesis
from understory.synthetic.clips import Clips

METADATA = (
    "primary_label,secondary_labels,type,latitude,longitude,scientific_name,common_name,author,date,filename,license,"
    "rating,time,url"
)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def layout(real, tmp_path):
    """The real tables under the competition's names, beside empty soundscapes of the real names."""
    source = real("birdclef-2021")
    for name, given in {
        "train_soundscape_labels.csv": "train_soundscape_labels.csv",
        "train_metadata.csv": "train_metadata_subset.csv",
        "sample_submission.csv": "submission_example.csv",
        "train_short_audio": "train_short_audio",
    }.items():
        (tmp_path / name).symlink_to(source / given)
    (tmp_path / "train_soundscapes").mkdir()
    for row in rows_of(source / "train_soundscape_files.csv"):
        (tmp_path / "train_soundscapes" / row["filename"]).touch()
    return tmp_path


def test_the_real_labels_of_the_soundscapes(layout):
    (layout / "train_metadata.csv").unlink()
    found = birdclef2021.read(layout, "soundscapes")
    assert (found.quarantined, found.unvalidated) == ((), frozenset())
    assert (found.shared_windows, found.exhaustive) == (True, True)
    assert len(found.classes) == 1 + 48
    assert list(found.classes) == sorted(found.classes)
    windows = {}
    for a in found.annotations:
        assert (a.presence, a.t_max - a.t_min, a.f_min, a.f_max) == ("present", 5.0, 0.0, math.inf)
        windows.setdefault((a.recording_id, a.t_max), set()).add(a.label)
    assert len(windows) == 2400
    assert sum(labels == {"nocall"} for labels in windows.values()) / 2400 == pytest.approx(0.637, abs=5e-4)
    assert sum(len(labels) > 1 for labels in windows.values()) == 244
    assert len(found.recordings) == 20
    assert Counter(name for name, _ in windows) == {r.recording_id: 120 for r in found.recordings}
    assert "train_soundscapes/7019_COR_20190904.ogg" in {r.path for r in found.recordings}
    assert all((layout / r.path).is_file() for r in found.recordings)


def test_the_real_folder_as_it_lies(real):
    """Neither clips nor test windows are asked for where they are not needed; a soundscape that is not there is missed."""
    source = Source("birdclef2021", str(real("birdclef-2021")), "soundscapes")
    found = source.read()
    assert (len(found.recordings), len(found.classes), found.quarantined) == (20, 49, ())
    assert source.missing(found) == list(found.recordings)
    assert "train_soundscapes/7019_COR_*.ogg" in {r.path for r in found.recordings}


def test_the_real_clips(layout):
    found = birdclef2021.read(layout)
    assert found.quarantined == ()
    assert len(found.unvalidated) == 15
    assert len(found.classes) == 1 + 48 + 2
    of = found.annotations_of
    assert of["XC109605"] == [
        Annotation("XC109605", "acafly", "present"),
        Annotation("XC109605", "amegfi", "unknown"),
    ]
    # A secondary label that is no class.
    assert of["XC129974"] == [Annotation("XC129974", "acafly", "present")]
    assert found.places[of["XC109605"][1]] == "train_metadata.csv, line 2"
    clips = {r.recording_id: layout / r.path for r in found.recordings if r.recording_id in found.unvalidated}
    there = [name for name, path in clips.items() if path.exists()]
    assert sorted(there) == ["XC109605", "XC11209"]
    for name in there:
        rate, channels, _ = inspect.inspect_file(clips[name])
        assert (rate, channels) == (32_000, 1)


def test_the_real_names_of_all_clips_are_ids(real, tmp_path):
    """62,874 clips of 397 species have names of their own."""
    rows = rows_of(real("birdclef-2021") / "train_filenames_by_label.csv")
    (tmp_path / "train_soundscape_labels.csv").symlink_to(
        real("birdclef-2021") / "train_soundscape_labels.csv"
    )
    with open(tmp_path / "train_metadata.csv", "w") as file:
        file.write("primary_label,secondary_labels,filename\n")
        file.writelines(f"{row['primary_label']},[],{row['filename']}\n" for row in rows)
    found = birdclef2021.read(tmp_path)
    assert found.quarantined == ()
    assert (len(found.unvalidated), len(found.recordings)) == (62_874, 62_874 + 20)
    assert len(found.classes) == 398


def test_a_real_submission_has_the_form_that_is_checked(layout, tmp_path):
    sample = layout / "sample_submission.csv"
    birdclef_format.check(sample, sample)
    id_column, ids, columns = template = birdclef2021.submission_template(layout)
    assert (id_column, len(ids), columns) == ("row_id", 2400, ["birds"])
    rows = rows_of(sample)
    # What is predicted in another order comes back as the sample has it.
    windows = [(*row["row_id"].rpartition("_")[::2], row["birds"].split()) for row in rows]
    windows.sort(key=lambda window: (window[0], int(window[1])))
    predictions = pd.DataFrame(
        {
            "recording_id": [name for name, _, _ in windows],
            "start": [float(stop) - 5 for _, stop, _ in windows],
            "stop": [float(stop) for _, stop, _ in windows],
        }
    )
    table = birdclef2021.submission(
        template, predictions, [[] if b == ["nocall"] else b[::-1] for _, _, b in windows]
    )
    assert table.to_dict("records") == rows
    table.to_csv(tmp_path / "submission.csv", index=False, lineterminator="\n")
    birdclef_format.check(tmp_path / "submission.csv", sample)
    for old, new in (("grycat", "Grycat"), ("row_id,birds", "row_id,bird"), ("_SSW_5,", "_SSW_6,")):
        text = sample.read_text().replace(old, new, 1)
        (tmp_path / "submission.csv").write_text(text)
        with pytest.raises(AssertionError):
            birdclef_format.check(tmp_path / "submission.csv", sample)


GOOD = "7_COR_5,COR,7,5,nocall\n7_COR_10,COR,7,10,acafly amegfi"


def hand_made(
    folder, labels=GOOD, clips="", files=("7_COR_20190904.ogg", "7_COR_copy.ogg"), test="9_SNE_5,SNE,9,5"
):
    """A small data set; `clips` are rows of label, secondary labels and file name."""
    (folder / "train_soundscape_labels.csv").write_text(f"row_id,site,audio_id,seconds,birds\n{labels}\n")
    (folder / "test.csv").write_text(f"row_id,site,audio_id,seconds\n{test}\n")
    with open(folder / "train_metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, METADATA.split(","), restval="x", lineterminator="\n")
        writer.writeheader()
        for label, secondary, name in clips or [("acafly", "[]", "XC1.ogg")]:
            writer.writerow({"primary_label": label, "secondary_labels": secondary, "filename": name})
    (folder / "train_soundscapes").mkdir()
    for name in files:
        (folder / "train_soundscapes" / name).touch()
    return folder


def test_a_window_has_all_its_labels(tmp_path):
    found = birdclef2021.read(hand_made(tmp_path))
    assert found.classes == ("acafly", "amegfi", "nocall")
    assert found.annotations_of["7_COR"] == [
        Annotation("7_COR", "acafly", "present", 5.0, 10.0),
        Annotation("7_COR", "amegfi", "present", 5.0, 10.0),
        Annotation("7_COR", "nocall", "present", 0.0, 5.0),
    ]
    assert [(r.recording_id, r.path) for r in found.recordings] == [
        ("7_COR", "train_soundscapes/7_COR_20190904.ogg"),
        ("XC1", "train_short_audio/acafly/XC1.ogg"),
        ("9_SNE", "test_soundscapes/9_SNE_*.ogg"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("7_COR_15,COR,7,15,", "expected nocall or codes of species in column birds, found none"),
        ("7_COR_15,COR,7,15,nocall acafly", "found both: 'nocall acafly'"),
        ("7_COR_15,COR,7,15,acafly acafly", "expected each code once in column birds, found 'acafly acafly'"),
        ("7_COR_15,COR,7,15,Acafly", "expected codes of lower-case letters and digits in column birds"),
        ("7_COR_15,COR,7,15,acafly;amegfi", "found 'acafly;amegfi'"),
        ("7_COR_15,COR,7,15,acafly fold", "found 'fold', which is a column of the tables"),
        ("7_COR_12,COR,7,12,nocall", "expected a multiple of 5 in column seconds, found 12"),
        ("7_COR_0,COR,7,0,nocall", "expected a multiple of 5 in column seconds, found 0"),
        ("7_COR_-5,COR,7,-5,nocall", "expected a whole number in column seconds, found '-5'"),
        ("7_COR_20,COR,7,15,nocall", "expected the row_id '7_COR_15' by the row's other columns"),
        ("7_SSW_15,COR,7,15,nocall", "found '7_SSW_15'"),
        ("7_COR_015,COR,7,015,nocall", "expected the row_id '7_COR_15'"),
        ("7_COR_10,COR,7,10,amegfi acafly", "duplicate of the annotation"),
        ("7_COR_15,COR,7,15", "expected as many values as the header has, found 4"),
        (
            "8_COR_5,COR,8,5,nocall",
            "expected one file train_soundscapes/8_COR_*.ogg, found 8_COR_20190101.ogg, ",
        ),
        (
            "9_SNE_5,SNE,9,5,nocall",
            "found that it is another recording as well, test_soundscapes/9_SNE_*.ogg",
        ),
    ],
)
def test_rows_of_labels_that_make_no_sense_are_set_aside(tmp_path, row, reason):
    files = ("7_COR_20190904.ogg", "8_COR_20190101.ogg", "8_COR_20190202.ogg")
    found = birdclef2021.read(hand_made(tmp_path, f"{GOOD}\n{row}", files=files))
    (item,) = found.quarantined
    assert item[:2] == ("train", "annotation")
    assert item.place == "train_soundscape_labels.csv, line 4"
    assert reason in item.reason
    assert len(found.annotations) == 4
    assert found.classes == ("acafly", "amegfi", "nocall")


def test_a_window_told_twice_in_different_words_is_set_aside_altogether(tmp_path):
    found = birdclef2021.read(hand_made(tmp_path, f"{GOOD}\n7_COR_10,COR,7,10,nocall"), "soundscapes")
    assert [(q.place[-1], q.recording_id, q.reason) for q in found.quarantined] == [
        (line, "7_COR", "expected each row_id once, found this one again with other birds") for line in "34"
    ]
    assert found.classes == ("nocall",)


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        *(
            (("acafly", text, "XC2.ogg"), "expected a list such as")
            for text in (
                "",
                "amegfi",
                "('amegfi',)",
                "[1]",
                "['amegfi'",
                "[" * 1000,
                "__import__('os')",
                "1_",
            )
        ),
        (("acafly", "['Amegfi']", "XC2.ogg"), "lower-case letters and digits in column secondary_labels"),
        (
            ("aca/fly", "[]", "XC2.ogg"),
            "lower-case letters and digits in column primary_label, found 'aca/fly'",
        ),
        (("acafly", "[]", "../../XC2.ogg"), "expected a file within the data folder"),
        (("acafly", "[]", ""), "expected a recording id in plain text"),
        (("acafly", "[]", "XC1.ogg"), "duplicate of the annotation"),
        (("amegfi", "[]", "XC1.ogg"), "found that it is another recording as well, train_short_audio/acafly"),
        (
            ("acafly", "[]", "7_COR.ogg"),
            "found that it is another recording as well, train_soundscapes/7_COR",
        ),
    ],
)
def test_clips_that_make_no_sense_are_set_aside(tmp_path, clip, reason):
    first = ("acafly", "['amegfi', 'acafly', 'amegfi', 'whwbec1']", "XC1.ogg")
    found = birdclef2021.read(hand_made(tmp_path, clips=[first, clip]))
    (item,) = found.quarantined
    assert item[:2] == ("train", "annotation")
    assert item.place == "train_metadata.csv, line 3"
    assert reason in item.reason
    assert found.unvalidated == {"XC1"}
    assert found.annotations_of["XC1"] == [
        Annotation("XC1", "acafly", "present"),
        Annotation("XC1", "amegfi", "unknown"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("9_SNE_5,SNE,9,5", "expected each row_id once, found this one again"),
        ("9_SNE_7,SNE,9,7", "expected a multiple of 5 in column seconds, found 7"),
        ("9_SNE_10,COL,9,10", "expected the row_id '9_COL_10'"),
        ("../9_SNE_5,SNE,../9,5", "expected a file within the data folder"),
    ],
)
def test_rows_of_test_windows_that_make_no_sense_are_set_aside(tmp_path, row, reason):
    found = birdclef2021.read(hand_made(tmp_path, test=f"9_SNE_5,SNE,9,5\n9_SNE_10,SNE,9,10\n{row}"))
    (item,) = found.quarantined
    assert item[:2] == ("test", "recording")
    assert item.place == "test.csv, line 4"
    assert reason in item.reason
    assert [r.recording_id for r in found.recordings if r.subset == "test"] == ["9_SNE"]


def test_training_tables_are_only_asked_for_where_they_are_used(tmp_path):
    hand_made(tmp_path)
    (tmp_path / "test_soundscapes").mkdir()
    for name in ("9_SNE_20200101.ogg", "test_set_recording_dates.txt", "SNE_recording_location.txt"):
        (tmp_path / "test_soundscapes" / name).touch()
    (tmp_path / "train_metadata.csv").unlink()
    assert birdclef2021.read(tmp_path, "soundscapes").classes == ("acafly", "amegfi", "nocall")
    with pytest.raises(InputError, match=r"train_metadata.csv is missing"):
        birdclef2021.read(tmp_path)
    (tmp_path / "train_soundscape_labels.csv").unlink()
    (recording,) = birdclef2021.read(tmp_path, train=False).recordings
    assert recording == ("9_SNE", "test_soundscapes/9_SNE_20200101.ogg", "test")
    with pytest.raises(InputError, match=r"train_soundscape_labels.csv is missing"):
        birdclef2021.read(tmp_path, "soundscapes")
    (tmp_path / "test.csv").unlink()
    with pytest.raises(InputError, match=r"test.csv is missing"):
        birdclef2021.read(tmp_path, train=False)


def test_a_folder_that_cannot_be_read_is_named(tmp_path):
    (hand_made(tmp_path) / "test_soundscapes").symlink_to("test_soundscapes")
    with pytest.raises(
        InputError, match=r"test_soundscapes cannot be read \(.*\): expected a folder of soundscapes"
    ):
        birdclef2021.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "row_id,birds,other\n9_SNE_5,nocall,1\n",
            "expected the columns row_id and birds alone, found row_id",
        ),
        ("row_id,species\n9_SNE_5,nocall\n", "birds missing, found row_id, species"),
        ("row_id,birds\n9_\tSNE_5,nocall\n", "expected ids in plain text"),
    ],
)
def test_a_sample_submission_that_will_not_do(tmp_path, content, said):
    (tmp_path / "sample_submission.csv").write_text(content)
    with pytest.raises(InputError, match=said):
        birdclef2021.submission_template(tmp_path)


def test_windows_come_to_their_rows(tmp_path):
    (tmp_path / "sample_submission.csv").write_text(
        "row_id,birds\n"
        + "".join(f"{name},nocall\n" for name in ("b_X_10", "a_X_5", "b_X_5", "c_X_5", "odd", "a_X_10"))
    )
    windows = [
        ("a_X", 0.0, 5.0, ["s2", "s1"]),
        # A recording of 9.6 s and one of 10.4 s: their last windows are flush with their ends.
        ("a_X", 4.6, 9.6, ["s3"]),
        ("b_X", 0.0, 5.0, []),
        ("b_X", 5.0, 10.0, ["s4"]),
        ("b_X", 5.4, 10.4, ["s5"]),
        # One that could not be read.
        ("c_X", math.nan, math.nan, ["s7"]),
        ("d_X", 0.0, 5.0, ["s6"]),
    ]
    table = birdclef2021.submission(
        birdclef2021.submission_template(tmp_path),
        pd.DataFrame([window[:3] for window in windows], columns=["recording_id", "start", "stop"]),
        [window[3] for window in windows],
    )
    assert list(table) == ["row_id", "birds"]
    assert table.values.tolist() == [
        ["b_X_10", "s4"],
        ["a_X_5", "s1 s2"],
        ["b_X_5", "nocall"],
        ["c_X_5", "s7"],
        ["odd", "nocall"],
        ["a_X_10", "s3"],
    ]


SMALL = {
    "train_recordings": 4,
    "rejected_recordings": 13,
    "test_recordings": 2,
    "train_duration": 16.0,
    "test_duration": 10.0,
    "min_snr": 5.0,
    "max_snr": 15.0,
}
CODES = [code for code, _, _ in birdclef2021_replica.SPECIES]


def made(folder, seed=3, processes=2, clips=None):
    birdclef2021_replica.synthesize(
        folder / "data", folder / "truth.csv", settings=SMALL, seed=seed, processes=processes, clips=clips
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_whatever_the_processes(tmp_path):
    one = made(tmp_path / "one", processes=1)
    assert one == made(tmp_path / "two", processes=3)
    other = made(tmp_path / "other", seed=4)
    assert sum(name.endswith(".ogg") for name in one) == 4 + 13 + 2
    assert not set(one.values()) & {content for name, content in other.items() if name.endswith(".ogg")}


@pytest.fixture(scope="module")
def replica(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replica")
    made(folder)
    return folder


def test_the_replica_has_the_layout_its_reader_reads(replica):
    data = replica / "data"
    assert (data / "train_metadata.csv").read_text().splitlines()[0] == METADATA
    found = Source("birdclef2021", str(data), "all").read()
    assert found.quarantined == ()
    assert found.classes == tuple(sorted(["nocall", *CODES]))
    assert len(found.unvalidated) == 13
    kinds = {}
    for r in found.recordings:
        rate, channels, frames = inspect.inspect_file(data / r.path)
        assert (rate, channels) == (32_000, 1)
        assert soundfile.info(data / r.path).subtype == "VORBIS"
        kinds.setdefault("clip" if r.recording_id in found.unvalidated else r.subset, []).append(
            frames / rate
        )
    assert kinds["train"] == [15.0] * 4
    assert kinds["test"] == [10.0] * 2
    assert len(set(kinds["clip"])) == 13
    assert 4.5 <= min(kinds["clip"]) < max(kinds["clip"]) <= 20
    # Its clips are told in the real ones' words.
    (row, *_) = rows_of(data / "train_metadata.csv")
    assert (data / "train_short_audio" / row["primary_label"] / row["filename"]).is_file()
    windows = {
        (a.recording_id, a.t_max) for a in found.annotations if a.recording_id not in found.unvalidated
    }
    soundscapes = {r.recording_id for r in found.recordings if r.subset == "train"} - found.unvalidated
    assert windows == {(name, stop) for name in soundscapes for stop in (5.0, 10.0, 15.0)}


def test_the_truth_tells_every_test_window(replica, tmp_path):
    truth = store.read_table(replica / "truth.csv")
    _, ids, _ = template = birdclef2021.submission_template(replica / "data")
    classes = sorted(["nocall", *CODES])
    assert list(truth) == ["recording_id", "start", "stop", *classes]
    assert ids == [f"{row.recording_id}_{row.stop:g}" for row in truth.itertuples()]
    assert len(ids) == 4
    assert ((truth.nocall == 1) == (truth[CODES].sum(axis=1) == 0)).all()
    heard = [[name for name in classes if row[name]] for _, row in truth.iterrows()]
    birdclef2021.submission(template, truth, heard).to_csv(
        tmp_path / "s.csv", index=False, lineterminator="\n"
    )
    birdclef_format.check(tmp_path / "s.csv", replica / "data" / "sample_submission.csv")


def test_the_replica_is_labelled_as_the_original(monkeypatch):
    """Most windows have no bird, some several; a few species are frequent."""
    monkeypatch.setattr(synthesis, "song", lambda *_, **__: (np.zeros(96_000), 100.0, 200.0))
    singers = synthesis.Songs(len(CODES), 1)
    settings = synthesis.Settings(**{**SMALL, "train_duration": 600.0})
    plans = [
        birdclef2021_replica.soundscape(n, "train", singers=singers, settings=settings, seed=1).plan
        for n in range(20)
    ]
    windows = [
        birdclef2021_replica.heard(plan, stop - 5, stop) for plan in plans for stop in range(5, 601, 5)
    ]
    assert len(windows) == 2400
    assert sum(not window for window in windows) / 2400 == pytest.approx(0.637, abs=0.03)
    assert sum(len(window) > 1 for window in windows) == pytest.approx(244, abs=50)
    counts = Counter(species for window in windows for species in window)
    assert (len(counts), counts.most_common(1)[0][0]) == (12, 0)
    assert sum(count for _, count in counts.most_common(3)) > sum(counts.values()) / 2
    assert max(len(plan.species) for plan in plans) <= 4


def test_soundscapes_have_ids_of_their_own():
    singers, settings = synthesis.Songs(len(CODES), 1), synthesis.Settings(**{**SMALL, "train_duration": 5.0})
    names = [
        birdclef2021_replica.soundscape(
            number, subset, singers=singers, settings=settings, seed=1
        ).plan.recording_id
        for number in range(100)
        for subset in ("train", "test")
    ]
    assert len({name.split("_")[0] for name in names}) == 200


def test_the_tables_say_what_was_planned(replica):
    singers, settings = synthesis.Songs(len(CODES), 3), synthesis.Settings(**SMALL)
    planned = {
        subset: [
            birdclef2021_replica.soundscape(n, subset, singers=singers, settings=settings, seed=3).plan
            for n in range(count)
        ]
        for subset, count in (("train", 4), ("test", 2))
    }
    heard = {
        subset: {
            (plan.recording_id, stop, CODES[species])
            for plan in plans
            for stop in range(5, round(plan.duration) + 1, 5)
            for species in birdclef2021_replica.heard(plan, stop - 5, stop)
        }
        for subset, plans in planned.items()
    }
    assert heard["train"]
    assert heard["test"]
    found = birdclef2021.read(replica / "data")
    assert heard["train"] == {
        (a.recording_id, a.t_max, a.label)
        for a in found.annotations
        if a.label != "nocall" and a.recording_id not in found.unvalidated
    }
    truth = store.read_table(replica / "truth.csv")
    assert heard["test"] == {
        (row.recording_id, row.stop, code)
        for row in truth.itertuples()
        for code in CODES
        if getattr(row, code)
    }


def test_long_soundscapes_are_written(tmp_path):
    """The encoder crashes where it is given two minutes at once."""
    settings = {**SMALL, "train_recordings": 1, "rejected_recordings": 0, "test_recordings": 0}
    birdclef2021_replica.synthesize(
        tmp_path, tmp_path / "truth.csv", settings={**settings, "train_duration": 120.0}, seed=1, processes=1
    )
    (path,) = (tmp_path / "train_soundscapes").iterdir()
    assert inspect.inspect_file(path) == (32_000, 1, 120 * 32_000)
    assert len(birdclef2021.read(tmp_path).annotations_of) == 1


def test_a_window_has_the_labels_of_what_sounds_in_it():
    singers = synthesis.Songs(len(CODES), 1)
    settings = synthesis.Settings(**{**SMALL, "train_duration": 60.0, "min_snr": 0.0, "max_snr": 0.0})
    plan = birdclef2021_replica.soundscape(0, "train", singers=singers, settings=settings, seed=1).plan
    songs = synthesis.recording(plan, singers=singers) - synthesis.recording(
        plan._replace(events=()), singers=singers
    )
    loud = [
        bool(np.abs(songs[start * 48_000 : (start + 5) * 48_000]).max() > 1e-9) for start in range(0, 60, 5)
    ]
    assert 0 < sum(loud) < 12
    assert loud == [bool(birdclef2021_replica.heard(plan, start, start + 5)) for start in range(0, 60, 5)]


def test_clips_sing_by_their_names(tmp_path):
    for name in ("cow", "dog 1", "wind"):
        (tmp_path / "clips" / name).mkdir(parents=True)
        for number in range(2):
            wave = np.sin(np.arange(8000) * (0.1 + 0.1 * number))
            soundfile.write(tmp_path / "clips" / name / f"{number}.wav", wave, 16_000)
    made(tmp_path, clips=Clips(str(tmp_path / "clips"), ("wind",)))
    found = birdclef2021.read(tmp_path / "data")
    assert (found.classes, found.quarantined) == (("clip0", "clip1", "nocall"), ())
    named = {
        (row["primary_label"], row["common_name"]) for row in rows_of(tmp_path / "data/train_metadata.csv")
    }
    assert named == {("clip0", "cow"), ("clip1", "dog 1")}


def test_an_ogg_file_with_another_serial_number_sounds_the_same(tmp_path):
    wave = 0.1 * np.random.default_rng(1).normal(size=100_000)
    first = tmp_path / "first.ogg"
    soundfile.write(first, wave, 32_000, subtype="VORBIS")
    second = tmp_path / "second.ogg"
    second.write_bytes(ogg.with_serial(first.read_bytes(), 7))
    assert inspect.inspect_file(second) == (32_000, 1, 100_000)
    assert "serialno : 7\n" in soundfile.info(second, verbose=True).extra_info
    np.testing.assert_array_equal(soundfile.read(second)[0], soundfile.read(first)[0])
