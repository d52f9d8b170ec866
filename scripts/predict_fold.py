"""Predict every window of the test recordings with one fold's model."""

from pathlib import Path

from understory import devices, predictions, tasks
from understory.job import run


def main(job):
    devices.take()
    # TensorFlow speaks while it is imported: here, into the log.
    from understory import batches, prediction

    settings = job.params.settings["models"][job.wildcards.model]
    prediction.configure(threads=settings["threads"], seed=job.params.settings["seed"])
    task = tasks.Task.read(job.input.labels)
    data = batches.TestExamples(zip(job.input.arrays, job.input.indexes, strict=True))
    model = prediction.load(Path(job.input.model))
    found = prediction.predict(
        model,
        data,
        data.all_rows(),
        batch_size=settings["batch_size"],
        top_k=job.params.settings["predictions"]["top_k"],
    )
    found = predictions.Predictions(data.windows, found, task.classes)
    predictions.write(job.output.predictions, found)


run(main, globals().get("snakemake"))
