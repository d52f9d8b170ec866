"""A trial of what a reader writes, before any job: a mistake in it would otherwise show after all training."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from understory.core.errors import InputError
from understory.data import source as datasets
from understory.data.dataset import Dataset
from understory.data.predictions import Predictions
from understory.data.task import Task
from understory.evaluation import submission
from understory.evaluation.metric import Metric

TRIAL = "a trial submission"


def check(tables: Dataset | None, source: datasets.Source, *, top_k: int | None, labels: Path | None = None):
    """Write a trial submission, of predictions in which every test recording has the first class.

    Where rows of the submission are windows, each recording has one row without a time, as if it could not be read.

    Parameters
    ----------
    tables : Dataset or None
        None where the data are still to be made or fetched: then nothing is checked.
    source : Source
    top_k : int or None
        `predictions.top_k`: predictions are sparse where it is given.
    labels : Path, optional
        The `labels.json` of the models that predict, where they are of another run; otherwise the classes are those of the
        tables.

    Raises
    ------
    InputError
        The reader's `submission_template` or `submission` fails, or what they return is not what a reader has to return.
    """
    if tables is None:
        return
    reader = datasets.reader(source.dataset)
    names = sorted(recording.recording_id for recording in tables.recordings if recording.subset == "test")
    names += sorted(
        {q.recording_id for q in tables.quarantined if (q.subset, q.kind) == ("test", "recording")}
    )
    classes = tables.classes if labels is None else tuple(Task.read(labels).classes)
    if not names or not classes:
        return
    place = f"{datasets.PLACE}{source.dataset}.py"
    template = tried(
        f"{place}: submission_template(folder)", TRIAL, reader.submission_template, Path(source.folder)
    )
    _check_template(place, template)
    id_column, ids, columns = template
    trial = _trial(sorted(set(names)), classes, reader.UNIT, top_k)
    if not hasattr(reader, "submission"):
        submission.table(
            trial.table().set_index("recording_id"), id_column=id_column, ids=ids, labels=columns
        )
        return
    decisions = [[classes[0]]] * len(trial) if Metric(reader.METRIC).decided else None
    values = trial.table() if top_k is None else trial
    what = f"{place}: submission(…)"
    if reader.UNIT == "window":
        what += " of recordings that cannot be read, which have one row with empty start and stop,"
    table = tried(what, TRIAL, reader.submission, template, values, decisions)
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"{place}: expected submission(…) to return a pandas.DataFrame, found {type(table).__name__}"
        )
    submission.check_submission(table, id_column=id_column, ids=ids, columns=columns)


def tried(what: str, where: str, function, *arguments):
    """What a user's function returns; InputError, which says `what` failed and `where`, where it raises another error."""
    try:
        return function(*arguments)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what} failed in {where}: {type(error).__name__}: {error}") from error


def _check_template(place, template):
    wanted = f"{place}: expected submission_template(folder) to return the id column, the ids and the other columns"
    try:
        id_column, ids, columns = template
        texts = [id_column, *(ids or ()), *(columns or ())]
    except (TypeError, ValueError):
        raise InputError(f"{wanted}, found {str(template)[:200]}") from None
    if isinstance(columns, str) or isinstance(ids, str):
        raise InputError(f"{wanted}, the latter two as lists, found text")
    if odd := [text for text in texts if not isinstance(text, str)]:
        raise InputError(f"{wanted}, all of them text, found {odd[0]!r}")
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"{wanted}, in text that UTF-8 can write, found {text!r}: rename that file"
            ) from None


def _trial(names, classes, unit, top_k):
    """Predictions in which every recording has the first class."""
    keys = pd.DataFrame({"recording_id": names})
    if unit == "window":
        keys = keys.assign(start=np.nan, stop=np.nan)
    first = np.zeros(len(names), dtype=int)
    shape = len(names), len(classes)
    values = sparse.csr_array((np.full(len(names), 0.5), (np.arange(len(names)), first)), shape=shape)
    return Predictions(keys, values if top_k else values.toarray(), classes)
