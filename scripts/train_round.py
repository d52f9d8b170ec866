"""Train one model on all but one fold once more, with the pseudo-labels of its model of the round before."""

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
    from understory.inference.pseudo_labels import taught as pseudo_labels
    from understory.training import fold_job, runtime

    params, fold, name = job.params.settings, int(job.wildcards.fold), job.wildcards.model
    runtime.configure(threads=params["models"][name]["threads"], seed=params["seed"])
    task, folds = Task.read(job.input.labels), store.read_table(job.input.folds)
    validated, trained = provenance.by_fold(
        store.read_table(job.input.contents), folds, exhaustive=task.exhaustive
    )
    taught = pseudo_labels.Taught(job.input.soft, job.input.soft_index)
    taught.check(job.input.taught_by, fold, validated[fold])
    read = import_module(job.params.store).read
    labelled, others = (
        [(array, *read(array, index)) for array, index in zip(arrays, indexes, strict=True)]
        for arrays, indexes in (
            (job.input.arrays, job.input.indexes),
            (job.input.unlabelled_arrays, job.input.unlabelled_indexes),
        )
    )
    shards = [(Path(path).parent.name, array, index) for path, array, index in labelled]
    shards += [(0, array, taught.unlabelled(index, task.output_names)) for _, array, index in others]
    folds = pseudo_labels.with_unlabelled(folds, taught.table)
    data = fold_job.examples(shards, folds, task, params)
    taken = provenance.taken(job, validated, task.output_names)
    inputs = [job.input.folds, job.input.labels, job.input.soft, job.input.soft_index]
    inputs += [*job.input.arrays, *job.input.indexes, *job.input.unlabelled_arrays]
    inputs += job.input.unlabelled_indexes
    metric = choices.load(METRICS, task.metric)
    fold_job.train(
        job,
        data,
        metric,
        inputs,
        merged=task.merged,
        start=taken and taken.take,
        relabelled=lambda known: taught.targets(known, data.index),
    )
    known = taught.known | (taken.known if taken else set())
    provenance.write(Path(job.output.trained_on), trained[fold] | known)
    fold_job.forget(job)


run(main, globals().get("snakemake"))
