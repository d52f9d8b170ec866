"""Rainforest Connection Species Audio Detection (Kaggle, 2020): 24 species in 60 s field recordings.

The species are those of `sample_submission.csv`, so that a synthetic data set may have another number of them.

`train_tp.csv` holds events that experts confirmed, `train_fp.csv` events that they rejected; every other
label of a recording is unknown. The test recordings are those `sample_submission.csv` names. `songtype_id` numbers the songs and
calls of a species.
"""

from pathlib import Path

from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, number, read_rows, whole_number
from understory.data.dataset import CONTROL, Annotation, Dataset, Recording

MEDIUM = "audio"
METRIC = "lwlrap"
UNIT = "recording"
SCORED = "example"
PARTS = ()
READS = ("song_types",)
COLUMNS = ("recording_id", "species_id", "songtype_id", "t_min", "f_min", "t_max", "f_max")
SAMPLE = "sample_submission.csv"
TABLES = ("train_tp.csv", "train_fp.csv", SAMPLE)


def read(folder: Path, part=None, *, train=True, song_types=False) -> Dataset:
    """The competition's tables; without `train`, those of the test recordings alone; with `song_types`, types as well."""
    builder = DatasetBuilder(folder)
    _, _, labels = submission_template(folder)
    for each, row, _ in builder.rows(SAMPLE, ("recording_id",), subset="test", kind="recording"):
        with each:
            builder.add_recording(_recording(row, "test"))
    for table, presence in (("train_tp.csv", "present"), ("train_fp.csv", "absent")) if train else ():
        for each, row, place in builder.rows(table, COLUMNS, subset="train", kind="annotation"):
            with each:
                annotation = _annotation(row, presence, species=len(labels))
                if song_types:
                    annotation = annotation._replace(song_type=str(whole_number(row, "songtype_id")))
                builder.add_annotation(annotation, _recording(row, "train"), place)
    return builder.build(classes=[f"s{species}" for species in range(len(labels))], exhaustive=False)


def _recording(row, subset):
    return Recording(row["recording_id"], f"{subset}/{row['recording_id']}.flac", subset)


def _annotation(row, presence, *, species):
    given = whole_number(row, "species_id")
    if given >= species:
        raise InputError(f"expected a species_id from 0 to {species - 1}, found {given}")
    box = {column: number(row, column) for column in COLUMNS[3:]}
    return Annotation(row["recording_id"], f"s{given}", presence, **box)


def submission_template(folder: Path):
    """The id column, the test recordings and the label columns of a submission, in order, each once."""
    path = folder / SAMPLE
    header, rows = read_rows(path, ("recording_id",))
    labels = [column for column in header if column != "recording_id"]
    if not labels or set(labels) != {f"s{species}" for species in range(len(labels))}:
        raise InputError(
            f"{path}: expected the columns recording_id and s0, s1, … without a gap, found {', '.join(labels) or 'no species'}"
        )
    ids = list(dict.fromkeys(row["recording_id"] or "" for _, row in rows))
    if odd := [name for name in ids if CONTROL.search(name)]:
        raise InputError(f"{path}: expected ids in plain text, found {odd[0]!r}")
    return "recording_id", ids, labels
