"""ESC-50 and its ten-class part ESC-10: environmental sounds of about 5 s with official folds.

K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.
`meta/esc50.csv` names every clip with its fold and category; each clip has exactly one category.
"""

from collections import Counter
from pathlib import Path

from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, whole_number
from understory.data.dataset import Annotation, Dataset, Recording

MEDIUM = "audio"
METRIC = "accuracy"
UNIT = "recording"
SCORED = "example"
PARTS = ("esc10",)
TABLE = "meta/esc50.csv"
FOLDS = 5
COLUMNS = ("filename", "fold", "target", "category", "esc10")


def read(folder: Path, part=None, *, train=True) -> Dataset:
    """The clips of ESC-50, or with `part="esc10"` those of ESC-10; all for training, none for testing.

    A clip that is listed twice with different values is quarantined, and so is a row whose target differs from that of
    most rows of its category.
    """
    builder = DatasetBuilder(folder)
    rows = [
        (each, row, place, row["filename"])
        for each, row, place in builder.rows(
            TABLE, COLUMNS, subset="train", kind="annotation", id_column="filename"
        )
        if part is None or row["esc10"].strip().lower() != "false"
    ]
    contents = {}
    for _, row, _, clip in rows:
        contents.setdefault(clip, set()).add(tuple(row[column] for column in COLUMNS))
    counts = Counter((row["category"], row["target"]) for _, row, _, _ in rows)
    usual = {
        category: target
        for (category, target), _ in sorted(counts.items(), key=lambda item: (item[1], item[0]))
    }
    targets, folds = {}, {}
    for each, row, place, clip in rows:
        with each:
            if len(contents[clip]) > 1:
                raise InputError("expected each clip once, found it again with other values")
            if part is not None and row["esc10"].strip().lower() != "true":
                raise InputError(f"expected True or False in column esc10, found {row['esc10']!r}")
            if row["target"] != usual[row["category"]]:
                raise InputError(
                    f"expected the target {usual[row['category']]}, as most of {row['category']!r} have, found {row['target']!r}"
                )
            fold, target = whole_number(row, "fold"), whole_number(row, "target")
            if not 1 <= fold <= FOLDS:
                raise InputError(f"expected a fold from 1 to {FOLDS}, found {fold}")
            recording = Recording(clip, f"audio/{clip}", "train")
            builder.add_annotation(Annotation(clip, row["category"], "present"), recording, place)
            folds[clip], targets[row["category"]] = fold, target
    if not folds:
        raise InputError(f"{folder / TABLE}: expected at least one clip that can be used, found none")
    return builder.build(
        classes=sorted(targets, key=lambda category: (targets[category], category)),
        exhaustive=True,
        folds={clip: fold - min(folds.values()) for clip, fold in folds.items()},
    )
