"""One's own recordings: a folder of sound files, with annotation tables beside them or a folder for each class.

Recordings that a table names, or that have a table of their own, are for training; all others are predicted. Where there is
no table, a recording in a folder is an example of the class that the folder is named after. Tables are Raven selections,
Audacity labels, or have a header (`understory.annotations`).
"""

from pathlib import Path, PurePosixPath

from understory.annotations import files
from understory.annotations.events import PRESENCE
from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, number, read_rows
from understory.data.dataset import Annotation, Dataset, Recording

MEDIUM = "audio"
METRIC = "lwlrap"
UNIT = "recording"
SCORED = "example"
PARTS = ()
# The block of the configuration that `read` and `submission_template` take.
OPTIONS = "own"


def read(folder: Path, part=None, *, train=True, options=None) -> Dataset:
    """The recordings and events below a folder.

    Parameters
    ----------
    folder : Path
    part : None
        There are no parts.
    train : bool
        Without it, all recordings are predicted, and tables are not opened.
    options : dict
        `annotations` (a folder of tables within the folder, or None), `columns` (names of columns by field), `labels` (a
        table that renames labels, or None) and `exhaustive`.
    """
    options, builder = options or {}, DatasetBuilder(folder)
    sounds, tables = files.below(folder)
    if not sounds:
        raise InputError(f"{folder}: expected recordings ({', '.join(files.SOUND)}), found none")
    labels = _labels(folder, options.get("labels"))
    tables = [path for path in tables if path != options.get("labels") and _wanted(path, options)]
    annotated = set()
    if train and tables:
        find = files.Recordings(sounds)
        for path in tables:
            annotated |= _add_table(builder, path, find, labels, options.get("columns") or {})
    elif train:
        annotated = _add_folders(builder, sounds, labels)
    for path in sounds:
        if path not in annotated:
            with builder.each("test", "recording", path, path):
                builder.add_recording(Recording(path, path, "test"))
    if train and not (builder.annotations or builder.quarantined):
        raise InputError(
            f"{folder}: expected annotations of some recordings, in tables beside them ({', '.join(files.TABLES)}) or by a "
            "folder for each class, found none"
        )
    classes = sorted({annotation.label for annotation in builder.annotations})
    return builder.build(classes=classes, exhaustive=bool(options.get("exhaustive")))


def _wanted(path, options):
    """Whether a table is in the folder of annotations, where one is named."""
    folder = options.get("annotations")
    return folder is None or PurePosixPath(path).is_relative_to(folder)


def _labels(folder, path):
    """What labels are renamed to, by label; an empty one is left out."""
    if path is None:
        return {}
    return {row["from"]: (row["to"] or "").strip() for _, row in read_rows(folder / path, ("from", "to"))[1]}


def _add_table(builder, path, find, labels, columns):
    """Add the events of a table; the recordings that it is about."""
    try:
        _, events = files.read(builder.folder / path, columns)
        whole = None if any("path" in event.fields for event in events) else find.of_table(path)
    except InputError as error:
        builder.quarantine("train", "annotation", "", path, str(error))
        return set()
    about = set() if whole is None else {whole}
    if whole is not None and whole not in builder.recordings:
        with builder.each("train", "recording", whole, path):
            builder.add_recording(Recording(whole, whole, "train"))
    for event in events:
        place = f"{path}, line {event.line}"
        with builder.each("train", "annotation", whole or event.fields.get("path", ""), place):
            if event.wrong:
                raise InputError(event.wrong)
            name = whole or find.of_row(event.fields["path"], path)
            about.add(name)
            recording = Recording(name, name, "train")
            label = labels.get(event.fields["label"], event.fields["label"])
            if label or not event.fields["label"]:
                builder.add_annotation(_annotation(name, label, event.fields), recording, place)
            elif name not in builder.recordings:
                builder.add_recording(recording)
    return about


def _annotation(name, label, fields):
    if (said := fields.get("presence", "").lower()) not in PRESENCE:
        raise InputError(f"expected presence {', '.join(filter(None, PRESENCE))}, found {said!r}")
    box = {"t_min": number(fields, "start"), "t_max": number(fields, "end")}
    for side, field in (("f_min", "low"), ("f_max", "high")):
        if fields.get(field):
            box[side] = number(fields, field)
    return Annotation(name, label, PRESENCE[said], **box)


def _add_folders(builder, sounds, labels):
    """Add each recording in a folder as an example of the class that the folder is named after."""
    annotated = set()
    for path in sounds:
        label = PurePosixPath(path).parent.name
        label = labels.get(label, label)
        if label:
            annotated.add(path)
            with builder.each("train", "recording", path, path):
                builder.add_annotation(
                    Annotation(path, label, "present"), Recording(path, path, "train"), path
                )
    return annotated


def submission_template(folder: Path):
    """A column of recordings, with a row for each that is predicted and a column for each class of the models."""
    return "path", None, None
