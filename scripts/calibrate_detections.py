"""Fit probabilities and thresholds to held-out detections, and score these."""

import json
from functools import partial

import pandas as pd

from understory.core.files import replacing
from understory.data import calibration, inspection, store
from understory.data.tables import song_types
from understory.data.task import Task
from understory.evaluation.detections import held_out as evaluated
from understory.evaluation.detections import thresholds
from understory.inference import detections, events, held_out_folds, window_scores
from understory.run.job import run


def main(job):
    settings, task = job.params.settings, Task.read(job.input.labels)
    recordings = pd.concat([store.read_table(path) for path in job.input.recordings])
    tables, outside = inspection.usable(job.params.source.read(), recordings)
    misplaced = tables.misplaced | {item.recording_id for item in outside}
    folds = held_out_folds.folds_of(
        recordings.recording_id,
        store.read_table(job.input.folds),
        settings["n_splits"],
        exhaustive=task.exhaustive,
    )
    find = partial(events.find, settings={**settings["detect"], "smoothing": 1})
    scored, probes = (
        [
            each._replace(scores=events.smoothed(each.scores, settings["detect"]["smoothing"]))
            for each in window_scores.read(paths)
        ]
        for paths in (job.input.scores, [job.input.probes])
    )
    calibrations, found = thresholds.calibrate(
        evaluated.of(
            scored, song_types.by_class(tables).annotations_of, folds, task, misplaced, tables.picked
        ),
        probes,
        find,
        task=task,
        wanted=settings["precision"],
        fixed=settings["threshold"],
        fallback=detections.FALLBACK,
        seed=settings["seed"],
    )
    for each in calibrations:
        print(f"{each.label}: {each.reason or f'threshold {each.threshold:.9g}'}")
    calibration.write(
        job.output.calibration, calibrations, {**settings["detect"], "precision": settings["precision"]}
    )
    with replacing(job.output.scores) as path:
        text = json.dumps({"name": settings["name"], **found}, indent=1, allow_nan=False, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


run(main, globals().get("snakemake"))
