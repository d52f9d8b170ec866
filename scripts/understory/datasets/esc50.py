"""ESC-50 and its ten-class part ESC-10: environmental sounds of about 5 s with official folds.

K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.
`meta/esc50.csv` names every clip with its fold and category; each clip has exactly one category.
"""

from pathlib import Path

from understory.tables import Annotation, InputError, Recording, Tables, read_rows

METRIC = "accuracy"
PARTS = ("esc10",)
COLUMNS = ("filename", "fold", "target", "category", "esc10")


def read(folder: Path, part=None) -> Tables:
    """The clips of ESC-50, or with `part="esc10"` those of ESC-10; all for training, none for testing."""
    path = folder / "meta" / "esc50.csv"
    rows = [row for row in read_rows(path, COLUMNS) if part is None or row["esc10"] == "True"]
    if not rows:
        raise InputError(f"{path}: expected at least one clip, found none")
    clips, targets = {}, {}
    for row in rows:
        clip = row["filename"]
        if not (row["fold"].isdigit() and row["target"].isdigit()):
            raise InputError(
                f"{path}: expected whole numbers for fold and target, found {row['fold']!r} and {row['target']!r} for {clip}"
            )
        if clip in clips:
            raise InputError(f"{path}: expected each clip once, found {clip} again")
        if targets.setdefault(row["category"], int(row["target"])) != int(row["target"]):
            raise InputError(
                f"{path}: expected one target a category, found {row['target']} for {row['category']}, which has {targets[row['category']]} above"
            )
        clips[clip] = row
    first = min(int(row["fold"]) for row in rows)
    return Tables(
        classes=tuple(sorted(targets, key=targets.get)),
        recordings=tuple(Recording(clip, f"audio/{clip}", "train") for clip in sorted(clips)),
        annotations=tuple(Annotation(clip, clips[clip]["category"], "present") for clip in sorted(clips)),
        exhaustive=True,
        folds={clip: int(row["fold"]) - first for clip, row in clips.items()},
    )
