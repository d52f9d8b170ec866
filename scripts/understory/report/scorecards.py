"""The head of the report: cards with scores, what they mean, warnings, and what the data set holds."""

from typing import NamedTuple

import numpy as np

from understory.core.text import counted, listed
from understory.data.folds import UNVALIDATED
from understory.evaluation.intervals import chance_interval
from understory.report.formatting import number, span
from understory.report.plotting import finite
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


class Head:
    """The cards of a run, notes on what they mean, and warnings.

    Attributes
    ----------
    cards : list of Card
    notes, warnings : list of str
    """

    def __init__(self, results: Results):
        self.results, self.cards, self.notes, self.warnings = results, [], [], []
        self._note, self._warn = self.notes.append, self.warnings.append
        scores, self._shuffled = results.scores, {}
        for name, value in (("out-of-fold", scores["oof"]), ("truth", scores["truth"])):
            lines = []
            if name in results.scored and np.isfinite(value):
                lines = [self._bootstrap(), *self._plain()] if name == "out-of-fold" else []
                lines += [self._chance(name, value), *self._baseline(name, value)]
            self.cards.append(Card(name, number(value), lines))
        if self._shuffled:
            times = ", ".join(f"{name} {count:,} times" for name, count in self._shuffled.items())
            word = results.words.recording
            self._note(
                f"By chance: 99 % interval of the score after shuffling the predictions, {word} by {word} ({times})."
            )
        if results.baseline["out-of-fold"] is not None:
            none = results.task.none
            self._note(
                f"{none} alone: the score of predicting {none}, and nothing else, for every {results.row}."
            )
        values = finite(np.concatenate(list(results.scores_by_model.values())))
        if len(values):
            low, high = values.min(), values.max()
            self.cards.append(Card("folds", span(low, high) if high - low > NARROWEST else number(low), []))
        self.warnings += scores["caveats"]
        self._windows()
        self._untrained()

    def _bootstrap(self):
        """The line with the 95 % interval out-of-fold."""
        results, interval = self.results, self.results.scores["oof_interval"]
        if not results.interval:
            self._note(f"95 %: there is no interval, as {results.why_no_interval}.")
            return "95 %", "none"
        (low, high), undefined = results.interval, interval["undefined"]
        note = (
            f"95 %: bootstrap interval of the out-of-fold score over {results.words.recordings}, from "
            f"{counted(interval['resamples'] + undefined, 'resample')}"
        )
        if undefined:
            note += f", {undefined:,} of which had no score and are left out"
        self._note(f"{note}.")
        chance = results.metric.chance
        if chance is not None and low <= chance <= high:
            self._warn(
                f"The 95 % interval ({span(low, high)}) contains {chance}, the score of random predictions: the model is "
                "not shown to be better than chance."
            )
        return "95 %", span(low, high)

    def _plain(self):
        """The line with the score of equal weights and unscaled classes, where this ensemble has others."""
        scores = self.results.scores
        plain = scores.get("plain")
        if plain is None:
            return []
        low, high = plain["interval"]["low"], plain["interval"]["high"]
        said = f"{plain['difference']:+.3f} (95 % interval {low:+.3f} to {high:+.3f}, over {self.results.words.recordings})"
        self._note(
            f"Plain: the score with equal weights and unscaled classes. Out of fold, each fold combined by what was fitted to the "
            f"other folds, the difference is {said if np.isfinite([low, high]).all() else 'unknown'}"
            f"{', which may be chance' if low <= 0 <= high else ''}."
        )
        if power := scores.get("prior_power"):
            self._note(f"Test predictions are scaled by the shares of the classes to the power of {power:g}.")
        return [("plain", number(plain["oof"]))]

    def _chance(self, name, value):
        """The line with the interval of the score of shuffled predictions."""
        task, rows, source = self.results.task, self.results.scored[name], SOURCES[name]
        times = _permutations(self.results.metric, rows)
        low, high = chance_interval(
            self.results.metric,
            rows.labels,
            rows.outputs,
            groups=rows.keys.recording_id,
            seed=self.results.settings["seed"],
            permutations=times,
        )
        if high - low < NARROWEST:
            words = self.results.rows if name == "out-of-fold" else self.results.test_rows
            reason = "shuffling the predictions never changes the score"
            if len(rows) == 1:
                reason = "only one row of predictions is scored"
            elif _all_equal(rows.outputs):
                reason = f"all {words} have the same predictions"
                self._warn(f"All {words} have the same predictions {source}: the model has learned nothing.")
            self._note(f"By chance, {source}: there is no interval, as {reason}.")
            return "by chance", "none"
        self._shuffled[name] = times
        # Where no shuffled score is defined, there is nothing to compare with.
        if not value > high and np.isfinite(high):
            self._warn(
                f"The {task.metric} {source} is not above chance: the model has learned nothing useful."
            )
        return "by chance", span(low, high)

    def _baseline(self, name, value):
        """The line with the score of the class `none` alone, where the task has one."""
        baseline, task = self.results.baseline[name], self.results.task
        if baseline is None:
            return []
        if not value > baseline:
            self._warn(
                f"The {task.metric} {SOURCES[name]} is not above that of {task.none} alone ({baseline:.3f})."
            )
        return [(f"{task.none} alone", number(baseline))]

    def _windows(self):
        """A note where test recordings are combined in another way than those that are scored out of fold."""
        combined, words = self.results.settings.get("windows", "mean"), self.results.words
        if self.results.task.scored == "recording" and combined != "mean":
            self._note(
                f"Out of fold, a {words.recording} is scored by the mean of its examples; test {words.recordings} are predicted by "
                f"{combined} (ensemble.windows)."
            )

    def _untrained(self):
        """Warnings about classes without examples."""
        counts = self.results.present_counts
        totals = counts.sum(axis=1)
        if empty := list(counts.index[totals == 0]):
            self._warn(f"Classes without a present example have no score: {listed(empty)}.")
        for fold in counts.columns.drop(UNVALIDATED, errors="ignore"):
            if unseen := list(counts.index[(counts[fold] > 0) & (totals == counts[fold])]):
                self._warn(
                    f"Fold {fold} is predicted by models trained without a present example of {listed(unseen)}."
                )

    def counts(self) -> str:
        """What the data set holds, in a line."""
        results, words, folds = self.results, self.results.words, self.results.folds
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


def _permutations(metric, rows):
    """How often predictions are shuffled: less often where a score takes long."""
    return int(np.clip(CELLS // max(metric.shuffle_cost(rows.labels), 1), LEAST, MOST))


def _all_equal(values) -> bool:
    """Whether all rows of a matrix, dense or sparse, are equal."""
    return not (values != values[np.zeros(values.shape[0], dtype=int)]).sum()
