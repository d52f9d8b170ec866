"""Rainforest Connection Species Audio Detection (Kaggle, 2020): 24 species in 60 s field recordings.

`train_tp.csv` holds events that experts confirmed, `train_fp.csv` events that they rejected; every other
label of a recording is unknown. The test recordings are those `sample_submission.csv` names.
"""

from pathlib import Path

from understory.tables import Annotation, InputError, Recording, Tables, number, read_rows

METRIC = "lwlrap"
PARTS = ()
SPECIES = 24
CLASSES = tuple(f"s{species}" for species in range(SPECIES))
COLUMNS = ("recording_id", "species_id", "songtype_id", "t_min", "f_min", "t_max", "f_max")


def read(folder: Path, part=None) -> Tables:
    """The competition's tables; `available` is left to the caller."""
    annotations = [
        *_annotations(folder / "train_tp.csv", "present"),
        *_annotations(folder / "train_fp.csv", "absent"),
    ]
    _, test, _ = submission_template(folder)
    train = sorted({annotation.recording_id for annotation in annotations})
    return Tables(
        classes=CLASSES,
        recordings=tuple(
            Recording(recording_id, f"{subset}/{recording_id}.flac", subset)
            for subset, ids in (("train", train), ("test", sorted(test)))
            for recording_id in ids
        ),
        annotations=tuple(annotations),
        exhaustive=False,
    )


def _annotations(path, presence):
    for row in read_rows(path, COLUMNS):
        species = row["species_id"]
        if not (species.isascii() and species.isdigit() and int(species) < SPECIES):
            raise InputError(
                f"{path}: expected a species_id from 0 to {SPECIES - 1}, found {species!r} in recording {row['recording_id']}"
            )
        box = {column: number(row, column, path) for column in COLUMNS[3:]}
        if not (0 <= box["t_min"] < box["t_max"] and 0 <= box["f_min"] < box["f_max"]):
            raise InputError(
                f"{path}: expected 0 <= t_min < t_max and 0 <= f_min < f_max, found {box} in recording {row['recording_id']}"
            )
        yield Annotation(
            row["recording_id"],
            f"s{int(species)}",
            presence,
            box["t_min"],
            box["t_max"],
            box["f_min"],
            box["f_max"],
        )


def submission_template(folder: Path):
    """The id column, the test recordings and the label columns of a submission, in order."""
    path = folder / "sample_submission.csv"
    rows = read_rows(path, ("recording_id", *CLASSES))
    labels = [column for column in next(iter(rows), {}) if column != "recording_id"]
    if extra := sorted(set(labels) - set(CLASSES)):
        raise InputError(
            f"{path}: expected the columns recording_id and {CLASSES[0]} to {CLASSES[-1]}, found {', '.join(extra)} too"
        )
    return "recording_id", [row["recording_id"] for row in rows], labels
