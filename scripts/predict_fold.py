"""Predict every window of the test recordings with one fold's model."""

import json
from pathlib import Path

from understory import store
from understory.job import run


def main(job):
    # TensorFlow speaks while it is imported: here, into the log.
    from understory import batches, prediction

    settings = job.params.settings["models"][job.wildcards.model]
    prediction.configure(threads=settings["threads"], seed=job.params.settings["seed"])
    labels = json.loads(Path(job.input.labels).read_text())
    data = batches.TestExamples(zip(job.input.arrays, job.input.indexes, strict=True))
    model = prediction.load(Path(job.input.model))
    found = prediction.predict(model, data, data.all_rows(), batch_size=settings["batch_size"])
    store.write_table(
        job.output.predictions, prediction.with_predictions(data.windows, found, labels["classes"])
    )


run(main, globals().get("snakemake"))
