"""The lines a run ends with: where the submission and the report are, and the scores; with models of another run, where
these are in their place.
"""

import csv
import json
import math
import statistics
from collections import Counter
from pathlib import Path

from understory.core.text import counted, listed


def lines(folder: Path, *, tested: bool, models_from: str | None = None) -> list[str]:
    """The summary of a finished run.

    Parameters
    ----------
    folder : Path
        Its `results/{name}`.
    tested : bool
        Whether there are test recordings.
    models_from : str, optional
        The folder of the run whose models predicted: then nothing was scored.
    """
    submission = folder / "submission.csv"
    tested = tested and submission.exists()
    first = f"submission   {submission if tested else 'none, as there are no test recordings'}{_left_out(folder, tested)}"
    if models_from:
        return [first, f"models       those of {models_from}; nothing was trained or scored"]
    scores = json.loads((folder / "scores.json").read_text())
    folds = [entry["score"] for entry in scores["folds"] if math.isfinite(entry["score"])]
    models = sorted({entry["model"] for entry in scores["folds"]})
    task = json.loads((folder / "labels.json").read_text())
    return [
        first,
        *_untrained(task),
        f"report       {folder / 'report.html'}",
        f"folds        {scores['metric']} {min(folds):.3f} to {max(folds):.3f}, mean {statistics.fmean(folds):.3f}, "
        f"over {len(folds)} folds of {', '.join(models)}"
        if folds
        else f"folds        {scores['metric']} none",
        f"out-of-fold  {scores['metric']} {scores['oof']:.3f}{_interval(scores['oof_interval'])}",
        "truth        unknown"
        if scores["truth"] is None
        else f"truth        {scores['metric']} {scores['truth']:.3f}",
        *(
            f"warning      {line}"
            for line in (folder / "warnings.txt").read_text(encoding="utf-8").splitlines()
        ),
    ]


def precision(folder: Path) -> list[str]:
    """What verdicts on a sample say of the detections of each class."""
    rows = _rows(folder / "review" / "precision.csv")
    if not rows:
        return ["precision    unknown, as no verdict is on a random sample (review.order: sample)"]
    return [
        f"precision    {row['label']}: {_reviewed(row)} of {row['detections']} detections, {row['reviewed']} reviewed"
        + (
            f" and {row['skipped']} skipped before them: review those as well"
            if row["skipped"] != "0"
            else ""
        )
        for row in rows
    ]


def _reviewed(row):
    if not row["precision"]:
        return "unknown"
    share, low, high = (round(100 * float(row[key])) for key in ("precision", "low", "high"))
    # Nothing is estimated where all are known.
    if int(row["reviewed"]) - int(row["unsure"]) == int(row["detections"]):
        return f"{share} % (no interval, as all are reviewed)"
    return f"{share} % (95 % interval {low} to {high} %)"


def detections(folder: Path) -> list[str]:
    """The summary of the detection of events in new recordings, whose results are in `folder`."""
    place = folder / "detections"
    recordings, failed, thresholds = (
        _rows(place / f"{name}.csv") for name in ("recordings", "failed", "thresholds")
    )
    events, with_some = (
        sum(int(row["events"]) for row in recordings),
        sum(row["events"] != "0" for row in recordings),
    )
    hours = sum(float(row["seconds"]) for row in recordings) / 3600
    lines = [
        f"detections   {place / 'detections.csv'} ({counted(events, 'event')} in {with_some} of "
        f"{counted(len(recordings), 'recording')}, {hours:.1f} h)",
        f"page         {place / 'gallery.html'}",
    ]
    found = {row["label"] for row in _rows(place / "summary.csv")}
    if without := [row["label"] for row in thresholds if row["label"] not in found]:
        lines.append(
            f"no event     of {len(without)} of {counted(len(thresholds), 'class', 'classes')}: {listed(without, 10)}"
        )
    lines += _thresholds(thresholds, place / "thresholds.csv")
    if failed:
        shown = "; ".join(f"{' '.join(row['path'].split())}: {row['reason']}" for row in failed[:3])
        lines.append(f"not read     {counted(len(failed), 'recording')}, see {place / 'failed.csv'}: {shown}")
    return lines


def _thresholds(rows, path):
    """What is to be known of thresholds: of classes without one of their own, and of those chosen with other settings."""
    for start, said in (
        ("no threshold of its own: ", "without one of its own"),
        ("chosen out of fold with ", "chosen with"),
    ):
        if others := [row for row in rows if row["why"].startswith(start)]:
            first, reason = others[0], others[0]["why"].removeprefix(start)
            yield (
                f"thresholds   {said}: {len(others)} of {counted(len(rows), 'class', 'classes')}, such as {first['label']} "
                f"({first['threshold']}; {reason}), see {path}"
            )


def _rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _untrained(task):
    if names := task.get("untrained"):
        yield (
            f"classes      {len(names)} of {len(task['classes'])} never predicted, as no example of them can be used: "
            f"{listed(names, 10)}"
        )


def _interval(interval):
    low, high = interval["low"], interval["high"]
    # Resamples of one recording, or of equal ones, all have one score: that is no interval.
    return f" (95 % interval {low:.3f} to {high:.3f})" if low < high else ""


def _column(path, name):
    return [row[name] for row in _rows(path)]


def _left_out(folder, tested):
    """The data that were not used, in brackets; nothing where all were used."""
    said = []
    if tested:
        names = set(_column(folder / "ensemble" / "predictions.csv", "recording_id"))
        quarantined = _rows(folder / "quarantine.csv")
        unread = {
            row["recording_id"]
            for row in quarantined
            if (row["subset"], row["kind"]) == ("test", "recording")
        }
        if unread := len(names & unread):
            said.append(
                f"{unread} of {len(names)} test recordings could not be read and "
                f"{'has no prediction of its own' if unread == 1 else 'have no predictions of their own'}"
            )
    kinds = Counter(_column(folder / "quarantine.csv", "kind"))
    if kinds:
        counted = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.most_common()]
        said.append(f"{' and '.join(counted)} quarantined, see {folder / 'quarantine.csv'}")
    return f" ({'; '.join(said)})" if said else ""
