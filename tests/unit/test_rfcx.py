import pytest

from understory.core.errors import InputError
from understory.data import source
from understory.data.dataset import Annotation


def read(folder, subset):
    return source.Source("rfcx", str(folder), subset).read()


def rfcx(folder, row="r,3,1,1.0,100.0,2.0,200.0", sample="t1"):
    columns = "recording_id,species_id,songtype_id,t_min,f_min,t_max,f_max"
    (folder / "train_tp.csv").write_text(f"{columns}\n{row}\n")
    (folder / "train_fp.csv").write_text(f"{columns}\nq,4,1,0.5,100.0,2.0,200.0\n")
    header = ",".join(["recording_id", *(f"s{i}" for i in range(24))])
    (folder / "sample_submission.csv").write_text(f"{header}\n{sample}{',0.5' * 24}\n")
    return folder


def test_rfcx_tables(tmp_path):
    found = source.reader("rfcx").read(rfcx(tmp_path))
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
        (
            "r,3,1,2,100,1,200",
            "expected start before end and the lower frequency below the upper one, none negative, found s3 from 2 to 1 s",
        ),
        (
            "r,3,1,1,200,2,100",
            "expected start before end and the lower frequency below the upper one, none negative, found s3 from 1 to 2 s",
        ),
        ("r,3,1,-1,100,2,200", "expected start before end"),
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
        (GOOD, "duplicate of the annotation of train_tp.csv, line 2"),
        ("t1,3,1,1,100,2,200", "found that it is another recording as well, test/t1.flac"),
    ],
)
def test_rows_that_make_no_sense_are_set_aside(tmp_path, row, reason):
    found = source.reader("rfcx").read(rfcx(tmp_path, f"{GOOD}\n{row}"))
    (item,) = found.quarantined
    assert item[:4] == ("train", "annotation", row.split(",")[0], "train_tp.csv, line 3")
    assert reason in item.reason
    assert found.recordings == source.reader("rfcx").read(rfcx(tmp_path)).recordings
    assert len(found.annotations) == 2


def test_a_test_recording_listed_again_is_set_aside(tmp_path):
    rfcx(tmp_path, sample="t1,0.5" + ",0.5" * 23 + "\nt2,0.5" + ",0.5" * 23 + "\nt1")
    (item,) = source.reader("rfcx").read(tmp_path).quarantined
    assert item == (
        "test",
        "recording",
        "t1",
        "sample_submission.csv, line 4",
        "duplicate recording",
    )
    assert source.reader("rfcx").submission_template(tmp_path)[1] == ["t1", "t2"]


def test_a_submission_has_the_columns_of_the_sample_in_its_order(tmp_path):
    rfcx(tmp_path)
    path = tmp_path / "sample_submission.csv"
    turned = [
        ",".join([line.split(",")[0], *line.split(",")[:0:-1]]) for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(turned) + "\n")
    _, ids, labels = source.reader("rfcx").submission_template(tmp_path)
    assert labels == [f"s{i}" for i in range(23, -1, -1)]
    assert ids == ["t1"]
    path.write_text(turned[0] + "\n" + turned[1].replace("t1", "t\t1") + "\n")
    with pytest.raises(InputError, match="expected ids in plain text, found 't\\\\t1'"):
        source.reader("rfcx").submission_template(tmp_path)


@pytest.mark.parametrize("labels", ["", "s0,s2", "s0,s01", "s0,s1,dog"])
def test_the_species_are_the_columns_of_the_sample_without_a_gap(tmp_path, labels):
    rfcx(tmp_path)
    path = tmp_path / "sample_submission.csv"
    path.write_text("recording_id,s1,s0,s4,s3,s2\n")
    assert source.reader("rfcx").read(tmp_path).classes == ("s0", "s1", "s2", "s3", "s4")
    path.write_text(",".join(["recording_id", *labels.split(",")]).rstrip(",") + "\n")
    with pytest.raises(
        InputError, match="s0, s1, … without a gap, found " + (labels.replace(",", ", ") or "no species")
    ):
        source.reader("rfcx").read(tmp_path)
    path.write_text("recording_id,s0,s1,s2,s3\n")
    reasons = [item.reason for item in source.reader("rfcx").read(tmp_path).quarantined]
    assert reasons == ["expected a species_id from 0 to 3, found 4"]


def test_some_test_recordings_without_the_others_make_no_submission(tmp_path):
    rfcx(tmp_path, sample="t1,0.5" + ",0.5" * 23 + "\nt2")
    for name in ("train/q", "train/r", "test/t1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.flac").touch()
    with pytest.raises(InputError, match=r"expected all test recordings or none.*1 are missing, such as t2"):
        read(tmp_path, "available")


def test_of_the_recordings_those_that_are_there_can_be_asked_for(tmp_path):
    rfcx(tmp_path)
    assert len(read(tmp_path, "all").recordings) == 3
    with pytest.raises(InputError, match=r"expected recordings such as train/q.flac, found none of 3"):
        read(tmp_path, "available")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "r.flac").touch()
    kept = read(tmp_path, "available")
    assert [r.recording_id for r in kept.recordings] == ["r"]
    assert [a.label for a in kept.annotations] == ["s3"]
    with pytest.raises(InputError, match="expected one of all, available for dataset rfcx, given esc10"):
        read(tmp_path, "esc10")


def test_without_test_shards_only_training_recordings_count(tmp_path):
    rfcx(tmp_path, sample="t1,0.5" + ",0.5" * 23 + "\nt1")
    found = source.Source("rfcx", str(tmp_path), "all", tested=False).read()
    assert {r.subset for r in found.recordings} == {"train"}
    assert len(found.annotations) == 2


def test_bad_rows_of_recordings_that_are_not_there_are_not_told_of_those_that_are(tmp_path):
    rfcx(tmp_path, row=f"{GOOD}\nq,3,1,2,100,1,200\nr,3,1,2,100,1,200")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "r.flac").touch()
    assert [item.recording_id for item in read(tmp_path, "available").quarantined] == ["r"]
