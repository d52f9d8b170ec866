"""The cards at the head of the report, what they mean, and what has to be known before they are believed."""

import numpy as np
import pandas as pd

from understory.data.folds import UNVALIDATED
from understory.data.task import Task
from understory.evaluation import scoring
from understory.evaluation.intervals import chance_interval
from understory.evaluation.metric import Metric
from understory.report.formatting import Words, counted, listed, number, span

# Cells that are looked up to find what chance gives, and how often the predictions change places.
CELLS, MOST, LEAST = 20_000_000, 1000, 200


def cards(
    settings: dict, task: Task, scored: dict, found: dict, by_model: dict, *, words: Words
) -> tuple[list, list, list]:
    """The cards as (label, value, lines beneath), what they mean, and warnings.

    Parameters
    ----------
    settings : dict
        As `understory.report.page.page` takes them.
    task : Task
    scored : dict
        `scores.json`.
    found : dict of evidence.Rows
        `out-of-fold`, and `truth` where there is one.
    by_model : dict of numpy.ndarray
        The scores of each model's folds.
    words : Words
    """
    out, notes, warnings, often, flat, below = [], [], [], {}, [], []
    for name, key, told in (("out-of-fold", "oof", "out-of-fold"), ("truth", "truth", "against the truth")):
        value, lines = scored[key], []
        if name in found and np.isfinite(value):
            rows = found[name]
            if key == "oof":
                lines += _interval(scored["oof_interval"], task, words, notes, warnings)
            often[name] = _permutations(task, rows)
            low, high = chance_interval(
                Metric(task.metric),
                rows.labels,
                rows.outputs,
                seed=settings["seed"],
                permutations=often[name],
            )
            lines.append(("by chance", span(low, high)))
            # Where none is defined, neither is what to be above of.
            if not value > high and np.isfinite(high):
                flat.append(told)
            if (baseline := scoring.baseline(task, rows.labels)) is not None:
                lines.append((f"{task.none} alone", number(baseline)))
                if not value > baseline:
                    below.append(f"{told} {baseline:.3f}")
        out.append((name, number(value), lines))
    if often:
        many = ", ".join(f"{name} {count} times" for name, count in often.items())
        notes.append(
            f"By chance: where 99 % of the scores lie that the same predictions get when they change places at random ({many})."
        )
    if any(label.endswith(" alone") for _, _, lines in out for label, _ in lines):
        notes.append(
            f"{task.none} alone: the baseline, which saying {task.none} of every row and nothing else gives."
        )
    if flat:
        warnings.append(
            f"The {task.metric} {' and '.join(flat)} is not above what chance gives: nothing was learnt that helps."
        )
    if below:
        warnings.append(
            f"The {task.metric} is not above what {task.none} for every row gives ({', '.join(below)})."
        )
    values = pd.Series(np.concatenate(list(by_model.values()))).dropna()
    if len(values):
        out.append(("folds", f"{values.min():.3f}–{values.max():.3f}", []))
    if settings["control"] != "none":
        warnings.append(f"This is a control run ({settings['control']}): its scores should be chance.")
    flattered = [name for name, select in sorted(settings["select"].items()) if select == "best"]
    if flattered:
        warnings.append(
            f"{', '.join(flattered)}: the epoch was chosen by the validation score, so fold and out-of-fold scores flatter."
        )
    return out, notes, warnings


def _interval(interval, task, words, notes, warnings):
    """The line of a card that has an interval, with what is to be said of it."""
    low, high, lacking = interval["low"], interval["high"], interval["undefined"]
    total = interval["resamples"] + lacking
    note = (
        f"95 %: the interval of the out-of-fold score when {words.recordings} are drawn anew, with replacement, "
        f"{counted(total, 'time')}"
    )
    if lacking:
        note += f"; {lacking:,} of them had no score and are left out"
    notes.append(f"{note}.")
    if not np.isfinite([low, high]).all():
        return [("95 %", "none")]
    if (chance := Metric(task.metric).chance) is not None:
        notes.append(f"An interval that holds {chance:g} means that the model has shown nothing.")
        if low <= chance <= high:
            warnings.append(
                f"The 95 % interval ({span(low, high)}) holds {chance:g}, which tossing a coin gives: the model has shown nothing."
            )
    return [("95 %", span(low, high))]


def _permutations(task, rows):
    """How often predictions are shuffled: less often where a score takes long."""
    cells = Metric(task.metric).shuffle_cost(rows.labels)
    return int(np.clip(CELLS // max(cells, 1), LEAST, MOST))


def of_folds(folds: pd.DataFrame, sizes: pd.DataFrame, words: Words) -> list[str]:
    """What is wrong with how examples were dealt.

    Parameters
    ----------
    folds : pandas.DataFrame
        The examples with their folds.
    sizes : pandas.DataFrame
        Present examples by class and fold, `UNVALIDATED` among them.
    """
    warnings = []
    dealt = folds.groupby("recording_id").fold.nunique()
    if split := int((dealt > 1).sum()):
        warnings.append(
            f"{words.examples.capitalize()} of one {words.recording} stand on both sides of the split, of {split:,} of "
            f"{counted(len(dealt), words.recording, words.recordings)}: models are validated against what they have as "
            "good as seen, and fold and out-of-fold scores are too good."
        )
    counts = sizes.to_numpy()
    if empty := list(sizes.index[counts.sum(axis=1) == 0]):
        warnings.append(f"Without a present example, and so without a score: {listed(empty)}.")
    for place, fold in enumerate(sizes.columns):
        if fold == UNVALIDATED:
            continue
        seen = counts.sum(axis=1) - counts[:, place]
        if lacking := list(sizes.index[(counts[:, place] > 0) & (seen == 0)]):
            warnings.append(
                f"Fold {fold} is predicted by models that saw no present example of {listed(lacking)}."
            )
    return warnings
