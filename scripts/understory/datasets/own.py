"""One's own recordings: a folder of sound files, with annotation tables beside them or a folder for each class.

Recordings that a table names, or that have a table of their own, are for training; all others are predicted. Where there is
no table, a recording in a folder is an example of the class that the folder is named after. Tables are Raven selections,
Audacity labels, or have a header (`understory.annotations`).
"""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from understory.annotations import files, verdicts
from understory.annotations.collected import Collected
from understory.annotations.recordings import Recordings
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.text import listed, printable
from understory.data.builder import DatasetBuilder
from understory.data.dataset import Annotation, Dataset, Recording

MEDIUM = "audio"
METRIC = "lwlrap"
UNIT = "recording"
SCORED = "example"
PARTS = ()
READS = ("song_types", "confidence")
# Nobody asks for a number where a recording could not be read.
PRIORS = False
# The block of the configuration that `read` and `submission_template` take.
OPTIONS = "own"


def read(folder: Path, part=None, *, train=True, options=None, song_types=False, confidence=False) -> Dataset:
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
        table that renames labels, or None), `exhaustive`, `min_confidence`, `verdicts` (files of verdicts on detections),
        `reviewed` (the folder that their paths are relative to, or None for this one) and `contents` (the index of what files
        hold, as `FileDigests` takes it).
    song_types, confidence : bool
        Whether song types, and the confidences of present events, are read as well.
    """
    builder = DatasetBuilder(folder)
    options = {**(options or {}), "song_types": song_types, "confidence": confidence}
    sounds, tables = files.below(folder)
    if not sounds:
        raise InputError(f"{folder}: expected recordings ({', '.join(files.SOUND)}), found none")
    annotated, remarks, known, heard = set(), [], set(), set()
    if train:
        labels = files.renamed(folder, options.get("labels"))
        tables, results = _tables(folder, tables, options)
        annotated, remarks, known, heard = _add_annotated(builder, sounds, tables, labels, options)
        if results:
            told = f"{listed(map(printable, results))}: written by this workflow, and not read as annotations"
            remarks = [*remarks, told]
    for path in sounds:
        if path not in annotated:
            with builder.each("test", "recording", path, path):
                builder.add_recording(Recording(path, path, "test"))
    if train and not (builder.annotations or builder.quarantined):
        where = f"none in {listed(map(printable, tables))}" if tables else "none"
        raise InputError(
            f"{folder}: expected annotations of some recordings, in tables beside them ({', '.join(files.TABLES)}; save a "
            f"spreadsheet as CSV) or by a folder for each class, found {where}"
        )
    classes = sorted({annotation.label for annotation in builder.annotations})
    exhaustive = bool(options.get("exhaustive"))
    picked = heard & builder.recordings.keys()
    for name in sorted(picked) if exhaustive else ():
        # Here only detections are known: what no verdict says of is unknown, and not absent.
        for label in classes:
            builder.add_annotation(Annotation(name, label, "unknown"), builder.recordings[name], "verdicts")
    dataset = builder.build(classes=classes, exhaustive=exhaustive)
    background = frozenset(known if exhaustive else ())
    return replace(
        dataset, background=background, picked=frozenset(picked), remarks=(*remarks, *_rare(dataset))
    )


def _add_annotated(builder, sounds, tables, labels, options):
    """Add what is annotated, and what verdicts say; the recordings that this is about, what is said of the tables, the
    recordings of which it is known where nothing is, if annotations are exhaustive, and those of which only verdicts tell."""
    events = Collected(builder, Recordings(sounds), labels, options)
    ignored = events.read(tables, notes=options.get("annotations") is None)
    if tables and not ignored:
        annotated = set(events.about)
        remarks, known = events.remarks(len(sounds)), annotated - events.doubtful
    else:
        annotated = known = _add_folders(builder, sounds, labels, options["song_types"])
        named = listed(sorted({annotation.label for annotation in builder.annotations}))
        remarks = [
            f"no annotation tables: {len(annotated)} recordings are of the class that their folder is named after: {named}"
        ]
        if ignored:
            remarks.append(
                f"{listed(map(printable, ignored))}: of no format of annotations that is known, and not read"
            )
    contents = FileDigests(options.get("contents"))
    reviewed = verdicts.Reviewed(builder.folder, sounds, options.get("reviewed"), contents)
    judged = events.judge(options.get("verdicts") or (), reviewed)
    events.add()
    return annotated | judged, [*remarks, *events.judged], known, judged - annotated


def _tables(folder, tables, options):
    """The tables that are read, without that of labels, and where a folder of annotations is named those in it; and tables that this
    workflow wrote, which are no annotations."""
    results = Path("results").resolve()
    tables = [
        path
        for path in tables
        if path != options.get("labels") and not Path(folder, path).resolve().is_relative_to(results)
    ]
    written = dict.fromkeys(path for path in tables if files.is_result(folder / path))
    tables = [path for path in tables if path not in written]
    taken = {Path(path).resolve() for path in options.get("verdicts") or ()}
    written = [path for path in written if Path(folder, path).resolve() not in taken]
    place = options.get("annotations")
    if place is None:
        return tables, written
    inside = [path for path in tables if PurePosixPath(path).is_relative_to(place)]
    if not inside:
        raise InputError(
            f"own.annotations: expected a folder within {folder} with tables ({', '.join(files.TABLES)}), found none in {place!r}"
        )
    return inside, written


def _rare(dataset):
    """A line about classes that are present in one recording only."""
    recordings = {}
    for annotation in dataset.annotations:
        if annotation.presence == "present":
            recordings.setdefault(annotation.label, set()).add(annotation.recording_id)
    if rare := sorted(label for label, names in recordings.items() if len(names) == 1):
        yield (
            f"{listed(rare)}: annotated as present in one recording only, so that no model that has learnt from it is tested "
            "on another; annotate a second one"
        )


def _add_folders(builder, sounds, labels, typed):
    """Add each recording in a folder as an example of the class that the folder is named after, of a song type if these are read."""
    annotated = set()
    for path in sounds:
        label = files.normal(PurePosixPath(path).parent.name)
        label, song_type = labels.get(label, (label, ""))
        if label:
            annotated.add(path)
            annotation = Annotation(path, label, "present", song_type=song_type if typed else "")
            with builder.each("train", "recording", path, path):
                builder.add_annotation(annotation, Recording(path, path, "train"), path)
    return annotated


def submission_template(folder: Path):
    """A column of recordings, with a row for each that is predicted and a column for each class of the models."""
    return "path", None, None
