"""Trials of what a user wrote, a metric and a reader, before any job: a mistake would otherwise show after all training."""

from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from understory.core import choices
from understory.core.errors import InputError
from understory.data import source as datasets
from understory.data.dataset import Dataset
from understory.data.labels import Labels
from understory.data.predictions import Predictions
from understory.data.task import METRICS, Task
from understory.evaluation import submission
from understory.evaluation.label_matrices import take
from understory.evaluation.metric import Metric

PLACE = "scripts/understory/evaluation/metrics/"
# Classes of the trial of a metric at most.
MOST = 100
# How much two ways to the same score may differ.
ROUNDING = 1e-6
TRIAL = "a trial submission"


def try_reader(
    tables: Dataset | None, source: datasets.Source, *, top_k: int | None, labels: Path | None = None
):
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
    template = _tried(
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
    table = _tried(what, TRIAL, reader.submission, template, values, decisions)
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"{place}: expected submission(…) to return a pandas.DataFrame, found {type(table).__name__}"
        )
    submission.check_submission(table, id_column=id_column, ids=ids, columns=columns)


def _tried(what: str, where: str, function, *arguments):
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


def try_metric(tables: Dataset | None, source: datasets.Source, *, top_k: int | None):
    """Score a table in which all classes but the last of more than two are present, and one in which none is.

    Parameters
    ----------
    tables : Dataset or None
        Tell how many classes there are, of which `MOST` at most are tried; where they are not there yet, two or so many.
    source : Source
        Its reader names the metric.
    top_k : int or None
        `predictions.top_k`: predictions are sparse where it is given.

    Raises
    ------
    InputError
        A function of the metric fails, or does not return what it has to return.
    """
    name = datasets.reader(source.dataset).METRIC
    metric, place = Metric(name), f"{PLACE}{name}.py"
    _check_constants(metric, place)
    # Nobody knows yet how many classes there are: some metrics need two, others many.
    counts = [max(2, min(len(tables.classes), MOST))] if tables else [2, MOST]
    exhaustive, failed = tables is not None and tables.exhaustive, None
    for count in counts:
        predictions = _predictions(count, sparse_ones=top_k is not None, decided=metric.decided)
        try:
            for some in (True, False):
                what = "with present labels" if some else "without a present label"
                _check_table(metric, place, _labels(count, exhaustive, some), predictions, what)
            return
        except InputError as error:
            failed = failed or error
    raise failed


def _check_constants(metric, place):
    defined = choices.defined(METRICS, metric.name)
    both = {"batch_sums", "score_of_sums"}
    if len(both & defined) == 1:
        raise InputError(f"{place}: expected both batch_sums and score_of_sums or neither, found one of them")
    if metric.chance is not None and not _number(metric.chance):
        raise InputError(f"{place}: expected CHANCE to be a number, found {metric.chance!r}")
    if metric.class_table not in ("precision", "counts"):
        raise InputError(
            f"{place}: expected CLASS_TABLE to be precision or counts, found {metric.class_table!r}"
        )
    told = metric.class_score
    if told is not None and not (
        isinstance(told, (tuple, list)) and len(told) == 2 and all(isinstance(each, str) for each in told)
    ):
        raise InputError(f"{place}: expected CLASS_SCORE to be a name and a sentence, found {told!r}")


def _labels(count, exhaustive, some):
    """Two rows for each class that has it present and another one absent, and a row of which nothing is known."""
    names = [f"class {number}" for number in range(count)]
    shown = names[: count - (count > 2)]
    rows = [(name if some else "", names[number - 1]) for number, name in enumerate(shown)] * 2
    index = pd.DataFrame([*rows, ("", "")], columns=["present", "absent"])
    return Labels(index, names, exhaustive=exhaustive)


def _predictions(count, *, sparse_ones, decided):
    """Probabilities of as many rows as `_labels` makes, or decisions."""
    rows = 2 * (count - (count > 2)) + 1
    # Primes, so that neither rows nor columns repeat.
    values = (7 * np.arange(rows)[:, None] + 11 * np.arange(count)) % 97 / 97
    if decided:
        return sparse.csr_array(values > 0.5)
    return sparse.csr_array(np.where(values > 0.25, values, 0)) if sparse_ones else values


def _check_table(metric, place, labels, predictions, what):
    rows = predictions.shape[0]

    def given(call, function, *arguments):
        value = _tried(f"{place}: {call}", f"a trial {what}", function, *arguments)
        if not _number(value) or np.isinf(value):
            raise InputError(
                f"{place}: expected {call} to return a number, or NaN where it is not defined, found {value!r}"
            )
        return float(value)

    def same(call, value, other):
        if not np.isclose(value, other, rtol=0, atol=ROUNDING, equal_nan=True):
            raise InputError(
                f"{place}: expected {call} to be score(labels, predictions), {other:g}, found {value:g}"
            )

    score = given("score(labels, predictions)", metric.score, labels, predictions)
    every = np.arange(rows)
    same(
        "score of labels as a matrix",
        given("score(labels, predictions)", metric.score, take(labels, every), predictions),
        score,
    )
    weighted = _tried(
        f"{place}: weighted(labels, predictions)", f"a trial {what}", metric.weighted, labels, predictions
    )
    same("weighted(labels, predictions)(ones)", given("weighted(…)(ones)", weighted, np.ones(rows)), score)
    twice = 1.0 + (every % 3 == 0)
    repeated = np.repeat(every, twice.astype(int))
    again = given("score(labels, predictions)", metric.score, take(labels, repeated), predictions[repeated])
    same("weighted(…) of rows that count twice", given("weighted(…)(weights)", weighted, twice), again)
    shuffled = _tried(
        f"{place}: shuffled(labels, predictions)", f"a trial {what}", metric.shuffled, labels, predictions
    )
    same("shuffled(…) of rows in their order", given("shuffled(…)(order)", shuffled, every), score)
    given("shuffle_cost(labels)", metric.shuffle_cost, labels)
    if "class_scores" in metric.figures:
        call = "class_scores(labels, predictions)"
        found = np.asarray(
            _tried(f"{place}: {call}", f"a trial {what}", metric.class_scores, labels, predictions)
        )
        if found.shape != (predictions.shape[1],) or found.dtype.kind not in "fiub":
            raise InputError(
                f"{place}: expected {call} to return a number for each of {predictions.shape[1]} classes, found "
                f"{found.dtype} of shape {found.shape}"
            )


def _number(value):
    return isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.bool_))
