import math

import pytest

from understory import datasets, tables
from understory.tables import Annotation, InputError, Recording, Tables

EVENT = Annotation("a", "s0", "present", 1.0, 2.0, 3.0, 4.0)


def test_hashes_never_change():
    """A changed hash would deal every recording of every user to another shard."""
    assert tables.stable_hash("003bec244") == 13445519105992796059
    assert tables.shard_of("003bec244", "train", 7) == f"train-{13445519105992796059 % 7}"
    assert tables.example_ids([EVENT]) == ["d5b59632b39d2b26"]


def test_example_ids_do_not_follow_row_numbers():
    other = EVENT._replace(t_max=2.5)
    assert tables.example_ids([EVENT, other]) == tables.example_ids([other, EVENT])[::-1]
    assert len(set(tables.example_ids([EVENT, EVENT, other]))) == 3


@pytest.mark.parametrize("label", ["", "a;b", "fold", "absent", "draw"])
def test_labels_that_tables_could_not_hold_are_refused(label):
    with pytest.raises(InputError, match="labels: expected text"):
        Tables(classes=(label,), recordings=(), annotations=(), exhaustive=True)


def test_a_recording_named_twice_is_refused():
    with pytest.raises(InputError, match="each recording once, found 'a'"):
        Tables(("x",), (Recording("a", "1", "train"), Recording("a", "2", "test")), (), True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing"),
        (b"", "a, b missing, found none"),
        (b"a\n1\n", "b missing, found a"),
        (b"a,b\n1\n", "line 2: expected 2 values"),
        (b"a,b\n1,2,3\n", "line 2: expected 2 values"),
        ("a,b\nü,1\n".encode("latin-1"), "not text in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "not text in UTF-8"),
        (b'a,b\n"1,2\n', "not a CSV file"),
    ],
)
def test_tables_that_cannot_be_read_are_named(tmp_path, content, message):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        tables.read_rows(path, ("a", "b"))
    assert str(path) in str(raised.value)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffa,b\n1,2\n".encode())
    assert tables.read_rows(tmp_path / "t.csv", ("a", "b")) == [{"a": "1", "b": "2"}]


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
    assert [r.path for r in found.recordings] == ["train/q.flac", "train/r.flac", "test/t1.flac"]
    assert not found.exhaustive


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("r,24,1,1,100,2,200", "species_id from 0 to 23, found '24'"),
        ("r,x,1,1,100,2,200", "species_id from 0 to 23, found 'x'"),
        ("r,3,1,2,100,1,200", "t_min < t_max"),
        ("r,3,1,1,200,2,100", "f_min < f_max"),
        ("r,3,1,nan,100,2,200", "finite number in column t_min, found 'nan'"),
        ("r,3,1,,100,2,200", "finite number in column t_min, found ''"),
    ],
)
def test_rfcx_rows_that_make_no_sense_are_named(tmp_path, row, message):
    with pytest.raises(InputError, match=message):
        datasets.reader("rfcx").read(rfcx(tmp_path, row))


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
    path.write_text(turned[0] + ",s24\n" + turned[1] + ",0.5\n")
    with pytest.raises(InputError, match="recording_id and s0 to s23, found s24 too"):
        datasets.reader("rfcx").submission_template(tmp_path)


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


def test_absent_recordings_are_named_and_available_ones_are_kept(tmp_path):
    rfcx(tmp_path)
    with pytest.raises(InputError, match=r"3 are missing, such as train/q.flac.*subset: available"):
        read("rfcx", tmp_path, "all")
    with pytest.raises(InputError, match=r"expected recordings such as train/q.flac, found none of 3"):
        read("rfcx", tmp_path, "available")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "r.flac").touch()
    kept = read("rfcx", tmp_path, "available")
    assert [r.recording_id for r in kept.recordings] == ["r"]
    assert [a.label for a in kept.annotations] == ["s3"]
    with pytest.raises(InputError, match="expected one of all, available for dataset rfcx, given esc10"):
        read("rfcx", tmp_path, "esc10")


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
