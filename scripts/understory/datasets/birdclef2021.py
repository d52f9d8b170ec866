"""BirdCLEF 2021 (Kaggle): which birds sing in each 5 s of ten-minute soundscapes from four sites.

`train_soundscape_labels.csv` tells every window of the training soundscapes in full, `nocall` where no bird is heard.
`train_metadata.csv` names clips of one species each, of any length: where in them it sings is not told, and what else
sings (`secondary_labels`) is not sure. The windows to predict are those of `sample_submission.csv`.
"""

import ast
import math
import os
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath

from understory.core import files
from understory.core.errors import InputError
from understory.data.builder import DatasetBuilder, read_rows, whole_number
from understory.data.dataset import CONTROL, Annotation, Dataset, Recording, check_label

MEDIUM = "audio"
METRIC = "row_f1"
UNIT = "window"
SCORED = "example"
NONE = "nocall"
PARTS = ("soundscapes",)
LABELS = "train_soundscape_labels.csv"
CLIPS = "train_metadata.csv"
TEST = "test.csv"
SAMPLE = "sample_submission.csv"
COLUMNS = ("row_id", "site", "audio_id", "seconds")
CLIP_COLUMNS = ("primary_label", "secondary_labels", "filename")
WINDOW = 5  # s, that a row tells of
CODE = re.compile(r"[a-z0-9]+")
# The date is in no table.
SOUNDSCAPE = re.compile(r"(.+)_[0-9]{8}\.ogg")


def read(folder: Path, part=None, *, train: bool = True) -> Dataset:
    """The soundscapes and, unless `part` is "soundscapes", the clips, which train in every fold.

    The classes are `nocall` and all species of soundscapes and clips, in the order of the alphabet; with
    `part="soundscapes"`, those of the soundscapes. A secondary label that is no class says nothing, and is passed over.

    Parameters
    ----------
    folder : Path
    part : {None, "soundscapes"}
    train : bool
        Without it, the test soundscapes alone, and no classes: neither `train_soundscape_labels.csv` nor
        `train_metadata.csv` has to be there. With it, `test.csv` need not be, and then nothing is there to predict.

    Raises
    ------
    InputError
        A table is missing or cannot be read.
    """
    builder = DatasetBuilder(folder)
    if not train or files.other(folder / TEST) != files.NONE:
        _read_test(builder)
    if not train:
        return builder.build(classes=(), exhaustive=True, shared_windows=True)
    _read_soundscapes(builder)
    clips = _read_clips(builder) if part is None else {}
    classes = {NONE, *(annotation.label for annotation in builder.annotations)}
    for recording, (others, place) in clips.items():
        for other in sorted(classes & set(others)):
            builder.add_annotation(Annotation(recording.recording_id, other, "unknown"), recording, place)
    return builder.build(
        classes=sorted(classes),
        exhaustive=True,
        shared_windows=True,
        unvalidated={recording.recording_id for recording in clips},
    )


def _read_test(builder):
    listed, told = _listed(builder.folder, "test"), set()
    for _, row, place in builder.rows(TEST, COLUMNS, subset="test", kind="recording", id_column="row_id"):
        with builder.each("test", "recording", _soundscape(row), place):
            _stop(row)
            if row["row_id"] in told:
                raise InputError("expected each row_id once, found this one again")
            told.add(row["row_id"])
            recording = _recording(row, "test", listed)
            if recording.recording_id not in builder.recordings:
                builder.add_recording(recording)


def _read_soundscapes(builder):
    listed, told = _listed(builder.folder, "train"), {}
    rows = [
        (row, place)
        for _, row, place in builder.rows(
            LABELS, (*COLUMNS, "birds"), subset="train", kind="annotation", id_column="row_id"
        )
    ]
    for row, _ in rows:
        told.setdefault(row["row_id"], set()).add(frozenset(row["birds"].split()))
    for row, place in rows:
        with builder.each("train", "annotation", _soundscape(row), place):
            stop, birds = _stop(row), _birds(row)
            if len(told[row["row_id"]]) > 1:
                raise InputError("expected each row_id once, found this one again with other birds")
            recording = _recording(row, "train", listed)
            for bird in birds:
                builder.add_annotation(
                    Annotation(recording.recording_id, bird, "present", stop - WINDOW, stop), recording, place
                )


def _read_clips(builder):
    """The secondary labels of each clip, and where they stand."""
    clips = {}
    for _, row, place in builder.rows(
        CLIPS, CLIP_COLUMNS, subset="train", kind="annotation", id_column="filename"
    ):
        name, species = PurePosixPath(row["filename"]).stem, row["primary_label"]
        with builder.each("train", "annotation", name, place):
            _check_code(species, "primary_label")
            others = set(_secondary(row["secondary_labels"])) - {species}
            recording = Recording(name, f"train_short_audio/{species}/{row['filename']}", "train")
            builder.add_annotation(Annotation(name, species, "present"), recording, place)
            clips[recording] = others, place
    return clips


def _soundscape(row):
    return f"{row['audio_id']}_{row['site']}"


def _stop(row) -> float:
    """Where the window of a row ends, in seconds."""
    seconds = whole_number(row, "seconds")
    if not seconds or seconds % WINDOW:
        raise InputError(f"expected a multiple of {WINDOW} in column seconds, found {seconds}")
    if row["row_id"] != (wanted := f"{_soundscape(row)}_{seconds}"):
        raise InputError(
            f"expected the row_id {wanted[:250]!r} by the row's other columns, found {row['row_id'][:250]!r}"
        )
    return float(seconds)


def _birds(row) -> list[str]:
    """The labels of a row, each once."""
    birds = row["birds"].split()
    if not birds:
        raise InputError(f"expected {NONE} or codes of species in column birds, found none")
    for bird in birds:
        _check_code(bird, "birds")
    if len(set(birds)) < len(birds):
        raise InputError(f"expected each code once in column birds, found {row['birds'][:250]!r}")
    if NONE in birds and len(birds) > 1:
        raise InputError(
            f"expected {NONE} or codes of species in column birds, found both: {row['birds'][:250]!r}"
        )
    return birds


def _check_code(text, column):
    if not CODE.fullmatch(text):
        raise InputError(
            f"expected codes of lower-case letters and digits in column {column}, found {text[:250]!r}"
        )
    check_label(text)


# Most clips have none, and many have the same.
@lru_cache(maxsize=10_000)
def _secondary(text) -> tuple[str, ...]:
    """The codes of a list that is written as Python writes it."""
    try:
        codes = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        codes = None
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise InputError(
            f"expected a list such as \"['acafly', 'amegfi']\" in column secondary_labels, found {text[:250]!r}"
        )
    for code in codes:
        _check_code(code, "secondary_labels")
    return tuple(codes)


def _listed(folder, subset) -> dict[str, list[str]]:
    """The files of each soundscape."""
    place = folder / f"{subset}_soundscapes"
    listed: dict[str, list[str]] = {}
    try:
        names = sorted(os.listdir(place))
    except (FileNotFoundError, NotADirectoryError):
        # Each recording is missed by its name.
        return listed
    except OSError as error:
        raise InputError(
            f"{place} cannot be read ({error.strerror}): expected a folder of soundscapes"
        ) from None
    for name in names:
        if match := SOUNDSCAPE.fullmatch(name):
            listed.setdefault(match[1], []).append(name)
    return listed


def _recording(row, subset, listed):
    name = _soundscape(row)
    # Where there is none, its path says what is missed.
    named = listed.get(name, [f"{name}_*.ogg"])
    if len(named) > 1:
        raise InputError(f"expected one file {subset}_soundscapes/{name}_*.ogg, found {', '.join(named[:5])}")
    return Recording(name, f"{subset}_soundscapes/{named[0]}", subset)


def submission_template(folder: Path):
    """The id column, the windows and the one other column of a submission, in order, each once."""
    path = folder / SAMPLE
    header, rows = read_rows(path, ("row_id", "birds"))
    if len(header) > 2:
        raise InputError(f"{path}: expected the columns row_id and birds alone, found {', '.join(header)}")
    ids = list(dict.fromkeys(row["row_id"] or "" for _, row in rows))
    if odd := [name for name in ids if CONTROL.search(name)]:
        raise InputError(f"{path}: expected ids in plain text, found {odd[0]!r}")
    return "row_id", ids, ["birds"]


def submission(template, predictions, decisions):
    """What is heard in each window, as the competition wants it: codes separated by spaces, or `nocall`.

    Parameters
    ----------
    template : tuple
        As `submission_template` gives it.
    predictions : pandas.DataFrame
        `recording_id, start, stop` (s), in the order of time within a recording. A `stop` that is not a number
        stands for every window of its recording.
    decisions : sequence of sequence of str
        The labels of each of these.

    Returns
    -------
    pandas.DataFrame
        `row_id, birds`, a row an id of the template, in its order: that of the first window whose `stop` is the
        row_id's number of seconds, to the nearest second; `nocall` where there is none.
    """
    import pandas as pd

    id_column, ids, (column,) = template
    told = {}
    for name, stop, labels in zip(predictions.recording_id, predictions.stop, decisions, strict=True):
        seconds = "" if math.isnan(stop) else str(round(stop))
        told.setdefault((name, seconds), " ".join(sorted(labels)))
    birds = []
    for row_id in ids:
        name, _, seconds = row_id.rpartition("_")
        birds.append(told.get((name, seconds)) or told.get((name, "")) or NONE)
    return pd.DataFrame({id_column: ids, column: birds})
