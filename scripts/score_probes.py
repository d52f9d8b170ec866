"""Score noise, silence and other sounds without an event with all models."""

import tempfile
from pathlib import Path

from understory.core import files
from understory.data.task import Task
from understory.inference import saved_run
from understory.inference.embeddings import model_files
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.inference import held_out, probes, window_scores
    from understory.training import predict, runtime

    settings = saved_run.weighted(job.params.settings, job.input.get("members"))
    settings = model_files.placed(settings, job.params.models)
    runtime.configure(threads=settings["threads"], seed=0)
    task = Task.read(job.input.labels)
    models = [
        predict.load(Path(path), name)
        for path, name in zip(job.input.models, settings["architectures"], strict=True)
    ]
    silent = [task.classes.index(label) for label in {*task.untrained, task.none} & {*task.classes}]
    with files.replacing(job.output.scores) as path, tempfile.TemporaryDirectory() as folder:
        writer = window_scores.Writer(path, task.classes)
        made = probes.write(Path(folder), sample_rate=settings["sample_rate"], seed=job.params.seed)
        held_out.write(made, models, settings, writer, silent)
        writer.close()


run(main, globals().get("snakemake"))
