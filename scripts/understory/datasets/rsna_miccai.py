"""RSNA-MICCAI Brain Tumor Radiogenomic Classification (Kaggle, 2021): is a glioblastoma's MGMT promoter methylated?

`train_labels.csv` says 0 or 1 of each subject, whose study is the folder `train/ID`: a folder a sequence (FLAIR, T1w,
T1wCE, T2w), a DICOM file a slice, `Image-N.dcm`. The test studies are those `sample_submission.csv` names. Ids are text
of five digits.

U. Baid et al., "The RSNA-ASNR-MICCAI BraTS 2021 Benchmark on Brain Tumor Segmentation and Radiogenomic
Classification", arXiv:2107.02314.
"""

import re
from pathlib import Path

from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, read_rows
from understory.data.dataset import CONTROL, Annotation, Dataset, Recording

MEDIUM = "images"
FOLDERS = True
METRIC = "roc_auc"
UNIT = "recording"
SCORED = "recording"
PARTS = ("all_subjects",)
LABELS = "train_labels.csv"
SAMPLE = "sample_submission.csv"
ID, VALUE = "BraTS21ID", "MGMT_value"
CLASSES = ("0", "1")  # without and with methylation; the submission's value is the probability of the second
# The organisers found faults in these studies after the start, and advised to train without them.
LEFT_OUT = frozenset({"00109", "00123", "00709"})


def read(folder: Path, part=None, *, train: bool = True) -> Dataset:
    """The competition's tables, each subject with its one label.

    Parameters
    ----------
    folder : Path
    part : {None, "all_subjects"}
        With None, the training subjects of `LEFT_OUT` are left out.
    train : bool
        False for the test subjects alone, which need no `train_labels.csv`.

    Raises
    ------
    InputError
        A table is missing or cannot be read. A row that cannot be used is quarantined, and so are all rows of a subject with
        two labels.
    """
    builder = DatasetBuilder(folder)
    submission_template(folder)
    for each, row, _ in builder.rows(SAMPLE, (ID,), subset="test", kind="recording", id_column=ID):
        with each:
            builder.add_recording(_recording(row, "test"))
    if train:
        rows = [
            (each, row, place)
            for each, row, place in builder.rows(
                LABELS, (ID, VALUE), subset="train", kind="annotation", id_column=ID
            )
            if part == "all_subjects" or row[ID] not in LEFT_OUT
        ]
        values: dict[str, set[str]] = {}
        for _, row, _ in rows:
            values.setdefault(row[ID], set()).add(row[VALUE])
        for each, row, place in rows:
            with each:
                recording = _recording(row, "train")
                if len(values[row[ID]]) > 1:
                    raise InputError("expected each subject once, found it again with another value")
                if row[VALUE] not in CLASSES:
                    raise InputError(f"expected 0 or 1 in column {VALUE}, found {row[VALUE][:100]!r}")
                builder.add_annotation(Annotation(row[ID], row[VALUE], "present"), recording, place)
    return builder.build(classes=CLASSES, exhaustive=True)


def _recording(row, subset):
    name = row[ID]
    if not re.fullmatch("[0-9]{5}", name):
        short = name.isascii() and name.isdigit() and len(name) < 5
        raise InputError(
            f"expected an id of five digits in column {ID}, found {name[:100]!r}"
            + (": what saved the table took it for a number" if short else "")
        )
    return Recording(name, f"{subset}/{name}", subset)


def submission_template(folder: Path):
    """The id column, the test subjects and the one other column of a submission, in order, each once."""
    path = folder / SAMPLE
    header, rows = read_rows(path, (ID,))
    columns = [column for column in header if column != ID]
    if columns != [VALUE]:
        raise InputError(
            f"{path}: expected the columns {ID} and {VALUE}, found {', '.join(columns) or 'no other'} beside {ID}"
        )
    ids = list(dict.fromkeys(row[ID] or "" for _, row in rows))
    if odd := [name for name in ids if CONTROL.search(name)]:
        raise InputError(f"{path}: expected ids in plain text, found {odd[0]!r}")
    return ID, ids, columns


def submission(template, predictions, decisions=None):
    """The submission: of each subject, the probability of methylation.

    Parameters
    ----------
    template : tuple
        What `submission_template` returned.
    predictions : pandas.DataFrame
        `recording_id` and a column a class; one row a recording.
    decisions : None
        Not used: the metric ranks probabilities.

    Returns
    -------
    pandas.DataFrame
        `BraTS21ID, MGMT_value`, one row an id of the template, in its order.

    Raises
    ------
    InputError
        A subject has no prediction; the message names some.
    """
    id_column, ids, columns = template
    probabilities = predictions.set_index("recording_id")[[CLASSES[1]]]
    if absent := [name for name in ids if name not in probabilities.index]:
        raise InputError(
            f"submission: expected a prediction for every id of the sample submission, missing for {len(absent)}, "
            f"such as {', '.join(absent[:3])}"
        )
    return probabilities.loc[ids].set_axis(columns, axis=1).rename_axis(id_column).reset_index()
