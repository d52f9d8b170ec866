"""Build the HTML report of a run."""

import json
from pathlib import Path

from understory import report, store
from understory.job import run


def main(job):
    params = job.params.settings
    predictions = truth = None
    if job.input.get("truth"):
        predictions = store.read_table(job.input.predictions).set_index("recording_id")
        truth = store.read_table(job.input.truth).set_index("recording_id").loc[predictions.index]
    histories = {
        f"{Path(path).parts[-3]} {Path(path).parts[-2].replace('fold', 'fold ')}": store.read_table(path)
        for path in job.input.histories
    }
    html = report.page(
        settings=params,
        scored=json.loads(Path(job.input.scores).read_text()),
        labels=json.loads(Path(job.input.labels).read_text()),
        folds=store.read_table(job.input.folds),
        oof=store.read_table(job.input.oof),
        predictions=predictions,
        truth=truth,
        histories=histories,
        store=[
            store.read(array, index) for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
        ],
        facts=params["facts"],
    )
    with store.replacing(job.output.report) as path:
        path.write_text(html, encoding="utf-8")


run(main, globals().get("snakemake"))
