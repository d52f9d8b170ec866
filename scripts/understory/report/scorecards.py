"""The head of the report: cards with scores, what they mean, warnings, and what the data set holds."""

from typing import NamedTuple

import numpy as np

from understory.data.folds import UNVALIDATED
from understory.evaluation import metrics
from understory.report import by_metric
from understory.report.formatting import counted, listed, number, span
from understory.report.results import NARROWEST, Results

# Cells that are looked up to shuffle predictions, and how often these are shuffled at most and at least.
CELLS, MOST, LEAST = 20_000_000, 1000, 200
# Where each score comes from, as sentences say it.
SOURCES = {"out-of-fold": "out-of-fold", "truth": "against the truth"}


class Card(NamedTuple):
    """A score, with lines of (name, value) beneath."""

    label: str
    value: str
    lines: list[tuple[str, str]]


def cards(results: Results) -> tuple[list[Card], list[str], list[str]]:
    """The cards, notes on what they mean, and warnings."""
    scores, settings = results.scores, results.settings
    made, notes, warnings = [], [], []
    for name, value in (("out-of-fold", scores["oof"]), ("truth", scores["truth"])):
        lines = []
        if name in results.scored and np.isfinite(value):
            if name == "out-of-fold":
                lines += _bootstrap_line(results, notes, warnings)
            lines += _chance_line(results, name, value, notes, warnings)
            lines += _baseline_line(results, name, value, warnings)
        made.append(Card(name, number(value), lines))
    if any(baseline is not None for baseline in results.baseline.values()):
        none = results.task.none
        notes.append(
            f"{none} alone: the score of predicting {none}, and nothing else, for every {results.row}."
        )
    values = np.concatenate(list(results.scores_by_model.values()))
    if len(values := values[np.isfinite(values)]):
        low, high = values.min(), values.max()
        made.append(Card("folds", span(low, high) if len(values) > 1 else number(low), []))
    if settings["control"] != "none":
        warnings.append(f"This is a control run ({settings['control']}): expect scores at chance level.")
    if best := [name for name, select in sorted(settings["select"].items()) if select == "best"]:
        warnings.append(
            f"{', '.join(best)}: the epoch was selected by validation score, so fold and out-of-fold scores are too high."
        )
    return made, notes, warnings


def _bootstrap_line(results, notes, warnings):
    """The 95 % interval out-of-fold."""
    interval, words = results.scores["oof_interval"], results.words
    low, high, undefined = interval["low"], interval["high"], interval["undefined"]
    if results.no_interval:
        notes.append(f"95 %: there is no interval, as {results.no_interval}.")
        return [("95 %", "none")]
    note = (
        f"95 %: bootstrap interval of the out-of-fold score over {words.recordings}, from "
        f"{counted(interval['resamples'] + undefined, 'resample')}"
    )
    if undefined:
        note += f", {undefined:,} of which had no score and are left out"
    notes.append(f"{note}.")
    if (chance := by_metric.chance(results.task)) is not None:
        notes.append(
            f"An interval that contains {chance} means that the model is not shown to be better than chance."
        )
        if low <= chance <= high:
            warnings.append(
                f"The 95 % interval ({span(low, high)}) contains {chance}, the score of random predictions: the model is "
                "not shown to be better than chance."
            )
    return [("95 %", span(low, high))]


def _chance_line(results, name, value, notes, warnings):
    """The interval of the score of shuffled predictions."""
    metric, rows, source = results.task.metric, results.scored[name], SOURCES[name]
    times = _permutations(results.task, rows)
    low, high = metrics.chance_interval(
        metric, rows.labels, rows.outputs, seed=results.settings["seed"], permutations=times
    )
    words = results.rows if name == "out-of-fold" else results.test_rows
    if np.isfinite([low, high]).all() and high - low < NARROWEST:
        reason = "shuffling never changes the score"
        if len(rows) == 1:
            reason = "only one row of predictions is scored"
        elif _all_equal(rows.outputs):
            reason = f"all {words} have the same predictions"
            warnings.append(f"All {words} have the same predictions {source}: the model has learned nothing.")
        notes.append(f"By chance {source}: there is no interval, as {reason}.")
        return [("by chance", "none")]
    notes.append(
        f"By chance {source}: 99 % interval of the score after shuffling the predictions ({times:,} times)."
    )
    # Where no shuffled score is defined, there is nothing to compare with.
    if not value > high and np.isfinite(high):
        warnings.append(f"The {metric} {source} is not above chance: the model has learned nothing useful.")
    return [("by chance", span(low, high))]


def _baseline_line(results, name, value, warnings):
    """The score of the class `none` alone, where the task has one."""
    baseline, none = results.baseline[name], results.task.none
    if baseline is None:
        return []
    if not value > baseline:
        warnings.append(
            f"The {results.task.metric} {SOURCES[name]} is not above that of {none} alone ({baseline:.3f})."
        )
    return [(f"{none} alone", number(baseline))]


def _permutations(task, rows):
    """How often predictions are shuffled: less often where a score takes long."""
    return int(np.clip(CELLS // max(by_metric.cost(task, rows.labels, len(rows)), 1), LEAST, MOST))


def _all_equal(values) -> bool:
    """Whether all rows of a matrix, dense or sparse, are equal."""
    return not (values != values[np.zeros(values.shape[0], dtype=int)]).sum()


def split_warnings(results: Results) -> list[str]:
    """What is wrong with the folds."""
    words, counts, warnings = results.words, results.present_counts, []
    folds_of = results.folds.groupby("recording_id").fold.nunique()
    if split := int((folds_of > 1).sum()):
        warnings.append(
            f"{words.examples.capitalize()} of the same {words.recording} are in several folds, for {split:,} of "
            f"{counted(len(folds_of), words.recording, words.recordings)}: models are validated on {words.recordings} that "
            "they were trained on, so fold and out-of-fold scores are too high."
        )
    totals = counts.sum(axis=1)
    if empty := list(counts.index[totals == 0]):
        warnings.append(f"Classes without a present example have no score: {listed(empty)}.")
    for fold in counts.columns.drop(UNVALIDATED, errors="ignore"):
        if unseen := list(counts.index[(counts[fold] > 0) & (totals == counts[fold])]):
            warnings.append(
                f"Fold {fold} is predicted by models trained without a present example of {listed(unseen)}."
            )
    return warnings


def counts(results: Results) -> str:
    """What the data set holds, in a line."""
    words, folds = results.words, results.folds
    annotated, present = folds.recording_id.nunique(), int((folds.presence == "present").sum())
    parts = [counted(annotated, f"annotated {words.recording}", f"annotated {words.recordings}")]
    if absent := results.absent_examples:
        parts.append(f"{present:,} present and {absent:,} absent {words.examples}")
    elif present != annotated:
        parts.append(counted(present, words.example, words.examples))
    parts.append(counted(len(results.task.classes), "class", "classes"))
    if results.predictions is not None:
        parts.append(counted(len(results.tested), f"test {words.recording}", f"test {words.recordings}"))
        if results.unreadable:
            parts[-1] += f", {results.unreadable:,} of them unreadable"
        if results.task.unit == "window":
            parts.append(f"predicted in {counted(len(results.predictions), 'window')}")
    return ", ".join(parts)
