"""One's own annotation tables, and the recordings that they are about."""

import unicodedata

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from understory.annotations import files
from understory.core.errors import InputError
from understory.data.source import Source
from understory.datasets import own
from understory.plan import preflight

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
        ("t.csv", "path,start,end,label\nz.wav,0,1,lark\n", "expected a recording named 'z.wav', found none"),
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
    assert remarks(tables, tmp_path) == [
        "labels that may mean the same are classes of their own: 'Amsel' and 'amsel', 'Turdus merula' and 'Turdus_merula'"
    ]
    plain = own.read(folder(tmp_path, **{"a.csv": "start,end,label\n0,1,Amsel\n0,1,Star\n"}))
    assert remarks(plain, tmp_path) == []


def test_classes_of_several_folders_of_one_name_are_said(tmp_path):
    for path in ("owl/2020/a.wav", "lark/2020/b.wav", "lark/2021/c.wav"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    tables = own.read(tmp_path)
    assert tables.classes == ("2020", "2021")
    assert remarks(tables, tmp_path) == [
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
    assert "expected a recording named 'a.wav', found x/a.wav, y/a.wav" in one.reason


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
        found = own.read(tmp_path, train=False)
        assert [r.subset for r in found.recordings] == ["test", "test"]


LINES = st.lists(
    st.lists(
        st.sampled_from(
            ["0", "1.5", "-1", "nan", "x", "", "lark", "\\", "a.wav", "Begin Time (s)", "start", "é\x00"]
        ),
        max_size=6,
    ),
    max_size=6,
)


@given(
    first=st.sampled_from(
        [[], ["start", "end", "label"], ["0", "1", "lark"], [*HEADER.split("\t"), "Species"]]
    ),
    lines=LINES,
    mark=st.sampled_from(["\t", ",", ";"]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
@example(first=[], lines=[["0", "0", "0"]] * 2, mark="\t", end="\n", encoding="utf-8")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_table_ends_in_a_traceback_and_no_row_is_lost(tmp_path, first, lines, mark, end, encoding):
    """Each row that is not empty is an event or quarantined, or the table is as a whole."""
    (tmp_path / "a.wav").touch()
    lines = [first, *lines]
    text = end.join(mark.join(cells) for cells in lines)
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    try:
        found = own.read(tmp_path)
    except InputError:
        # There is no annotation at all.
        assert not any(any(cells) for cells in lines[1:])
        return
    for row in found.quarantined:
        assert row.place.startswith("a.txt")
        assert "expected" in row.reason or "duplicate" in row.reason
    if any(row.place == "a.txt" for row in found.quarantined):
        assert not found.annotations
        return
    places = {row.place for row in found.quarantined} | set(found.places.values())
    said = {(a.label, round(a.t_min, 2), round(a.t_max, 2)) for a in found.annotations}
    for event in files.read(tmp_path / "a.txt", {})[1]:
        # Said before, by another row.
        if f"a.txt, line {event.line}" not in places:
            times = (round(float(event.fields[side]), 2) for side in ("start", "end"))
            assert (event.fields["label"], *times) in said


@pytest.mark.slow
def test_from_a_folder_to_predictions_without_a_table_of_names(tmp_path, run_snakemake):
    """Two tones in folders of their own, and one new recording; then new recordings alone, by the saved models."""
    rng, rate = np.random.default_rng(0), 16_000
    times = np.arange(2 * rate) / rate
    for number in range(16):
        label, pitch = (("low", 500), ("high", 3000))[number % 2]
        place = tmp_path / "data" / ("" if number > 13 else label)
        place.mkdir(exist_ok=True, parents=True)
        wave = 0.3 * np.sin(2 * np.pi * pitch * times) + rng.normal(0, 0.01, len(times))
        soundfile.write(place / f"{label}{number}.wav", wave, rate)
    small = {
        "shards": {"train": 1, "test": 1},
        "split": {"n_splits": 2},
        "crop": {"window": 1, "hop": 0.5, "sample_rate": 16_000},
        "features": {"log_mel": {"fmax": 8000}},
        "models": {"sed_cnn": {"options": {"filters": [4, 8], "dense": 8}, "epochs": 1}},
    }
    run_snakemake(tmp_path / "run", recipe="own", config=small | {"data": str(tmp_path / "data")})
    written = (tmp_path / "run/results/own/submission.csv").read_text().splitlines()
    assert written[0] == "path,high,low"
    assert [line.split(",")[0] for line in written[1:]] == ["high15.wav", "low14.wav"]
    new = {"train": [], "models_from": "results/own", "name": "new", "data": str(tmp_path / "data")}
    run_snakemake(tmp_path / "run", recipe="own", config=small | new)
    written = (tmp_path / "run/results/new/submission.csv").read_text().splitlines()
    assert written[0] == "path,high,low"
    assert len(written) == 17


def test_files_are_found_whatever_the_case_of_their_suffix(tmp_path):
    for name in ("b.MP3", "a.Flac", ".hidden.wav", "@eaDir/x.wav", "notes.TXT", "photo.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert files.below(tmp_path) == (["a.Flac", "b.MP3"], ["notes.TXT"])
