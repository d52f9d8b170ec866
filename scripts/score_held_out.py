"""Score the windows of the training recordings of one shard with the models that did not train on them."""

from pathlib import Path

from understory.core import files
from understory.data import store
from understory.data.task import Task
from understory.inference import saved_run
from understory.inference.embeddings import model_files
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.inference import held_out, held_out_folds, window_scores
    from understory.training import predict, runtime

    settings, n_splits = job.params.settings, job.params.n_splits
    key = [job.params.code, settings["sample_rate"], settings["threads"]]
    memory = Path(job.output.scores).with_suffix("")
    settings = model_files.placed(settings, job.params.models, memory, key)
    runtime.configure(threads=settings["threads"], seed=0)
    task, recordings = Task.read(job.input.labels), store.read_table(job.input.recordings)
    of = held_out_folds.folds_of(
        recordings.recording_id, store.read_table(job.input.folds), n_splits, exhaustive=task.exhaustive
    )
    paths = {row.recording_id: job.params.source.path(row) for row in recordings.itertuples()}
    print(f"{len(of)} of {len(paths)} recordings are held out by a fold")
    silent = [task.classes.index(label) for label in {*task.untrained, task.none} & {*task.classes}]
    with files.replacing(job.output.scores) as path:
        writer = window_scores.Writer(path, task.classes)
        for fold in sorted(set(of.values())):
            numbers, own = held_out_folds.of_fold(settings, fold, n_splits)
            models = [
                predict.load(Path(job.input.models[number]), settings["architectures"][number])
                for number in numbers
            ]
            # Weights that the recordings of the fold had no part in either.
            own = saved_run.weighted(own, job.input.get("members"), fold)
            held_out.write(
                {name: paths[name] for name in of if of[name] == fold}, models, own, writer, silent
            )
        writer.close()


run(main, globals().get("snakemake"))
