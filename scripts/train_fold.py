"""Train one model on all but one fold."""

import shutil
from importlib import import_module
from pathlib import Path

from understory.core import choices, hashing
from understory.data import predictions, store
from understory.data.task import METRICS, Task
from understory.run.job import run
from understory.training import gpu_lock


def main(job):
    gpu_lock.take()
    # TensorFlow speaks while it is imported: here, into the log.
    from understory.training import examples, fit, metrics, predict

    params, fold = job.params.settings, int(job.wildcards.fold)
    name = job.wildcards.model
    settings = params["models"][name]
    predict.configure(threads=settings["threads"], seed=params["seed"])
    task = Task.read(job.input.labels)
    examples_store = import_module(job.params.store)
    shards = (
        (Path(array).parent.name, *examples_store.read(array, index))
        for array, index in zip(job.input.arrays, job.input.indexes, strict=True)
    )
    data = examples.Examples(
        shards, store.read_table(job.input.folds), task.classes, exhaustive=task.exhaustive
    )
    inputs = fit.content_digest([job.input.folds, job.input.labels, *job.input.arrays, *job.input.indexes])
    resume = Path(job.output.last).parents[3] / "resume"
    state = resume / f"{name}-fold{fold}-{hashing.digest([job.params.code, params, inputs])}"
    module = choices.load(METRICS, task.metric)
    model, best, history = fit.train(
        data,
        fold=fold,
        name=name,
        settings=settings,
        metric=metrics.metric(module, xla=settings["xla"]),
        score=task.metric,
        seed=params["seed"],
        control=params["control"],
        state=state,
    )
    fit.save(model, Path(job.output.last))
    shutil.copyfile(best, job.output.best)
    Path(job.output.history).write_text(fit.history_csv(history))
    rows, top_k = data.validation_rows(fold), params["predictions"]["top_k"]
    held = data.index.loc[rows, ["example_id", "recording_id", "label", "present", "fold"]].reset_index(
        drop=True
    )
    for chosen, path in ((model, job.output.last_oof), (predict.load(best), job.output.best_oof)):
        found = predict.predict(chosen, data, rows, batch_size=settings["batch_size"], top_k=top_k)
        found = predictions.Predictions(held, found, task.classes)
        predictions.write(path, found)
    for finished in resume.glob(f"{name}-fold{fold}-*"):
        shutil.rmtree(finished)


run(main, globals().get("snakemake"))
