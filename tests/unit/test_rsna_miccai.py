"""The reader of RSNA-MICCAI and its replica."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict

from understory.core.errors import InputError, NoTable
from understory.data.dataset import Recording
from understory.datasets import rsna_miccai
from understory.synthetic import rsna_miccai as rsna_miccai_replica

SETTINGS = {"train_recordings": 12, "test_recordings": 3}


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
        ("00000,1", 2, "duplicate of the annotation of train_labels.csv, line 2"),
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
        ("00001,0.5", "duplicate recording"),
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


@pytest.fixture(scope="module")
def replica(tmp_path_factory):
    """The data folder of a replica of 12 training subjects and 3 others, beside its truth."""
    place = tmp_path_factory.mktemp("replica")
    rsna_miccai_replica.synthesize(
        place / "data", place / "truth.csv", settings=SETTINGS, seed=27, processes=2
    )
    return place / "data"


def slices(sequence: Path):
    """The slices of a sequence by number."""
    found = {int(path.stem.removeprefix("Image-")): path for path in sequence.iterdir()}
    return dict(sorted(found.items()))


@pytest.fixture(scope="module")
def read_slices(replica):
    """Every slice that pydicom reads, by study, sequence and number; and the paths of those that it does not."""
    found, broken = {}, []
    for sequence in sorted(replica.glob("t*/*/*")):
        for number, path in slices(sequence).items():
            dataset = pydicom.dcmread(path)
            try:
                dataset.pixel_array  # noqa: B018
            except ValueError:
                broken.append(path)
            else:
                found[sequence.parent.name, sequence.name, number] = dataset
    return found, broken


def test_the_replica_is_read_by_the_reader(replica):
    found = rsna_miccai.read(replica)
    assert found.quarantined == ()
    assert Counter(recording.subset for recording in found.recordings) == {"train": 12, "test": 3}
    assert Counter(annotation.label for annotation in found.annotations) == {"0": 6, "1": 6}
    assert all((replica / recording.path).is_dir() for recording in found.recordings)
    numbers = np.array(sorted(int(recording.recording_id) for recording in found.recordings))
    assert (np.diff(numbers) > 1).any()
    truth = pd.read_csv(replica.parent / "truth.csv", dtype={"recording_id": str})
    assert list(truth.columns) == ["recording_id", *found.classes]
    assert list(truth.recording_id) == rsna_miccai.submission_template(replica)[1]
    planned = {subject.subject_id: subject for subject in rsna_miccai_replica.plan(12, 3, seed=27)}
    assert truth["1"].tolist() == [planned[name].label for name in truth.recording_id]
    assert (truth["0"] == 1 - truth["1"]).all()
    assert all(a.label == str(planned[a.recording_id].label) for a in found.annotations)


def test_studies_of_the_replica_are_as_odd_as_real_ones(replica, read_slices):
    found, broken = read_slices
    assert len(broken) == 1
    assert "train" in broken[0].parts
    studies = {study.name: sorted(part.name for part in study.iterdir()) for study in replica.glob("t*/*")}
    assert sorted({len(sequences) for sequences in studies.values()}) == [3, 4]
    stacks = [list(slices(sequence)) for sequence in replica.glob("t*/*/*")]
    assert any(stack[0] != 1 for stack in stacks)
    assert any(np.diff(stack).max() > 1 for stack in stacks)
    assert {len(stack) for stack in stacks} == {8, 22, 24}
    syntaxes = {dataset.file_meta.TransferSyntaxUID for dataset in found.values()}
    assert syntaxes == {ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless}
    for keyword in ("RescaleSlope", "WindowCenter"):
        assert {keyword in dataset for dataset in found.values()} == {True, False}
    assert {dataset.PixelRepresentation for dataset in found.values()} == {0, 1}
    for dataset in found.values():
        assert dataset.pixel_array.shape == (64, 64)
        assert dataset.InstanceNumber == int(Path(dataset.filename).stem.removeprefix("Image-"))
        assert dataset.SOPInstanceUID.is_valid
    assert len({dataset.SOPInstanceUID for dataset in found.values()}) == len(found)


def test_slices_of_the_replica_lie_where_their_headers_say(read_slices):
    found, _ = read_slices
    normals, blank = set(), 0
    series: dict[tuple, list] = {}
    for (study, sequence, number), dataset in found.items():
        directions = np.array(dataset.ImageOrientationPatient, dtype=float).reshape(2, 3)
        assert directions @ directions.T == pytest.approx(np.eye(2), abs=1e-5)
        normal = np.cross(*directions)
        normals.add(int(np.abs(normal).argmax()))
        blank += not dataset.pixel_array.any()
        place = np.array(dataset.ImagePositionPatient, dtype=float)
        series.setdefault((study, sequence), []).append((number, place, normal, dataset))
    assert normals == {0, 1, 2}
    assert blank > len(found) / 20
    for slices_ in series.values():
        numbers, places, (normal, *_), (dataset, *_) = zip(*slices_, strict=True)
        steps = np.diff(places, axis=0) / np.diff(numbers)[:, None]
        along = steps @ normal
        assert np.abs(along) == pytest.approx(float(dataset.SpacingBetweenSlices), abs=1e-3)
        assert steps == pytest.approx(along[:, None] * normal, abs=1e-3)
        assert len(set(np.sign(along))) == 1


@pytest.mark.parametrize("plane", rsna_miccai_replica.PLANES.values(), ids=rsna_miccai_replica.PLANES)
def test_a_pixel_shows_what_is_at_its_place(plane):
    # Each voxel says where it is: its index along the three axes of the patient.
    index = np.arange(64)
    volume = index[:, None, None] + 100 * index[:, None] + 10_000 * index
    plane = np.array(plane)
    pictures, first = rsna_miccai_replica.stack(volume, plane, 24)
    down, right = np.indices((64, 64))
    for picture, origin in zip(pictures, first, strict=True):
        place = origin + 3.75 * (right[..., None] * plane[0] + down[..., None] * plane[1])
        shown = (np.stack([picture % 100, picture // 100 % 100, picture // 10_000], axis=-1) - 31.5) * 3.75
        # Along the slices, the nearest voxel is shown.
        assert np.abs(shown - place).max() <= 3.75 / 2 + 1e-9
        assert np.abs((shown - place) @ plane[:2].T).max() < 1e-9


def test_the_replica_is_of_its_seed_alone(tmp_path):
    def made(name, *, seed, processes, **others):
        settings = {"train_recordings": 2, "test_recordings": 1, **others}
        folder = tmp_path / name
        rsna_miccai_replica.synthesize(
            folder / "data", folder / "truth.csv", settings=settings, seed=seed, processes=processes
        )
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }

    first = made("first", seed=27, processes=1)
    assert made("again", seed=27, processes=2, rejected_recordings=9, max_snr=3) == first
    scans = {digest for name, digest in first.items() if name.endswith(".dcm")}
    assert not scans & set(made("other", seed=28, processes=1).values())


def test_a_split_by_slices_rewards_knowing_the_subject_again():
    """The replica's point: with slices of one subject on both sides, a model scores that knows nothing of tumours."""
    subjects = rsna_miccai_replica.plan(60, 0, seed=27)
    plane = np.array(rsna_miccai_replica.PLANES["axial"])
    pictures = []
    for subject in subjects:
        volume = rsna_miccai_replica.head(subject, plane, seed=27)["T1wCE"][::4, ::4]
        pictures.append(np.moveaxis(volume[..., 16:48:6], 2, 0).reshape(6, -1))
    x = np.concatenate([part / part.max(axis=1, keepdims=True) for part in pictures])
    labels = np.repeat([subject.label for subject in subjects], 6)
    groups = np.repeat(np.arange(60), 6)
    forest = RandomForestClassifier(60, random_state=0, n_jobs=1)

    def score(folds, groups=None):
        predicted = cross_val_predict(forest, x, labels, cv=folds, groups=groups, method="predict_proba")
        return roc_auc_score(labels, predicted[:, 1])

    by_slice = score(KFold(5, shuffle=True, random_state=42))
    by_subject = score(GroupKFold(5), groups)
    assert by_slice > 0.75
    assert by_subject < by_slice - 0.15
