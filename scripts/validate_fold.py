"""Predict the validation examples of one fold with the model that did not train on them."""

from importlib import import_module
from pathlib import Path

from understory.data import predictions, store
from understory.data.task import Task
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.training import predict, runtime
    from understory.training.inputs import examples

    params = job.params.settings
    settings = params["models"][job.wildcards.model]
    runtime.configure(threads=settings["threads"], seed=params["seed"])
    task = Task.read(job.input.labels)
    read = import_module(job.params.store).read
    shards = (
        (0, *read(array, index)) for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
    )
    folds = store.read_table(job.input.folds)
    data = examples.Examples(shards, folds, task.classes, exhaustive=task.exhaustive)
    rows = data.validation_rows(int(job.wildcards.fold))
    values = predict.predict(
        predict.load(Path(job.input.model), settings["architecture"]),
        data,
        rows,
        batch_size=settings["batch_size"],
        top_k=params["predictions"]["top_k"],
        shifts=settings["shifts"],
    )
    keys = data.index.loc[rows, ["example_id", "recording_id", "label", "present", "fold"]]
    predictions.write(job.output.oof, predictions.Predictions(keys, values, task.classes))


run(main, globals().get("snakemake"))
