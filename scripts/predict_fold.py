"""Predict every window of the test recordings with one fold's model."""

import json
from pathlib import Path

from understory import store
from understory.job import run


def main(job):
    # TensorFlow speaks while it is imported: here, into the log.
    from understory import batches, training

    settings = job.params.settings["models"][job.wildcards.model]
    training.configure(threads=settings["threads"], seed=job.params.settings["seed"])
    labels = json.loads(Path(job.input.labels).read_text())
    data = batches.TestExamples(zip(job.input.arrays, job.input.indexes, strict=True))
    model = training.load(Path(job.input.model))
    predictions = training.predict(model, data, data.all_rows(), batch_size=settings["batch_size"])
    store.write_table(
        job.output.predictions, training.with_predictions(data.windows, predictions, labels["classes"])
    )


run(main, globals().get("snakemake"))
