"""Predict every window of the test recordings with one fold's model."""

from importlib import import_module
from pathlib import Path

from understory.data import predictions
from understory.data.task import Task
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.training import predict, runtime
    from understory.training.inputs import batches

    params = job.params.settings
    settings = params["models"][job.wildcards.model]
    runtime.configure(threads=settings["threads"], seed=params["seed"])
    task = Task.read(job.input.labels)
    read = import_module(job.params.store).read
    data = batches.TestExamples(
        read(array, index) for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
    )
    values = predict.predict(
        predict.load(Path(job.input.model), settings["architecture"]),
        data,
        data.all_rows(),
        batch_size=settings["batch_size"],
        top_k=params["predictions"]["top_k"],
        shifts=settings["shifts"],
    )
    predictions.write(job.output.predictions, predictions.Predictions(data.windows, values, task.classes))


run(main, globals().get("snakemake"))
