"""Train one model on all but one fold."""

from importlib import import_module
from pathlib import Path

from understory.core import choices
from understory.data import store
from understory.data.task import METRICS, Task
from understory.inference.finished_runs import provenance
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.training import fold_job, runtime

    params, fold, name = job.params.settings, int(job.wildcards.fold), job.wildcards.model
    runtime.configure(threads=params["models"][name]["threads"], seed=params["seed"])
    task = Task.read(job.input.labels)
    read = import_module(job.params.store).read
    shards = (
        (Path(array).parent.name, *read(array, index))
        for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
    )
    folds = store.read_table(job.input.folds)
    data = fold_job.examples(shards, folds, task, params)
    validated, trained = provenance.by_fold(
        store.read_table(job.input.contents), folds, exhaustive=task.exhaustive
    )
    taken = provenance.taken(job, validated, task.output_names)
    inputs = [job.input.folds, job.input.labels, *job.input.arrays, *job.input.indexes]
    metric = choices.load(METRICS, task.metric)
    fold_job.train(job, data, metric, inputs, merged=task.merged, start=taken and taken.take)
    provenance.write(Path(job.output.trained_on), trained[fold] | (taken.known if taken else set()))
    fold_job.forget(job)


run(main, globals().get("snakemake"))
