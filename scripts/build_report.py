"""Build the HTML report of a run, and its figures as files of their own."""

import json
from importlib import import_module
from pathlib import Path

from understory.core.files import replacing
from understory.data import dataset, predictions, store
from understory.data.task import Task
from understory.inference import saved_run
from understory.report import page as report
from understory.run import provenance
from understory.run.job import run


def main(job):
    params = job.params.settings
    task = Task.read(job.input.labels)
    tested = truth = None
    if job.input.get("predictions"):
        tested = predictions.read(job.input.predictions, task.classes)
    if job.input.get("truth"):
        truth = store.read_table(job.input.truth)
    histories = {}
    for path in map(Path, job.input.histories):
        fold = int(path.parts[-2].removeprefix("fold"))
        histories.setdefault(path.parts[-3], {})[fold] = store.read_table(path)
    # Snakemake takes no benchmark file for an input: they are those of the jobs that ran last.
    measured = Path(job.output.report).parent / "benchmarks"
    page = report.page(
        settings=params,
        scored=json.loads(Path(job.input.scores).read_text()),
        task=task,
        folds=store.read_table(job.input.folds),
        oof=predictions.read(job.input.oof, task.classes),
        predictions=tested,
        truth=truth,
        thresholds=saved_run.read(Path(job.input.members).parents[1])["thresholds"],
        histories=histories,
        store=[
            import_module(params["store"]).read(array, index)
            for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
        ],
        usable={
            subset: [
                name
                for path in job.input.recordings
                if Path(path).stem.split("-")[0] == subset
                for name in store.read_table(path).recording_id
            ]
            for subset in dataset.SUBSETS
        },
        quarantine=store.read_table(job.input.quarantine),
        quarantine_path=job.input.quarantine,
        costs=provenance.costs(measured, **params["measured"]),
        facts=[*params["facts"], *provenance.facts()],
        configuration=job.params.configuration.text,
    )
    for name, content in page.figures.items():
        with replacing(getattr(job.output, name)) as path:
            path.write_bytes(content)
    with replacing(job.output.report) as path:
        path.write_text(page.html, encoding="utf-8")


run(main, globals().get("snakemake"))
