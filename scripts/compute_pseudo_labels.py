"""Predict the unknown labels of what one fold trains with, by its model of the round before."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from understory.core.file_digests import FileDigests
from understory.data import store
from understory.data.task import Task
from understory.inference.finished_runs import provenance
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.inference.pseudo_labels import taught as pseudo_labels
    from understory.training import predict, runtime
    from understory.training.inputs import batches, examples, targets
    from understory.training.inputs.pseudo_labels import confident
    from understory.training.layers import before_merging

    params, fold = job.params.settings, int(job.wildcards.fold)
    settings = params["models"][job.wildcards.model]
    runtime.configure(threads=settings["threads"], seed=params["seed"])
    task, folds = Task.read(job.input.labels), store.read_table(job.input.folds)
    contents = store.read_table(job.input.contents)
    held = provenance.by_fold(contents, folds, exhaustive=task.exhaustive)[0][fold]
    # Beside the model, so that it tells of this one whatever the rule says.
    pseudo_labels.check_model(Path(job.input.model).with_name(provenance.FILE), fold, held)
    read = import_module(job.params.store).read
    labelled, others = (
        [read(array, index) for array, index in zip(arrays, indexes, strict=True)]
        for arrays, indexes in (
            (job.input.arrays, job.input.indexes),
            (job.input.unlabelled_arrays, job.input.unlabelled_indexes),
        )
    )
    data = examples.Examples(
        ((0, *shard) for shard in labelled),
        folds,
        task.output_names,
        exhaustive=task.exhaustive,
        by_output=task.outputs is not None,
    )
    rows = data.training_rows(fold, centred=False)
    known = targets.training_targets(
        data, "labels", control=params["control"], rows=rows, seed=params["seed"]
    )
    # Of outputs, and not of the classes that they are merged to: of a class alone nobody could say which type it is.
    model = before_merging(predict.load(Path(job.input.model), settings["architecture"]))
    tables = [pseudo_labels.table(data.index.loc[rows, ["example_id", "recording_id"]], contents, "train")]
    sources, labels = [(data, rows)], [known.take(rows)]
    if others:
        windows = batches.TestExamples(others)
        recordings = pd.concat([store.read_table(path) for path in job.input.recordings])
        found = provenance.contents_of(
            recordings, job.params.source, FileDigests(Path(job.params.contents.text))
        )
        own = pseudo_labels.table(pseudo_labels.windows_of(windows.windows), found, "test")
        # A recording that is a copy of one that is held out teaches nothing.
        rows = np.flatnonzero(~own.content.isin(set(held.values())))
        # Of the others no label is known.
        tables, sources = [*tables, own.iloc[rows]], [*sources, (windows, rows)]
        labels.append(np.full((len(rows), len(task.output_names)), -1, np.float32))
    values = [predict.predict(model, *each, batch_size=settings["batch_size"]) for each in sources]
    soft = confident(np.concatenate(values), np.concatenate(labels), **params["pseudo_labels"])
    pseudo_labels.write(job.output.soft, job.output.index, soft, pd.concat(tables), fold, held)


run(main, globals().get("snakemake"))
