"""The reader of RSNA-MICCAI and its replica."""

from collections import Counter

import pandas as pd
import pytest

from understory.datasets import rsna_miccai
from understory.tables import InputError, NoTable, Recording


def folder(path, labels="00000,1\n00002,0\n", sample="00001,0.5\n00003,0.5\n"):
    if labels is not None:
        (path / "train_labels.csv").write_text(f"BraTS21ID,MGMT_value\n{labels}")
    (path / "sample_submission.csv").write_text(f"BraTS21ID,MGMT_value\n{sample}")
    return path


def test_the_real_tables_are_read_as_they_are(real):
    found = rsna_miccai.read(real("rsna-miccai"))
    assert found.quarantined == ()
    assert Counter(recording.subset for recording in found.recordings) == {"train": 582, "test": 87}
    assert Counter(annotation.label for annotation in found.annotations) == {"1": 306, "0": 276}
    assert found.recordings[0] == Recording("00000", "train/00000", "train")
    assert found.recordings[-1] == Recording("01006", "test/01006", "test")
    assert found.exhaustive
    assert not {"00109", "00123", "00709"} & {recording.recording_id for recording in found.recordings}


def test_subjects_that_are_left_out_can_be_kept(real):
    found = rsna_miccai.read(real("rsna-miccai"), "all_subjects")
    listed = pd.read_csv(real("rsna-miccai") / "train_labels.csv", dtype=str)
    assert len(found.annotations) == 585
    assert {a.recording_id: a.label for a in found.annotations} == dict(listed.to_numpy().tolist())


def test_a_submission_has_the_form_of_the_real_sample(real, tmp_path):
    template = rsna_miccai.submission_template(real("rsna-miccai"))
    assert (template[0], len(template[1]), template[2]) == ("BraTS21ID", 87, ["MGMT_value"])
    ids = template[1][::-1]
    predictions = pd.DataFrame({"recording_id": ids, "0": 0.9, "1": [0.1 + int(name) / 1e4 for name in ids]})
    rsna_miccai.submission(template, predictions, None).to_csv(tmp_path / "submission.csv", index=False)
    made = pd.read_csv(tmp_path / "submission.csv", dtype={"BraTS21ID": str})
    sample = pd.read_csv(real("rsna-miccai") / "sample_submission.csv", dtype={"BraTS21ID": str})
    assert list(made.columns) == list(sample.columns)
    assert list(made.BraTS21ID) == list(sample.BraTS21ID)
    assert made.MGMT_value.tolist() == pytest.approx([0.1 + int(name) / 1e4 for name in sample.BraTS21ID])


def test_without_training_the_table_of_labels_need_not_be_there(tmp_path):
    folder(tmp_path, labels=None)
    found = rsna_miccai.read(tmp_path, train=False)
    assert [recording.path for recording in found.recordings] == ["test/00001", "test/00003"]
    assert found.annotations == ()
    assert found.classes == ("0", "1")
    with pytest.raises(NoTable, match=r"train_labels.csv is missing"):
        rsna_miccai.read(tmp_path)


@pytest.mark.parametrize(
    ("row", "kept", "reason"),
    [
        ("00004,2", 2, "expected 0 or 1 in column MGMT_value, found '2'"),
        ("00004,1.0", 2, "expected 0 or 1 in column MGMT_value, found '1.0'"),
        ("00004,", 2, "expected 0 or 1 in column MGMT_value, found ''"),
        ("00004", 2, "expected as many values as the header has, found 1"),
        ("4,1", 2, "found '4': what saved the table took it for a number"),
        ("000004,1", 2, "expected an id of five digits in column BraTS21ID, found '000004'"),
        ("0000٤,1", 2, "expected an id of five digits in column BraTS21ID, found '0000٤'"),
        ("../00,1", 2, "expected an id of five digits"),
        (",1", 2, "expected an id of five digits in column BraTS21ID, found ''"),
        ("00000,1", 2, "expected each annotation once, found the one of train_labels.csv, line 2 again"),
        ("00000,0", 1, "expected each subject once, found it again with another value"),
        ("00001,0", 2, "found that it is another recording as well, test/00001"),
    ],
)
def test_rows_that_make_no_sense_are_set_aside(tmp_path, row, kept, reason):
    found = rsna_miccai.read(folder(tmp_path, labels=f"00000,1\n00002,0\n{row}\n"))
    assert found.quarantined
    assert all(reason in item.reason for item in found.quarantined)
    assert found.quarantined[-1][:4] == (
        "train",
        "annotation",
        row.split(",")[0],
        "train_labels.csv, line 4",
    )
    assert len(found.annotations) == kept
    assert sum(recording.subset == "train" for recording in found.recordings) == kept


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,0.5", "expected an id of five digits in column BraTS21ID, found '1': what saved the table"),
        ("00001,0.5", "expected each recording once, found this one again"),
    ],
)
def test_a_test_subject_that_makes_no_sense_is_set_aside(tmp_path, row, reason):
    (item,) = rsna_miccai.read(folder(tmp_path, sample=f"00001,0.5\n{row}\n")).quarantined
    assert item[:4] == ("test", "recording", row.split(",")[0], "sample_submission.csv, line 3")
    assert reason in item.reason


@pytest.mark.parametrize("header", ["BraTS21ID", "BraTS21ID,value", "BraTS21ID,MGMT_value,more"])
def test_a_sample_with_other_columns_is_refused(tmp_path, header):
    folder(tmp_path)
    (tmp_path / "sample_submission.csv").write_text(f"{header}\n00001{',0' * header.count(',')}\n")
    with pytest.raises(InputError, match="expected the columns BraTS21ID and MGMT_value, found"):
        rsna_miccai.read(tmp_path)


def test_a_submission_wants_a_prediction_for_each_subject():
    template = ("BraTS21ID", ["00001", "00003"], ["MGMT_value"])
    with pytest.raises(InputError, match=r"missing for 1, such as 00003"):
        rsna_miccai.submission(template, pd.DataFrame({"recording_id": ["00001"], "0": 0.5, "1": 0.5}), None)
