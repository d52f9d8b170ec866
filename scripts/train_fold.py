"""Train one model on all but one fold."""

import shutil
from importlib import import_module
from pathlib import Path

from understory.core import choices, hashing, members
from understory.data import store
from understory.data.task import METRICS, Task
from understory.inference.finished_runs import provenance
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.training import fit, metrics, runtime, saving
    from understory.training.inputs import examples

    params, fold = job.params.settings, int(job.wildcards.fold)
    name = job.wildcards.model
    settings = params["models"][name]
    runtime.configure(threads=settings["threads"], seed=params["seed"])
    task = Task.read(job.input.labels)
    read = import_module(job.params.store).read
    shards = (
        (Path(array).parent.name, *read(array, index))
        for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
    )
    folds = store.read_table(job.input.folds)
    data = examples.Examples(shards, folds, task.classes, exhaustive=task.exhaustive)
    validated, trained = provenance.by_fold(
        store.read_table(job.input.contents), folds, exhaustive=task.exhaustive
    )
    start, known = None, set()
    if job.params.origin:
        own = {"name": members.model_of(name), "block": settings, "fold": fold, "control": params["control"]}
        start = import_module(job.params.start).Start(
            job.params.origin, validated=validated, classes=task.classes, **own
        )
        known = start.known
    inputs = saving.content_digest([job.input.folds, job.input.labels, *job.input.arrays, *job.input.indexes])
    resume = Path(job.output.last).parents[3] / "resume"
    module = choices.load(METRICS, task.metric)
    model, best, history = fit.train(
        data,
        fold=fold,
        # A member draws what the only model of this seed would draw.
        name=members.model_of(name),
        settings=settings,
        metric=metrics.metric(module),
        seed=params["seed"],
        control=params["control"],
        start=start and start.take,
        state=resume / f"{name}-fold{fold}-{hashing.digest([job.params.code, params, inputs])}",
    )
    saving.save(model, Path(job.output.last))
    shutil.copyfile(best, job.output.best)
    Path(job.output.history).write_text(saving.history_csv(history))
    provenance.write(Path(job.output.trained_on), trained[fold] | known)
    for state in resume.glob(f"{name}-fold{fold}-*"):
        shutil.rmtree(state)


run(main, globals().get("snakemake"))
