import importlib
import math
import os
import sys

import pytest

from understory import datasets, tables
from understory.tables import Annotation, InputError, Recording, Tables

EVENT = Annotation("a", "s0", "present", 1.0, 2.0, 3.0, 4.0)


def test_hashes_never_change():
    """A changed hash would deal every recording of every user to another shard."""
    assert tables.stable_hash("003bec244") == 13445519105992796059
    assert tables.shard_of("003bec244", "train", 7) == f"train-{13445519105992796059 % 7}"
    assert tables.example_id(EVENT) == "d5b59632b39d2b26"


def test_an_example_id_is_of_the_content():
    assert tables.example_id(EVENT) == tables.example_id(Annotation(*EVENT))
    assert tables.example_id(EVENT) != tables.example_id(EVENT._replace(t_max=2.5))


@pytest.mark.parametrize(
    ("label", "said"),
    [
        *(
            (label, "expected a label in plain text without semicolons, found '")
            for label in ("", "a;b", "a\nb", " a")
        ),
        ("fold", "expected a label, found 'fold', which is a column of the tables that are written"),
        ("absent", "expected a label, found 'absent', which is"),
        ("draw", "expected a label, found 'draw', which is"),
    ],
)
def test_labels_that_tables_could_not_hold_are_refused(label, said):
    with pytest.raises(InputError, match=said):
        Tables(classes=(label,), recordings=(), annotations=(), exhaustive=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing"),
        (b"", "a, b missing, found none"),
        (b"a\n1\n", "b missing, found a"),
        (b"a;b\n1;2\n", "b missing, found a;b; it seems to be separated by ';': save it with commas"),
        (b"a,b,a\n1,2,3\n", "each column once, found a again"),
        ("a,b\nü,1\n".encode("latin-1"), "not text in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "not text in UTF-8"),
        (b'a,b\n"1,2\n', "after line 1: expected a line of a CSV file"),
        ("folder", "columns a, b; found a folder"),
        ("pipe", "columns a, b; found a pipe, a socket or a device"),
        ("device", "columns a, b; found a pipe, a socket or a device"),
        ("dangling", "columns a, b; found a link that leads nowhere"),
    ],
)
def test_tables_that_cannot_be_read_are_named(tmp_path, content, message):
    path = tmp_path / "table.csv"
    match content:
        case bytes():
            path.write_bytes(content)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "dangling":
            path.symlink_to("nowhere")
    with pytest.raises(InputError, match=message) as raised:
        tables.read_rows(path, ("a", "b"))
    assert str(path) in str(raised.value)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffa,b\n1,2\n".encode())
    assert tables.read_rows(tmp_path / "t.csv", ("a", "b")) == (["a", "b"], [(2, {"a": "1", "b": "2"})])


def test_blank_rows_are_passed_over(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n,\n , \t\n,,,\n\n3,\n")
    assert [line for line, _ in tables.read_rows(tmp_path / "t.csv", ("a", "b"))[1]] == [2, 7]


def rfcx(folder, row="r,3,1,1.0,100.0,2.0,200.0", sample="t1"):
    columns = "recording_id,species_id,songtype_id,t_min,f_min,t_max,f_max"
    (folder / "train_tp.csv").write_text(f"{columns}\n{row}\n")
    (folder / "train_fp.csv").write_text(f"{columns}\nq,4,1,0.5,100.0,2.0,200.0\n")
    header = ",".join(["recording_id", *(f"s{i}" for i in range(24))])
    (folder / "sample_submission.csv").write_text(f"{header}\n{sample}{',0.5' * 24}\n")
    return folder


def test_rfcx_tables(tmp_path):
    found = datasets.reader("rfcx").read(rfcx(tmp_path))
    assert found.annotations == (
        Annotation("r", "s3", "present", 1.0, 2.0, 100.0, 200.0),
        Annotation("q", "s4", "absent", 0.5, 2.0, 100.0, 200.0),
    )
    assert found.places[found.annotations[0]] == "train_tp.csv, line 2"
    assert [r.path for r in found.recordings] == ["train/q.flac", "train/r.flac", "test/t1.flac"]
    assert not found.exhaustive


GOOD = "r,3,1,1.0,100.0,2.0,200.0"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("r,24,1,1,100,2,200", "expected a species_id from 0 to 23, found 24"),
        ("r,x,1,1,100,2,200", "expected a whole number in column species_id, found 'x'"),
        ("r,3,1,2,100,1,200", "expected 0 <= t_min < t_max and 0 <= f_min < f_max, found s3 from 2 to 1 s"),
        ("r,3,1,1,200,2,100", "expected 0 <= t_min < t_max and 0 <= f_min < f_max, found s3 from 1 to 2 s"),
        ("r,3,1,-1,100,2,200", "expected 0 <= t_min < t_max"),
        ("r,3,1,nan,100,2,200", "expected a finite number in column t_min, found 'nan'"),
        ("r,3,1,1_0,100,20,200", "expected a finite number in column t_min, found '1_0'"),
        ("r,3,1,١,100,2,200", "expected a finite number in column t_min, found '١'"),
        ("r,3,1,1e999,100,2,200", "expected a finite number in column t_min, found '1e999'"),
        ("r,3,1,,100,2,200", "expected a finite number in column t_min, found ''"),
        ("r,3,1,1,100,2", "expected as many values as the header has, found 6"),
        ("r,3,1,1,100,2,200,9", "expected as many values as the header has, found 8"),
        (
            "r,3,1,1,5,100,0,2,5,200,0",
            "expected as many values as the header has, found 11; if its numbers have decimal commas",
        ),
        (
            "é" * 121 + ",3,1,1,100,2,200",
            "expected a recording id in plain text of at most 240 bytes in UTF-8",
        ),
        ("../r,3,1,1,100,2,200", "expected a file within the data folder, found 'train/../r.flac'"),
        (",3,1,1,100,2,200", "expected a recording id in plain text"),
        (GOOD, "expected each annotation once, found the one of train_tp.csv, line 2 again"),
        ("t1,3,1,1,100,2,200", "found that it is another recording as well, test/t1.flac"),
    ],
)
def test_rows_that_make_no_sense_are_set_aside(tmp_path, row, reason):
    found = datasets.reader("rfcx").read(rfcx(tmp_path, f"{GOOD}\n{row}"))
    (item,) = found.quarantined
    assert item[:4] == ("train", "annotation", row.split(",")[0], "train_tp.csv, line 3")
    assert reason in item.reason
    assert found.recordings == datasets.reader("rfcx").read(rfcx(tmp_path)).recordings
    assert len(found.annotations) == 2


def test_a_test_recording_listed_again_is_set_aside(tmp_path):
    rfcx(tmp_path, sample="t1,0.5" + ",0.5" * 23 + "\nt2,0.5" + ",0.5" * 23 + "\nt1")
    (item,) = datasets.reader("rfcx").read(tmp_path).quarantined
    assert item == (
        "test",
        "recording",
        "t1",
        "sample_submission.csv, line 4",
        "expected each recording once, found this one again",
    )
    assert datasets.reader("rfcx").submission_template(tmp_path)[1] == ["t1", "t2"]


def read(name, folder, subset):
    return datasets.Source(name, str(folder), subset).read()


def test_a_submission_has_the_columns_of_the_sample_in_its_order(tmp_path):
    rfcx(tmp_path)
    path = tmp_path / "sample_submission.csv"
    turned = [
        ",".join([line.split(",")[0], *line.split(",")[:0:-1]]) for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(turned) + "\n")
    _, ids, labels = datasets.reader("rfcx").submission_template(tmp_path)
    assert labels == [f"s{i}" for i in range(23, -1, -1)]
    assert ids == ["t1"]
    path.write_text(turned[0] + "\n" + turned[1].replace("t1", "t\t1") + "\n")
    with pytest.raises(InputError, match="expected ids in plain text, found 't\\\\t1'"):
        datasets.reader("rfcx").submission_template(tmp_path)


@pytest.mark.parametrize("labels", ["", "s0,s2", "s0,s01", "s0,s1,dog"])
def test_the_species_are_the_columns_of_the_sample_without_a_gap(tmp_path, labels):
    rfcx(tmp_path)
    path = tmp_path / "sample_submission.csv"
    path.write_text("recording_id,s1,s0,s4,s3,s2\n")
    assert datasets.reader("rfcx").read(tmp_path).classes == ("s0", "s1", "s2", "s3", "s4")
    path.write_text(",".join(["recording_id", *labels.split(",")]).rstrip(",") + "\n")
    with pytest.raises(
        InputError, match="s0, s1, … without a gap, found " + (labels.replace(",", ", ") or "no species")
    ):
        datasets.reader("rfcx").read(tmp_path)
    path.write_text("recording_id,s0,s1,s2,s3\n")
    reasons = [item.reason for item in datasets.reader("rfcx").read(tmp_path).quarantined]
    assert reasons == ["expected a species_id from 0 to 3, found 4"]


def test_some_test_recordings_without_the_others_make_no_submission(tmp_path):
    rfcx(tmp_path, sample="t1,0.5" + ",0.5" * 23 + "\nt2")
    for name in ("train/q", "train/r", "test/t1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.flac").touch()
    with pytest.raises(InputError, match=r"expected all test recordings or none.*1 are missing, such as t2"):
        read("rfcx", tmp_path, "available")


@pytest.mark.parametrize(
    ("own", "said"),
    [({"a": 0, "b": 2}, "without a gap, found 1, 3"), ({"a": 0, "b": 1}, "expected 2, the data set's own")],
)
def test_folds_of_its_own_that_do_not_fit(own, said):
    tables = Tables(("x",), (Recording("a", "a", "train"), Recording("b", "b", "train")), (), True, own)
    with pytest.raises(InputError, match=said):
        tables.check_folds(3)


@pytest.mark.parametrize("shared", [False, True])
def test_a_part_has_a_shards_recordings_and_annotations_and_comes_back_as_text(shared):
    recordings = [Recording(f"r{n}", f"ä/{n}.flac", "test" if n % 3 == 0 else "train") for n in range(30)]
    annotations = [
        Annotation(f"r{n}", f"s{label}", "present", 0.1 + 0.2 * n, math.inf if label else 1e9 / 3)
        for n in range(29, 0, -1)
        for label in (1, 0)
    ]
    places = {annotation: f"t.csv, line {n}" for n, annotation in enumerate(annotations[::2])}
    whole = Tables(
        ("s0", "s1"), tuple(recordings), tuple(annotations), True, places=places, shared_windows=shared
    )
    parts = [whole.part(f"train-{number}", 3) for number in range(3)]
    assert sorted(r for part in parts for r in part.recordings) == sorted(
        r for r in recordings if r.subset == "train"
    )
    for number, part in enumerate(parts):
        names = [recording.recording_id for recording in part.recordings]
        assert names == sorted(
            name for name in names if tables.shard_of(name, "train", 3) == f"train-{number}"
        )
        assert sorted(part.annotations) == sorted(a for a in annotations if a.recording_id in names)
        assert part.places == {a: place for a, place in places.items() if a.recording_id in names}
        assert (part.exhaustive, part.shared_windows) == (True, shared)
        again = Tables.part_of_text(part.part_as_text())
        assert again == part
        assert again.places == part.places
        assert list(map(tables.example_id, again.annotations)) == list(
            map(tables.example_id, part.annotations)
        )


def test_a_folder_laid_out_otherwise_is_described(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "README.txt").touch()
    with pytest.raises(
        InputError, match=r"is missing.*holds 'README.txt', 'inner': where the tables lie in a folder"
    ):
        read("rfcx", tmp_path, "all")
    with pytest.raises(InputError, match=r"for another reader than esc50, set dataset"):
        read("esc50", tmp_path, "all")


def test_of_the_recordings_those_that_are_there_can_be_asked_for(tmp_path):
    rfcx(tmp_path)
    assert len(read("rfcx", tmp_path, "all").recordings) == 3
    with pytest.raises(InputError, match=r"expected recordings such as train/q.flac, found none of 3"):
        read("rfcx", tmp_path, "available")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "r.flac").touch()
    kept = read("rfcx", tmp_path, "available")
    assert [r.recording_id for r in kept.recordings] == ["r"]
    assert [a.label for a in kept.annotations] == ["s3"]
    with pytest.raises(InputError, match="expected one of all, available for dataset rfcx, given esc10"):
        read("rfcx", tmp_path, "esc10")


def test_without_test_shards_only_training_recordings_count(tmp_path):
    rfcx(tmp_path, sample="t1,0.5" + ",0.5" * 23 + "\nt1")
    found = datasets.Source("rfcx", str(tmp_path), "all", tested=False).read()
    assert {r.subset for r in found.recordings} == {"train"}
    assert len(found.annotations) == 2


def test_bad_rows_of_recordings_that_are_not_there_are_not_told_of_those_that_are(tmp_path):
    rfcx(tmp_path, row=f"{GOOD}\nq,3,1,2,100,1,200\nr,3,1,2,100,1,200")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "r.flac").touch()
    assert [item.recording_id for item in read("rfcx", tmp_path, "available").quarantined] == ["r"]


def test_esc50_tables(tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / "audio").mkdir()
    rows = ["1-1-A-0.wav,1,0,dog,True", "2-2-A-1.wav,2,1,rooster,True", "1-3-A-2.wav,1,2,pig,False"]
    (tmp_path / "meta" / "esc50.csv").write_text(
        "filename,fold,target,category,esc10\n" + "\n".join(rows) + "\n"
    )
    for row in rows:
        (tmp_path / "audio" / row.split(",")[0]).touch()
    whole, part = read("esc50", tmp_path, "all"), read("esc50", tmp_path, "esc10")
    assert whole.classes == ("dog", "rooster", "pig")
    assert part.classes == ("dog", "rooster")
    assert whole.folds == {"1-1-A-0.wav": 0, "2-2-A-1.wav": 1, "1-3-A-2.wav": 0}
    assert whole.annotations[0] == Annotation("1-1-A-0.wav", "dog", "present", 0.0, math.inf, 0.0, math.inf)
    assert whole.exhaustive
    with pytest.raises(InputError, match="esc50 has no synthetic data set"):
        datasets.replica_name("esc50")


@pytest.mark.parametrize(
    ("extra", "kept", "reason"),
    [
        ("1-9-A-0.wav,1,0,dog,True\n1-9-A-0.wav,1,0,dog,True", 4, "expected each annotation once"),
        ("1-9-A-0.wav,1,0,dog,True\n1-9-A-0.wav,2,1,rooster,True", 3, "expected each clip once"),
        ("1-9-A-0.wav,1,7,dog,True", 3, "expected the target 0, as most of 'dog' have, found '7'"),
        ("1-9-A-0.wav,first,0,dog,True", 3, "expected a whole number in column fold, found 'first'"),
        ("1-9-A-0.wav,55,0,dog,True", 3, "expected a fold from 1 to 5, found 55"),
        ("1-9-A-0.wav,0,0,dog,True", 3, "expected a fold from 1 to 5, found 0"),
        ("1-9-A-0.wav,1,9,a;b,True", 3, "expected a label in plain text"),
    ],
)
def test_clips_that_contradict_each_other_are_set_aside(tmp_path, extra, kept, reason):
    (tmp_path / "meta").mkdir()
    rows = ["1-1-A-0.wav,1,0,dog,True", "1-2-A-0.wav,2,0,dog,True", "2-2-A-1.wav,2,1,rooster,True"]
    for lines in ([*rows, *extra.split("\n")], [*extra.split("\n")[::-1], *rows[::-1]]):
        (tmp_path / "meta" / "esc50.csv").write_text(
            "\n".join(["filename,fold,target,category,esc10", *lines]) + "\n"
        )
        found = datasets.reader("esc50").read(tmp_path)
        assert len(found.recordings) == len(found.annotations) == kept
        assert all(reason in item.reason for item in found.quarantined)
        assert found.quarantined


READER = """
from understory.tables import Gathering, Recording

MEDIUM, METRIC, UNIT, SCORED, PARTS = "audio", "lwlrap", "recording", "example", ()


def read(folder, part=None, *, train=True):
    found = Gathering(folder)
    found.record(Recording("a", "a.wav", "test"))
    return found.tables(classes=["frog"], exhaustive=False)


def submission_template(folder):
    return "file", ["a"], ["frog"]
"""


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A function that adds a reader of this text, and gives its name."""
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path)])

    def add(text):
        (tmp_path / "mine.py").write_text(text)
        monkeypatch.delitem(sys.modules, "understory.datasets.mine", raising=False)
        importlib.invalidate_caches()
        return "mine"

    yield add
    sys.modules.pop("understory.datasets.mine", None)


def test_a_reader_is_a_file(reader):
    assert "mine" not in datasets.names()
    name = reader(READER)
    assert name in datasets.names()
    assert datasets.reader(name).submission_template("")[1] == ["a"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SCORED, PARTS", "OTHER, PARTS", "with SCORED = 'example' or 'recording', found none"),
        ("def read", "def _read", "expected a reader with read, found none"),
        ('"lwlrap"', '"auc"', "expected METRIC = 'lwlrap' or 'accuracy' or .* or 'roc_auc', found 'auc'"),
    ],
)
def test_what_a_reader_lacks_is_said(reader, old, new, said):
    name = reader(READER.replace(old, new))
    with pytest.raises(InputError, match=f"^scripts/understory/datasets/mine.py: .*{said}"):
        datasets.reader(name)


def test_test_recordings_want_the_form_of_a_submission(reader, tmp_path):
    name = reader(READER.replace("submission_template", "submission"))
    with pytest.raises(
        InputError, match=r"submission_template\(folder\), .*; shards.test: 0 leaves them out"
    ):
        read(name, tmp_path, "all")
    assert not datasets.Source(name, str(tmp_path), "all", tested=False).read().recordings
