"""Predict every window of the test recordings with one fold's model."""

from importlib import import_module
from pathlib import Path

from understory.data import predictions
from understory.data.task import Task
from understory.run.job import run
from understory.training import gpu_lock


def main(job):
    gpu_lock.take()
    # TensorFlow speaks while it is imported: here, into the log.
    from understory.training import batches, predict

    settings = job.params.settings["models"][job.wildcards.model]
    predict.configure(threads=settings["threads"], seed=job.params.settings["seed"])
    task = Task.read(job.input.labels)
    data = batches.TestExamples(
        import_module(job.params.store).read(array, index)
        for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
    )
    model = predict.load(Path(job.input.model))
    found = predict.predict(
        model,
        data,
        data.all_rows(),
        batch_size=settings["batch_size"],
        top_k=job.params.settings["predictions"]["top_k"],
    )
    found = predictions.Predictions(data.windows, found, task.classes)
    predictions.write(job.output.predictions, found)


run(main, globals().get("snakemake"))
