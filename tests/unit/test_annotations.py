"""One's own annotation tables, and the recordings that they are about."""

import json
import os
import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from understory.annotations import files
from understory.annotations.formats import audacity, raven, table
from understory.core.errors import InputError
from understory.data.source import Source
from understory.datasets import own
from understory.inference.tables import Detection
from understory.plan import preflight
from understory.review import page

HEADER = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"
# A second and a half of a lark at 2 to 4 kHz, as each program writes it.
SAME = {
    "raven": f"{HEADER}\tAnnotation\n1\tSpectrogram 1\t1\t0.5\t2\t2000\t4000\tlark\n",
    "raven, both views": f"{HEADER}\tAnnotation\n0\tWaveform 1\t1\t0.5\t2\t0\t0\tlark\n"
    "0\tSpectrogram 1\t1\t0.5\t2\t2000\t4000\tlark\n",
    "raven, a column of its own": f"{HEADER}\tMy birds\n1\tSpectrogram 1\t1\t0.5\t2\t2000\t4000\tlark\n",
    "raven, mixed line ends": f"{HEADER}\tSpecies\r\n1\tSpectrogram 1\t1\t0.5\t2\t2000\t4000\tlark\r\n\n",
    "audacity": "0.5\t2\tlark\n\\\t2000\t4000\n",
    "csv": "start,end,label,low,high\n0.5,2,lark,2000,4000\n",
    "csv of semicolons": "start;end;label;low;high\n0.5;2;lark;2000;4000\n",
    "csv, other names": "Onset,offset,Species,F_min,f_max\n0.5,2,lark,2000,4000\n",
}


def folder(tmp_path, **texts):
    """Recordings a, b and c, and tables."""
    for name in ("a.wav", "sub/b.WAV", "c.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    for name, text in texts.items():
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / name).write_bytes(data)
    return tmp_path


def events(tables):
    return [(a.recording_id, a.label, a.t_min, a.t_max, a.f_min, a.f_max) for a in sorted(tables.annotations)]


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
@pytest.mark.parametrize("name", ["a.txt", "a.Table.1.selections.txt", "A.csv"])
def test_every_format_says_the_same_event(tmp_path, text, name):
    found = own.read(folder(tmp_path, **{name: text}))
    assert events(found) == [("a.wav", "lark", 0.5, 2, 2000, 4000)]
    assert {r.recording_id: r.subset for r in found.recordings} == {
        "a.wav": "train",
        "c.flac": "test",
        "sub/b.WAV": "test",
    }
    assert not found.quarantined


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_as_programs_write_it(tmp_path, encoding):
    text = f"{HEADER}\tAnnotation\n1\tSpectrogram 1\t1\t0.5\t2\t2000\t4000\tGrünling\n"
    found = own.read(folder(tmp_path, **{"a.txt": text.encode(encoding)}))
    assert found.classes == ("Grünling",)


def test_one_raven_table_of_many_recordings_counts_from_each_files_begin(tmp_path):
    """Begin Time runs on over the files; the second event is 1 s into b, not 61 s."""
    text = (
        f"{HEADER}\tFile Offset (s)\tBegin Path\tSpecies\n"
        "1\tSpectrogram 1\t1\t0.5\t2\t2000\t4000\t0.5\tC:\\birds\\a.wav\tlark\n"
        "2\tSpectrogram 1\t1\t61\t62\t1000\t3000\t1\tC:\\birds\\b.WAV\towl\n"
    )
    found = own.read(folder(tmp_path, **{"all.txt": text}))
    assert events(found) == [("a.wav", "lark", 0.5, 2, 2000, 4000), ("sub/b.WAV", "owl", 1, 2, 1000, 3000)]


def test_tables_without_frequencies_and_without_events(tmp_path):
    texts = {"a.txt": "0.5\t2\tlark\n1\t3\tlark\t0.9\n", "b.txt": HEADER + "\tSpecies\n"}
    found = own.read(folder(tmp_path, **texts))
    assert [(a.t_min, a.f_min, a.f_max) for a in sorted(found.annotations)] == [
        (0.5, 0, float("inf")),
        (1, 0, float("inf")),
    ]
    # A recording that was annotated without an event is for training as well.
    assert {r.recording_id for r in found.recordings if r.subset == "test"} == {"c.flac"}


def test_birdnets_table_and_verdicts(tmp_path):
    text = (
        "Start (s),End (s),Scientific name,Common name,Confidence,File,verdict\n"
        "0,3,Alauda arvensis,Skylark,0.9,a.wav,positive\n"
        "3,6,Alauda arvensis,Skylark,0.2,sub/b.WAV,negative\n"
        "6,9,Alauda arvensis,Skylark,0.2,c.flac,Uncertain\n"
    )
    found = own.read(folder(tmp_path, **{"results.csv": text}))
    assert [(a.recording_id, a.presence) for a in sorted(found.annotations)] == [
        ("a.wav", "present"),
        ("c.flac", "unknown"),
        ("sub/b.WAV", "absent"),
    ]
    assert found.classes == ("Alauda arvensis",)


def test_a_folder_a_class(tmp_path):
    for name in ("lark/1.wav", "lark/2.wav", "owl/1.wav", "new.wav", "owl/._1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = own.read(tmp_path)
    assert [(a.recording_id, a.label) for a in sorted(found.annotations)] == [
        ("lark/1.wav", "lark"),
        ("lark/2.wav", "lark"),
        ("owl/1.wav", "owl"),
    ]
    assert [r.recording_id for r in found.recordings if r.subset == "test"] == ["new.wav"]
    assert found.remarks[0] == (
        "no annotation tables: 3 recordings are of the class that their folder is named after: lark, owl"
    )


def test_labels_are_renamed_merged_and_left_out(tmp_path):
    texts = {
        "a.txt": "0\t1\tlark\n1\t2\tskylark\n2\t3\tnoise\n",
        "labels.csv": "from,to\nskylark,lark\nnoise,\n",
    }
    found = own.read(folder(tmp_path, **texts), options={"labels": "labels.csv"})
    assert [(a.label, a.t_min) for a in sorted(found.annotations)] == [("lark", 0), ("lark", 1)]
    assert not found.quarantined


def test_columns_of_other_names_and_tables_of_one_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    folder(tmp_path, **{"mine/t.csv": "wo,von,bis,was\nb.WAV,1,2,lark\n", "other.csv": "a,b\n1,2\n"})
    columns = {"path": "wo", "start": "von", "end": "bis", "label": "was"}
    found = own.read(tmp_path, options={"annotations": "mine", "columns": columns})
    assert events(found) == [("sub/b.WAV", "lark", 1, 2, 0, float("inf"))]
    assert not found.quarantined


def test_an_umlaut_written_as_two_characters_is_the_same_name(tmp_path):
    (tmp_path / unicodedata.normalize("NFD", "Grünling.wav")).touch()
    (tmp_path / "t.csv").write_text(
        f"path,start,end,label\n{unicodedata.normalize('NFC', 'Grünling.wav')},0,1,x\n"
    )
    found = own.read(tmp_path)
    assert len(found.annotations) == 1
    assert not found.quarantined


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("z.txt", "0\t1\tlark\n", "a recording of the name of this table, 'z'"),
        (
            "t.csv",
            "path,start,end,label\nz.wav,0,1,lark\n",
            "expected a recording named 'z.wav' in the data folder, found none",
        ),
        (
            "a.csv",
            "start,end\n0,1\n",
            "expected a column for label, found start, end: name it under own.columns",
        ),
        (
            "a.csv",
            "start,end,label\n0,5,1,lark,\n",
            "if its numbers have decimal commas, write decimal points",
        ),
        ("a.csv", "start,end,label\n0,x,lark\n", "expected a finite number in column end, found 'x'"),
        ("a.csv", "start,end,label\n2,1,lark\n", "expected start before end"),
        ("a.csv", "start,end,label\n0,1,\n", "expected a label in plain text of 1 to 200"),
        ("a.csv", "start,end,label,presence\n0,1,lark,maybe\n", "expected presence present, positive"),
        ("a.txt", "0\t1\n", "expected start, end and label, found 2 values"),
        ("a.txt", "0\t1\tx\n\\\t1\n", "expected a label before its frequencies"),
        ("a.txt", b"\xff\x81", "expected text in UTF-8 or UTF-16"),
        (
            "a.txt",
            "a letter to a friend",
            "expected Raven selections, Audacity labels or a table with a header",
        ),
        ("a.csv", "start;end;label\n0;1,5;x\n", "found '1,5'; write a decimal point"),
        ("a.csv", "start,end,label\n0:00,1:01.5,x\n", "found '0:00'; write seconds"),
        (
            "a.csv",
            "start,end,label,Label\n0,1,x,y\n",
            "expected one column 'label', found start, end, label, Label",
        ),
        ("a.csv", "start,end,label\n0,1,a;b\n", "write a row for each label"),
        ("a.txt", "0\t1\ta\x0bb\n", "expected a label in plain text of 1 to 200"),
        ("a.csv", 'start,end,label\n0,1,"a\nb"\n', "expected a label in plain text of 1 to 200"),
        ("a.txt", "0\t1\tx\n".encode("utf-16-le"), "UTF-16 with its byte order mark"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_else_is_lost(tmp_path, name, text, said):
    found = own.read(folder(tmp_path, **{name: text, "c.csv": "start,end,label\n0,1,owl\n"}))
    (one,) = found.quarantined
    assert said in one.reason
    assert one.place.startswith(name)
    assert ("c.flac", "owl") in [(a.recording_id, a.label) for a in found.annotations]


def test_a_label_written_in_two_ways_is_one_class(tmp_path):
    """Systems write an umlaut as one character or as two, and nobody sees the difference."""
    composed, decomposed = (unicodedata.normalize(form, "Käuzchen") for form in ("NFC", "NFD"))
    text = f"start,end,label\n0,1,{composed}\n1,2,{decomposed}\n"
    assert own.read(folder(tmp_path, **{"a.csv": text})).classes == (composed,)
    renamed = {"a.csv": text, "labels.csv": f"from,to\n{decomposed},{decomposed}2\n"}
    found = own.read(folder(tmp_path, **renamed), options={"labels": "labels.csv"})
    assert found.classes == (f"{composed}2",)
    for path, form in (("x/a.wav", composed), ("x/b.wav", decomposed)):
        place = tmp_path / "folders" / path.replace("x", form)
        place.parent.mkdir(parents=True)
        place.touch()
    assert own.read(tmp_path / "folders").classes == (composed,)


def remarks(tables, folder):
    return preflight.remarks(tables, Source("own", str(folder), "all"))


def test_labels_that_differ_in_case_or_marks_alone_are_said(tmp_path):
    rows = "".join(
        f"0,1,{label}\n" for label in ("Amsel", "amsel", "Turdus merula", "Turdus_merula", "s1", "s10")
    )
    tables = own.read(folder(tmp_path, **{"a.csv": f"start,end,label\n{rows}"}))
    assert [line for line in remarks(tables, tmp_path) if "may mean" in line] == [
        "labels that may mean the same are classes of their own: 'Amsel' and 'amsel', 'Turdus merula' and 'Turdus_merula'"
    ]
    plain = own.read(folder(tmp_path, **{"a.csv": "start,end,label\n0,1,Amsel\n0,1,Star\n"}))
    assert not [line for line in remarks(plain, tmp_path) if "may mean" in line]


def test_classes_of_several_folders_of_one_name_are_said(tmp_path):
    for path in ("owl/2020/a.wav", "lark/2020/b.wav", "lark/2021/c.wav"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    tables = own.read(tmp_path)
    assert tables.classes == ("2020", "2021")
    assert remarks(tables, tmp_path)[-1:] == [
        "classes are named after the folders that recordings lie in, here several of one name: 2020 (lark/2020, owl/2020)"
    ]


def test_two_recordings_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for name in ("x/a.wav", "y/a.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
        (tmp_path / name).with_suffix(".txt").write_text("0\t1\tlark\n")
    (tmp_path / "all.csv").write_text("path,start,end,label\ny/a.wav,2,3,owl\na.wav,4,5,owl\n")
    found = own.read(tmp_path)
    assert [(a.recording_id, a.label) for a in sorted(found.annotations)] == [
        ("x/a.wav", "lark"),
        ("y/a.wav", "lark"),
        ("y/a.wav", "owl"),
    ]
    (one,) = found.quarantined
    assert "expected a recording named 'a.wav' in the data folder, found x/a.wav, y/a.wav" in one.reason


def test_an_event_that_two_tables_say_is_one_event(tmp_path):
    with_band, without = (
        f"{HEADER}\tSpecies\n1\tSpectrogram 1\t1\t0.5\t2\t2000\t4000\tlark\n",
        "0.5\t2\tlark\n",
    )
    for first, second in ((with_band, without), (without, with_band), (with_band, with_band)):
        found = own.read(folder(tmp_path, **{"a.selections.txt": first, "a.txt": second}))
        assert events(found) == [("a.wav", "lark", 0.5, 2, 2000, 4000)]
        assert not found.quarantined


def test_every_event_of_a_table_without_a_recording_is_counted(tmp_path):
    found = own.read(folder(tmp_path, **{"z.txt": "0\t1\tlark\n1\t2\tlark\n", "a.txt": "0\t1\towl\n"}))
    assert [q.place for q in found.quarantined] == ["z.txt, line 1", "z.txt, line 2"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"annotations": "tabels"}, "own.annotations: expected a folder within .* found none in 'tabels'"),
        ({"labels": "lables.csv"}, "own.labels: .*lables.csv: cannot be read"),
        ({"labels": "a.txt"}, "own.labels: .*a.txt: expected the columns from and to, found"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said_by_their_names(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        own.read(folder(tmp_path, **{"a.txt": "0\t1\tlark\n"}), options=options)


def test_labels_of_a_spreadsheet_are_separated_by_semicolons(tmp_path):
    texts = {"a.txt": "0\t1\tlark\n", "labels.csv": "\ufefffrom;to\nlark;Alauda arvensis\n"}
    assert own.read(folder(tmp_path, **texts), options={"labels": "labels.csv"}).classes == (
        "Alauda arvensis",
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [([], "expected recordings"), (["a.wav", "b.wav"], "expected annotations of some recordings, in tables")],
)
def test_a_folder_without_what_is_needed(tmp_path, names, said):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=said):
        own.read(tmp_path)
    if names:
        # Prediction with saved models needs no annotations.
        options = {"annotations": "tables", "labels": "labels.csv"}
        for given in ({}, options):
            found = own.read(tmp_path, train=False, options=given)
            assert [r.subset for r in found.recordings] == ["test", "test"]


CELLS = st.sampled_from(
    [
        "0",
        "1.5",
        "-1",
        "nan",
        "1,5",
        "x",
        "",
        "lark",
        "nocall",
        '"',
        '"owl"',
        "\\",
        "a.wav",
        "z/a.wav",
        "positive",
        "é\x00",
    ]
)
HEADERS = [
    [],
    ["start", "end", "label"],
    ["path", "start", "end", "label", "presence", "confidence"],
    ["INDIR", "FOLDER", "IN FILE", "OFFSET", "DURATION", "scientific_name"],
    ["0", "1", "lark"],
    ["0", "1", "lark", "0.5"],
    [*HEADER.split("\t"), "Species"],
    [*HEADER.split("\t"), "Begin File", "File Offset (s)", "Annotation"],
]


TABLES = {
    "first": st.sampled_from(HEADERS),
    "lines": st.lists(st.lists(CELLS, max_size=11), max_size=6),
    "mark": st.sampled_from(["\t", ",", ";"]),
    "end": st.sampled_from(["\n", "\r\n", "\r"]),
    "encoding": st.sampled_from(["utf-8", "utf-16"]),
}


@given(**TABLES)
@example(first=[], lines=[["0", "0", "0"]] * 2, mark="\t", end="\n", encoding="utf-8")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=1000)
def test_no_table_ends_in_a_traceback_and_no_row_is_lost(tmp_path, first, lines, mark, end, encoding):
    check_table(tmp_path, first, lines, mark, end, encoding)


@pytest.mark.soak
@given(**TABLES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10_000)
def test_none_of_many_tables_does(tmp_path, first, lines, mark, end, encoding):
    check_table(tmp_path, first, lines, mark, end, encoding)


def check_table(tmp_path, first, lines, mark, end, encoding):
    """Each row that is not empty is an event or quarantined, or the table is as a whole, and the log counts each once."""
    (tmp_path / "a.wav").touch()
    lines = [first, *lines]
    text = end.join(mark.join(cells) for cells in lines)
    # A file system may wait for the disk where a file is written over.
    (tmp_path / "a.txt").unlink(missing_ok=True)
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    try:
        found = own.read(tmp_path)
    except InputError:
        # There is no annotation at all; a separator between quotation marks is a blank cell.
        assert all(set(cells) <= {"", '"'} or "nocall" in cells for cells in lines[1:])
        return
    for row in found.quarantined:
        assert row.place.startswith("a.txt")
        assert "\n" not in row.reason
        assert "expected" in row.reason or "duplicate" in row.reason
    if any(row.place == "a.txt" for row in found.quarantined):
        assert not found.annotations
        return
    counted = dict(part.rsplit(" ", 1) for part in found.remarks[0].split(": ")[1].split(", "))
    assert sum(map(int, counted.values())) == int(counted["files"]) + 2 * int(counted["rows"])
    assert int(counted.get("quarantined", 0)) == len(found.quarantined)
    assert int(counted.get("events", 0)) == len(found.annotations)
    places = {row.place for row in found.quarantined} | set(found.places.values())
    said = {(a.label, round(a.t_min, 2), round(a.t_max, 2)) for a in found.annotations}
    for event in files.read(tmp_path / "a.txt", {})[1]:
        # Said before, by another row.
        if f"a.txt, line {event.line}" not in places and event.fields["label"] != "nocall":
            times = (round(float(event.fields[side]), 2) for side in ("start", "end"))
            assert (event.fields["label"], *times) in said


@pytest.mark.slow
def test_from_a_folder_to_predictions_without_a_table_of_names(tmp_path, run_snakemake):
    """Two tones in a second half, one recording of nothing, and two new ones; then all of them, by the saved models."""
    rng, rate = np.random.default_rng(0), 16_000
    times, rows = np.arange(2 * rate) / rate, ["path,start,end,label"]
    data = tmp_path / "data"
    for number in range(17):
        label, pitch = (("low", 500), ("high", 3000), ("quiet", 0))[2 if number == 16 else number % 2]
        place = data / ("new" if 14 <= number < 16 else "known")
        place.mkdir(exist_ok=True, parents=True)
        wave = 0.3 * np.sin(2 * np.pi * pitch * times) * (times > 1) + rng.normal(0, 0.01, len(times))
        soundfile.write(place / f"{label}{number}.wav", wave, rate)
        if number < 14:
            rows.append(f"{label}{number}.wav,1,2,{label}")
    (data / "known/events.csv").write_text("\n".join(rows))
    (data / "known/quiet16.txt").touch()
    small = {
        "shards": {"train": 1, "test": 1},
        "split": {"n_splits": 2},
        "crop": {"window": 1, "hop": 0.5, "sample_rate": 16_000},
        "own": {"exhaustive": True},
        "features": {"log_mel": {"fmax": 8000}},
        "models": {"sed_cnn": {"options": {"filters": [4], "dense": 8}, "epochs": 1}},
        "report": {"examples": 0},
    }
    part = run_snakemake(
        tmp_path / "run", "--until", "inspect_recordings", recipe="own", config=small | {"data": str(data)}
    )
    assert "Error" not in part.stdout + part.stderr
    assert "tables with a header: files 1, rows 14, events 14\n" in part.stderr
    done = run_snakemake(tmp_path / "run", recipe="own", config=small | {"data": str(data)})
    assert "15 of 17 recordings are annotated; the others are predicted\n" in done.stderr
    windows = pd.read_csv(tmp_path / "run/results/own/windows/train-0.csv", keep_default_na=False)
    # Of each, its first half; of the one of nothing, both.
    assert windows.label.value_counts().to_dict() == {"": 16, "low": 7, "high": 7}
    assert set(windows.start[windows.label == ""]) == {0, 1}
    written = (tmp_path / "run/results/own/submission.csv").read_text().splitlines()
    assert written[0] == "path,high,low"
    assert [line.split(",")[0] for line in written[1:]] == ["new/high15.wav", "new/low14.wav"]
    new = {"train": [], "models_from": "results/own", "name": "new", "data": str(data)}
    run_snakemake(tmp_path / "run", recipe="own", config=small | new)
    written = (tmp_path / "run/results/new/submission.csv").read_text().splitlines()
    assert written[0] == "path,high,low"
    assert len(written) == 18


def test_files_are_found_whatever_the_case_of_their_suffix(tmp_path):
    for name in ("b.MP3", "a.Flac", ".hidden.wav", "@eaDir/x.wav", "notes.TXT", "photo.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert files.below(tmp_path) == (["a.Flac", "b.MP3"], ["notes.TXT"])


WRITTEN = [
    {"start": "0.5", "end": "2", "label": "lark", "low": "2000", "high": "4000", "confidence": "0.9"},
    {"start": "3.25", "end": "4", "label": 'a "quoted", Grünling', "low": "", "high": ""},
]


@pytest.mark.parametrize("name", sorted(files.FORMATS))
def test_what_is_written_is_read_as_it_was(name):
    module = files.FORMATS[name]
    several = [{**fields, "path": f"{number}.wav"} for number, fields in enumerate(WRITTEN)]
    with_paths = [several] if module is not audacity else []
    for events in (WRITTEN, WRITTEN[1:], [], *with_paths):
        lines = module.write(events).splitlines()
        if lines:
            assert module.matches(lines)
            found = [event.fields for event in module.rows(lines, {})]
            assert [{key: text for key, text in fields.items() if text} for fields in found] == [
                {key: text for key, text in fields.items() if text} for fields in events
            ]


NUMBERS = st.floats(0, 1e5).map(repr)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "start": NUMBERS,
            "end": NUMBERS,
            "label": st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1, max_size=8),
        },
        optional={"low": NUMBERS, "high": NUMBERS, "confidence": st.floats(0, 1).map(repr)},
    ),
    min_size=1,
    max_size=4,
)


@given(rows=ROWS, path=st.sampled_from([None, "a.wav"]), name=st.sampled_from(sorted(files.FORMATS)))
def test_whatever_is_written_is_read_as_it_was(rows, path, name):
    module = files.FORMATS[name]
    if path and module is not audacity:
        rows = [{**row, "path": path} for row in rows]
    # As files are read: by lines, and by a format that is told from what is in them.
    lines = module.write(rows).split("\n")
    assert next(kind for kind, each in files.FORMATS.items() if each.matches(lines)) == name
    found = module.rows(lines, {})
    assert not any(event.wrong for event in found)
    assert [{key: text for key, text in event.fields.items() if text} for event in found] == rows


def test_numbers_are_written_as_they_are():
    (line,) = audacity.write([{"start": 0.5, "end": 2.0, "label": "lark", "confidence": None}]).splitlines()
    assert line == "0.5\t2.0\tlark"


BOTH = [("a.wav", "Grünling", 1.25, 2), ("a.wav", "lark", 0.5, 1)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("generic-seq.csv", [*BOTH, ("sub/b.WAV", "lark", 0.125, 0.75)]),
        ("simple-seq.csv", BOTH),
        ("raven.txt", BOTH),
        ("aud-bbox.txt", BOTH),
    ],
)
def test_tables_that_crowsetta_wrote(tmp_path, name, expected):
    written = (Path(__file__).parent / "annotations" / name).read_bytes()
    given = name if name == "generic-seq.csv" else f"a{Path(name).suffix}"
    found = own.read(folder(tmp_path, **{given: written}))
    assert [event[:4] for event in events(found)] == expected
    assert not found.quarantined
    if name in ("raven.txt", "aud-bbox.txt"):
        assert [event[4:] for event in events(found)] == [(1500.5, 3000), (2000, 4000)]


def test_what_crowsetta_wrote_is_written_as_it_was():
    """What is in these files and is no annotation (an empty column, the number of a sequence) is left out."""
    place = Path(__file__).parent / "annotations"
    text = (place / "aud-bbox.txt").read_text(encoding="utf-8")
    assert audacity.write(event.fields for event in audacity.rows(text.splitlines(), {})) == text
    for name, module in (("raven.txt", raven), ("generic-seq.csv", table), ("simple-seq.csv", table)):
        lines = (place / name).read_text(encoding="utf-8").splitlines()
        fields = [event.fields for event in module.rows(lines, {})]
        again = module.write(fields).splitlines()
        assert [event.fields for event in module.rows(again, {})] == fields


BIRDNET = {
    "csv": "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
    "0.0,3.0,Alauda arvensis,Skylark,0.9000,/data/x/a.wav\n3.0,6.0,Strix aluco,Tawny Owl,0.2000,/data/x/a.wav\n",
    "table": "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tCommon Name\tSpecies Code"
    "\tConfidence\tBegin Path\tFile Offset (s)\n"
    "1\tSpectrogram 1\t1\t60.0\t63.0\t0\t15000\tAlauda arvensis\tskylar\t0.9000\t/data/x/a.wav\t0.0\n"
    "2\tSpectrogram 1\t1\t63.0\t66.0\t0\t15000\tStrix aluco\ttawowl1\t0.2000\t/data/x/a.wav\t3.0\n",
    "audacity": "0.0\t3.0\tAlauda arvensis, Ålerkja\t0.9000\n3.0\t6.0\tStrix aluco, Tawny Owl\t0.2000\n",
    "kaleidoscope": "INDIR,FOLDER,IN FILE,OFFSET,DURATION,scientific_name,common_name,confidence,lat,lon,week,overlap,sensitivity\n"
    "/data,x,a.wav,0.0,3.0,Alauda arvensis,Skylark,0.9,-1,-1,-1,0,1\n"
    "/data,x,a.wav,3.0,3.0,Strix aluco,Tawny Owl,0.2,-1,-1,-1,0,1\n",
    "r": "filepath,start,end,scientific_name,common_name,confidence,lat,lon,week,overlap,sensitivity,min_conf,species_list,model\n"
    "/data/x/a.wav,0.0,3.0,Alauda arvensis,Skylark,0.9,-1,-1,-1,0,1,0.1,,m\n"
    "/data/x/a.wav,3.0,6.0,Strix aluco,Tawny Owl,0.2,-1,-1,-1,0,1,0.1,,m\n",
}


@pytest.mark.parametrize("form", BIRDNET)
def test_each_form_of_birdnet_analyzer(tmp_path, form):
    # All but one name the recording.
    name = "a.BirdNET.results.csv" if form == "audacity" else "BirdNET_CombinedTable.csv"
    found = own.read(folder(tmp_path, **{name: BIRDNET[form]}), options={"min_confidence": 0.5})
    assert [(a.recording_id, a.label, a.presence, a.t_min, a.t_max) for a in found.annotations] == [
        ("a.wav", "Alauda arvensis", "present", 0, 3),
        ("a.wav", "Strix aluco", "unknown", 3, 6),
    ]
    assert not found.quarantined
    # Without a least confidence, all are taken as they are.
    assert {a.presence for a in own.read(tmp_path).annotations} == {"present"}


def test_a_recording_in_which_birdnet_heard_nothing_is_annotated_without_an_event(tmp_path):
    nothing = BIRDNET["table"].splitlines()[0] + (
        "\n1\tSpectrogram 1\t1\t0\t3\t0\t15000\tnocall\tnocall\t1.0\t/data/x/a.wav\t0\n"
    )
    found = own.read(folder(tmp_path, **{"a.BirdNET.selection.table.txt": nothing, "b.txt": "0\t1\tlark\n"}))
    assert found.classes == ("lark",)
    assert {r.recording_id for r in found.recordings if r.subset == "train"} == {"a.wav", "sub/b.WAV"}


def test_the_table_of_perch_hoplite(tmp_path):
    text = (
        "recording,label,start_offset_s,end_offset_s,label_type\na.wav,lark,0.5,5.5,positive\n"
        "sub/b.WAV,lark,0,5,negative\nc.flac,owl,5,10,uncertain\n"
    )
    found = own.read(folder(tmp_path, **{"hoplite_annotations.csv": text}))
    assert [(a.recording_id, a.label, a.presence, a.t_min, a.t_max) for a in sorted(found.annotations)] == [
        ("a.wav", "lark", "present", 0.5, 5.5),
        ("c.flac", "owl", "unknown", 5, 10),
        ("sub/b.WAV", "lark", "absent", 0, 5),
    ]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("1.2", "expected a confidence from 0 to 1, found 1.2"),
        ("x", "expected a finite number in column confidence"),
    ],
)
def test_a_confidence_is_checked(tmp_path, said, wrong):
    for name, text in (
        ("a.txt", f"0\t1\tlark\t{said}\n"),
        ("a.csv", f"start,end,label,confidence\n0,1,lark,{said}\n"),
    ):
        (tmp_path / "each").mkdir(exist_ok=True)
        (one,) = own.read(folder(tmp_path / "each", **{name: text})).quarantined
        assert wrong in one.reason
        (tmp_path / "each" / name).unlink()


def test_labels_with_a_band_and_without_one_in_one_track(tmp_path):
    text = "0.5\t2\tlark\n\\\t2000\t4000\n3\t4\towl\n5\t6\tlark\n\\\t-1\t900.5\n"
    assert events(own.read(folder(tmp_path, **{"a.txt": text}))) == [
        ("a.wav", "lark", 0.5, 2, 2000, 4000),
        ("a.wav", "lark", 5, 6, 0, 900.5),
        ("a.wav", "owl", 3, 4, 0, float("inf")),
    ]
    assert audacity.write(event.fields for event in audacity.rows(text.splitlines(), {})) == text


class TestRaven:
    """What Raven's tables are like, and what one takes for granted in vain."""

    def read(self, tmp_path, columns, *rows, name="a.txt"):
        text = "\n".join("\t".join(row.split("|")) for row in (columns, *rows)) + "\n"
        return own.read(folder(tmp_path, **{name: text}))

    COLUMNS = "Selection|View|Channel|Begin Time (s)|End Time (s)|Low Freq (Hz)|High Freq (Hz)|Annotation"

    def test_views_of_one_selection_in_either_order_and_one_view_alone(self, tmp_path):
        found = self.read(
            tmp_path,
            self.COLUMNS,
            "1|Spectrogram 1|1|0|1|2000|4000|lark",
            "1|Waveform 1|1|0|1|0|0|lark",
            "2|Waveform 1|1|2|3|0|0|owl",
        )
        assert events(found) == [("a.wav", "lark", 0, 1, 2000, 4000), ("a.wav", "owl", 2, 3, 0, float("inf"))]
        assert not found.quarantined

    def test_a_number_that_two_selections_have_is_no_reason_to_lose_one(self, tmp_path):
        """Two tables copied into one: both count from 1."""
        found = self.read(
            tmp_path,
            self.COLUMNS,
            "1|Spectrogram 1|1|0|1|2000|4000|lark",
            "1|Spectrogram 1|1|5|6|2000|4000|lark",
        )
        assert [event[2] for event in events(found)] == [0, 5]

    def test_times_that_run_on_over_recordings_are_not_taken_for_those_within_one(self, tmp_path):
        found = self.read(
            tmp_path,
            "Selection|Begin Time (s)|End Time (s)|Begin File|Annotation",
            "1|0|1|a.wav|lark",
            "2|61|62|b.WAV|lark",
            name="all.txt",
        )
        assert not found.annotations
        assert {row.reason for row in found.quarantined} == {
            "expected a column File Offset (s), as Begin Time (s) runs on over the recordings of one table, found none: have "
            "Raven save it, or set own.columns.start where the times count from the begin of each"
        }
        options = {"columns": {"start": "Begin Time (s)"}}
        assert [event[2] for event in events(own.read(tmp_path, options=options))] == [0, 61]

    def test_the_column_of_labels_stands_among_measurements_and_a_confidence(self, tmp_path):
        found = self.read(
            tmp_path,
            "Selection|Begin Time (s)|End Time (s)|Inband Power (dB FS)|Center Freq (Hz)|Confidence|Call type",
            "1|0|1|-60|3000|0.8|song",
        )
        assert found.classes == ("song",)

    def test_the_column_of_labels_may_stand_beside_one_of_song_types(self, tmp_path):
        lines = ["Selection|Begin Time (s)|End Time (s)|Bird|Call Type", "1|0|1|lark|song"]
        (annotation,) = self.read(tmp_path, *lines).annotations
        assert (annotation.label, annotation.song_type) == ("lark", "")
        (typed,) = own.read(tmp_path, song_types=True).annotations
        assert (typed.label, typed.song_type) == ("lark", "song")


def test_a_row_is_not_given_to_a_recording_of_the_same_name_in_another_folder(tmp_path):
    """Of two sites, the recordings of one are there: their names are those of a date and a time."""
    (tmp_path / "site1").mkdir()
    (tmp_path / "site1/0600.wav").touch()
    rows = "path,start,end,label\nsite2/0600.wav,0,1,owl\nsite1/0600.wav,2,3,lark\nC:\\all\\site1\\0600.wav,4,5,lark\n"
    (tmp_path / "all.csv").write_text(rows)
    found = own.read(tmp_path)
    assert [(a.label, a.t_min) for a in found.annotations] == [("lark", 2), ("lark", 4)]
    (one,) = found.quarantined
    assert one.reason.startswith(
        "expected a recording named 'site2/0600.wav', found only site1/0600.wav, which may also be"
    )


def test_names_in_all_tables_are_compared(tmp_path):
    """A table for each site, beside its recordings or with their paths; those of the second are not there."""
    (tmp_path / "site1").mkdir()
    (tmp_path / "site1/0600.wav").touch()
    (tmp_path / "site1/one.csv").write_text("path,start,end,label\n0600.wav,0,1,lark\n")
    (tmp_path / "two.csv").write_text("path,start,end,label\nsite2/0600.wav,2,3,owl\n0600.wav,4,5,lark\n")
    found = own.read(tmp_path)
    assert sorted((a.label, a.t_min) for a in found.annotations) == [("lark", 0), ("lark", 4)]
    (one,) = found.quarantined
    assert (one.place, one.reason) == (
        "two.csv, line 2",
        "expected a recording named 'site2/0600.wav', found only site1/0600.wav, which may also be '0600.wav' of "
        "site1/one.csv",
    )
    # Two observers' paths of one recording.
    (tmp_path / "two.csv").write_text("path,start,end,label\nD:\\me\\site1\\0600.wav,2,3,owl\n")
    (tmp_path / "three.csv").write_text("path,start,end,label\n/home/you/site1/0600.wav,4,5,owl\n")
    assert not own.read(tmp_path).quarantined


def test_paths_of_two_computers_name_a_recording_that_lies_in_no_folder(tmp_path):
    (tmp_path / "a.wav").touch()
    for number, place in enumerate(("D:\\me\\", "/home/you/")):
        (tmp_path / f"{number}.csv").write_text(f"path,start,end,label\n{place}a.wav,{number},2,owl\n")
    found = own.read(tmp_path)
    assert len(found.annotations) == 2
    assert not found.quarantined


def test_a_file_beside_its_table_is_found_though_its_folder_was_renamed(tmp_path):
    """As a card of a recorder is copied to a folder of the site's name."""
    text = "INDIR,IN FILE,OFFSET,DURATION,MANUAL ID,FOLDER\nE:,0600.wav,0,1,{},Data\nE:,0600.wav,2,1,owl\n"
    for site in ("siteA", "siteB"):
        (tmp_path / site).mkdir()
        (tmp_path / site / "0600.wav").touch()
        (tmp_path / site / "cluster.csv").write_text(text.format(site))
    found = own.read(tmp_path)
    assert sorted((a.recording_id, a.label) for a in found.annotations) == [
        ("siteA/0600.wav", "siteA"),
        ("siteB/0600.wav", "siteB"),
    ]
    # A row without its folder is too short.
    assert [lost.place for lost in found.quarantined] == [
        f"{site}/cluster.csv, line 3" for site in ("siteA", "siteB")
    ]


def test_kaleidoscope_names_the_folder_of_a_file_beside_it(tmp_path):
    """Recorders of several sites give their files the same names."""
    for site in ("s1", "s2"):
        (tmp_path / site).mkdir()
        (tmp_path / site / "0600.wav").touch()
    header = "INDIR,FOLDER,IN FILE,OFFSET,DURATION,MANUAL ID\n"
    rows = [f"D:\\all,{folder},0600.wav,{n},1,{n}\n" for n, folder in enumerate(("s1", "s2", "deep\\s3"))]
    (tmp_path / "cluster.csv").write_text(header + "".join(rows))
    found = own.read(tmp_path)
    assert [(a.recording_id, a.label) for a in sorted(found.annotations)] == [
        ("s1/0600.wav", "0"),
        ("s2/0600.wav", "1"),
    ]
    (lost,) = found.quarantined
    assert lost.place == "cluster.csv, line 4"
    (tmp_path / "s2/0600.wav").unlink()
    assert [a.label for a in own.read(tmp_path).annotations] == ["0"]


@pytest.mark.parametrize("name", ["Rec01.WAV.csv", "Rec01.WAV.Table.1.selections.txt", "rec01.csv"])
def test_a_table_is_named_after_its_recording_in_any_case_of_letters(tmp_path, name):
    (tmp_path / "Rec01.WAV").touch()
    (tmp_path / name).write_text("0\t1\tlark\n")
    assert [a.recording_id for a in own.read(tmp_path).annotations] == ["Rec01.WAV"]


def test_a_name_that_is_not_utf_8_is_quarantined(tmp_path):
    place = folder(tmp_path, **{"a.csv": "start,end,label\n0,1,lark\n"})
    (Path(os.fsdecode(os.fsencode(place) + b"/K\xfc.wav"))).touch()
    found = own.read(place)
    (lost,) = found.quarantined
    assert lost.recording_id == r"'K\udcfc.wav'"
    assert lost.reason.startswith("expected a name in UTF-8, found other bytes in 'K")
    json.dumps(lost, ensure_ascii=False).encode()


def test_notes_among_the_recordings_are_no_tables(tmp_path):
    """A recorder writes its settings on the card; the classes are those of the folders then."""
    (tmp_path / "lark").mkdir()
    (tmp_path / "lark/x.wav").touch()
    (tmp_path / "CONFIG.TXT").write_text("Device ID : 24F3\nSample rate : 48000\n")
    found = own.read(tmp_path)
    assert [(a.recording_id, a.label) for a in found.annotations] == [("lark/x.wav", "lark")]
    assert "CONFIG.TXT: of no format of annotations that is known, and not read" in found.remarks
    assert not found.quarantined
    # A table that cannot be read is one, as is any file where a folder of tables is named.
    (tmp_path / "all.csv").write_text("a title\n\npath|start|end|label\n")
    assert [lost.place for lost in own.read(tmp_path).quarantined] == ["CONFIG.TXT", "all.csv"]
    (tmp_path / "all.csv").unlink()
    assert own.read(tmp_path, options={"annotations": "."}).quarantined
    # One that is called as a recording is, is a table that cannot be read.
    (tmp_path / "x.txt").write_text("broken\n")
    assert [lost.place for lost in own.read(tmp_path).quarantined] == ["CONFIG.TXT", "x.txt"]
    (tmp_path / "x.txt").unlink()
    (tmp_path / "lark/x.wav").rename(tmp_path / "x.wav")
    with pytest.raises(InputError, match=r"found none in CONFIG.TXT"):
        own.read(tmp_path)


def test_paths_of_another_computer_find_recordings_by_as_much_as_is_the_same(tmp_path):
    for site in ("x", "y"):
        (tmp_path / site).mkdir()
        (tmp_path / site / "a.wav").touch()
    (tmp_path / "t.csv").write_text("path,start,end,label\nD:\\birds\\y\\a.wav,0,1,lark\n")
    assert [a.recording_id for a in own.read(tmp_path).annotations] == ["y/a.wav"]


@pytest.mark.parametrize(
    "columns",
    ["start,duration,label", "offset,duration,label", "Onset,Duration (s),label", "start_s,duration,label"],
)
def test_how_long_an_event_lasts_may_stand_for_when_it_ends(tmp_path, columns):
    found = own.read(folder(tmp_path, **{"a.csv": f"{columns}\n1,0.5,lark\n2,x,lark\n"}))
    assert [(a.t_min, a.t_max) for a in found.annotations] == [(1, 1.5)]
    assert "expected a finite number in column end, found 'x'" in found.quarantined[0].reason


@pytest.mark.parametrize("name", ["duration", "Duration"])
def test_a_named_end_may_be_how_long_an_event_lasts(tmp_path, name):
    place = folder(tmp_path, **{"a.csv": "start,Duration,label\n10,15,lark\n"})
    (found,) = own.read(place, options={"columns": {"end": name}}).annotations
    assert (found.t_min, found.t_max) == (10, 25)


def test_an_end_counts_for_more_than_how_long_an_event_lasts(tmp_path):
    found = own.read(folder(tmp_path, **{"a.csv": "start_s,offset,duration,label\n1,2,9,lark\n"}))
    assert [(a.t_min, a.t_max) for a in found.annotations] == [(1, 2)]


def test_a_quotation_mark_without_its_pair_costs_no_row_silently(tmp_path):
    found = own.read(
        folder(
            tmp_path,
            **{"a.csv": 'start,end,label\n0,1,"lark\n2,3,owl\n', "c.csv": "start,end,label\n0,1,x\n"},
        )
    )
    (one,) = found.quarantined
    assert one.reason == "after line 1: expected a line of a table, found unexpected end of data"
    assert found.classes == ("x",)


def test_the_log_says_what_was_read_as_what(tmp_path):
    texts = {
        "a.txt": "0\t1\tlark\n2\t1\tlark\n",
        "b.txt": SAME["raven"],
        "b.csv": "start,end,label\n0.5,2,lark\n4,5,noise\n5,6,nocall\n",
        "c.txt": "",
        "notes.txt": "a letter to a friend",
        "labels.csv": "from,to\nnoise,\n",
    }
    found = own.read(folder(tmp_path, **texts), options={"labels": "labels.csv"})
    assert found.remarks == (
        "Audacity label tracks: files 1, rows 2, events 1, quarantined 1",
        "Raven selection tables: files 1, rows 1, said before 1",
        "empty tables: files 1",
        "other tables: files 1, quarantined 1",
        "tables with a header: files 1, rows 3, events 1, left out by own.labels 1, nocall 1",
        "3 of 3 recordings are annotated; the others are predicted",
    )


def test_what_this_workflow_wrote_is_no_annotation(tmp_path, monkeypatch):
    """Tables of detections and verdicts in the folder of the recordings, and its results where it is run there."""
    place = folder(tmp_path, **{"a.csv": "start,end,label\n0,1,Amsel\n"})
    (place / "b.wav").touch()
    downloaded = re.search(r"^const COLUMNS = (.*);$", page.SCRIPT.read_text(), re.M)[1]
    written = [
        "path,start,end,label,score,doubt,rank",
        "path,seconds,began,events",
        "label,recording,hour,events,seconds",
        "path,reason",
        "label,threshold,why",
    ]
    for header in (*(each.split(",") for each in written), Detection._fields, json.loads(downloaded)):
        row = ",".join(["b.wav", "3", "4", "Star", *[""] * (len(header) - 4)])
        (place / "mine.csv").write_text(f"{','.join(header)}\n{row}\n")
        # As they are, and as spreadsheets write them.
        for mark, encoding in ((",", "utf-8"), (",", "utf-8-sig"), (";", "utf-8-sig"), ("\t", "utf-16")):
            text = f"{','.join(header)}\n{row}\n".replace(",", mark)
            (place / "mine.csv").write_text(text, encoding=encoding)
            found = own.read(place)
            assert found.classes == ("Amsel",)
            assert found.quarantined == ()
            assert "mine.csv: written by this workflow, and not read as annotations" in found.remarks
    # Verdicts that the run takes are read as such.
    (place / "mine.csv").write_text(f"{','.join(header)}\n")
    own_verdicts = {"verdicts": [str(place / "mine.csv")]}
    assert not [said for said in own.read(place, options=own_verdicts).remarks if "mine.csv" in said]
    # A table of the user's own with a score or a reason is none of these.
    for own_column in ("score", "reason", "threshold,why"):
        (place / "mine.csv").write_text(
            f"path,start,end,label,{own_column}\nb.wav,3,4,Star,0.5{',' * own_column.count(',')}\n"
        )
        assert own.read(place).classes == ("Amsel", "Star")
    (place / "mine.csv").unlink()
    monkeypatch.chdir(place)
    (place / "results/own/detections/raven").mkdir(parents=True)
    (place / "results/own/detections/raven/a.txt").write_text("0\t1\tStar\n")
    assert own.read(place).classes == ("Amsel",)


ROWS = "path,start,end,label\nx.wav,1,2,lark\n"


@pytest.mark.parametrize(
    ("texts", "place", "reason"),
    [
        # The recording of the table's own site is missing.
        (
            {"one/x.txt": "1\t2\tlark\n", "two/x.txt": "5\t6\towl\n"},
            "one/x.txt, line 1",
            "in 'one', where the table lies with other recordings, found only two/x.wav",
        ),
        (
            {"one/x.txt": "1\t2\tlark\n", "t/two/x.txt": "5\t6\towl\n"},
            "one/x.txt, line 1",
            "in 'one', where the table lies with other recordings, found only two/x.wav",
        ),
        (
            {"one/all.csv": ROWS, "two/all.csv": ROWS.replace("lark", "owl")},
            "one/all.csv, line 2",
            "found only two/x.wav, which may also be 'x.wav' of two/all.csv",
        ),
    ],
)
def test_a_table_that_lies_with_other_recordings_is_of_none_of_another_folder(tmp_path, texts, place, reason):
    for name in ("one/other.wav", "two/x.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = own.read(tmp_path)
    assert [each[:2] for each in events(found)] == [("two/x.wav", "owl")]
    (lost,) = found.quarantined
    assert lost.place == place
    assert lost.reason.endswith(reason)


@pytest.mark.parametrize(
    ("recording", "others", "table"),
    [
        ("one/sub/x.wav", ["two/y.wav"], "x.txt"),
        ("one/sub/x.wav", ["two/y.wav"], "tables/x.txt"),
        ("one/sub/x.wav", ["two/y.wav"], "tables/deep/x.txt"),
        ("one/sub/x.wav", ["one/y.wav"], "one/x.txt"),
        # A tree of tables like that of the recordings, clips beside tables, a folder of tables for each class.
        ("audio/S1/day1/x.wav", ["audio/S1/test.wav"], "tables/S1/x.txt"),
        ("S1/x.wav", ["S1/sel/clip1.wav"], "S1/sel/x.txt"),
        ("rec/x.wav", ["clips/lark/c.wav"], "tables/lark/x.txt"),
    ],
)
def test_a_table_may_lie_apart_from_the_recordings(tmp_path, recording, others, table):
    for name in (recording, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / table).write_text("1\t2\tlark\n")
    found = own.read(tmp_path)
    assert [each[:2] for each in events(found)] == [(recording, "lark")]


def test_one_table_may_name_recordings_of_several_folders(tmp_path):
    for name in ("a/x.wav", "b/y.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    text = "path,start,end,label\nx.wav,1,2,lark\ny.wav,3,4,owl\n"
    both = [("a/x.wav", "lark"), ("b/y.wav", "owl")]
    for place in ("a/all.csv", "all.csv"):
        (tmp_path / place).write_text(text)
        assert [each[:2] for each in events(own.read(tmp_path))] == both
        (tmp_path / place).unlink()
    # Above both, beside a table of one of them.
    (tmp_path / "all.csv").write_text(text)
    (tmp_path / "b/b.csv").write_text("path,start,end,label\ny.wav,5,6,owl\n")
    found = own.read(tmp_path)
    assert [each[:3] for each in events(found)] == [
        *[(*each, at) for each, at in zip(both, (1, 3), strict=True)],
        ("b/y.wav", "owl", 5),
    ]
    assert not found.quarantined


def test_numbers_that_programs_round_are_of_one_event(tmp_path):
    header = "Begin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
    texts = {
        "a.txt": f"{header}10.000412345\t11.000481\t2000.123\t4000.4\tlark\n",
        "a.csv": "start,end,label,low,high\n10.0004,11.0005,lark,2000.1,4000\n10.0,11.0,lark,5000,7000\n",
    }
    found = own.read(folder(tmp_path, **texts))
    assert [(round(each[2]), round(each[4])) for each in events(found)] == [(10, 5000), (10, 2000)]


RAVEN = ("Selection", "Begin Time (s)", "End Time (s)", "Begin File", "File Offset (s)", "Species")


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
def test_a_raven_table_counts_from_the_begin_of_each_file_in_any_format(tmp_path, mark):
    rows = [RAVEN, ("1", "5", "7", "a.wav", "5", "lark"), ("2", "61", "62.5", "c.flac", "1", "owl")]
    text = "".join(mark.join(each) + "\n" for each in rows)
    found = own.read(folder(tmp_path, **{"all.csv": text}))
    assert [each[:4] for each in events(found)] == [("a.wav", "lark", 5, 7), ("c.flac", "owl", 1, 2.5)]
    # The user's own column counts so already; Raven's own, named by the user, does not.
    found = own.read(tmp_path, options={"columns": {"start": "File Offset (s)", "end": "End Time (s)"}})
    assert [each[2] for each in events(found)] == [5, 1]
    named = {"start": "begin time (s)", "end": "End Time (s)", "label": "Species"}
    found = own.read(tmp_path, options={"columns": named})
    assert [each[:4] for each in events(found)] == [("a.wav", "lark", 5, 7), ("c.flac", "owl", 1, 2.5)]
    (tmp_path / "all.csv").write_text(text.replace(f"{mark}5{mark}lark", f"{mark}{mark}lark"))
    assert [each[2:4] for each in events(own.read(tmp_path))] == [(5, 7), (1, 2.5)]
    rows = [[*each[:4], each[5]] for each in rows]
    (tmp_path / "all.csv").write_text("".join(mark.join(each) + "\n" for each in rows))
    found = own.read(tmp_path)
    assert {each.reason.split(",")[0] for each in found.quarantined} == {"expected a column File Offset (s)"}
