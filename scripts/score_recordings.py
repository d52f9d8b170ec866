"""Score the windows of the new recordings of one shard with all models."""

from pathlib import Path

from understory.core import files
from understory.core.file_digests import FileDigests, identity
from understory.core.hashing import digest
from understory.data.task import Task
from understory.inference import saved_run
from understory.inference.embeddings import model_files
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.inference import shard_scores, window_scores
    from understory.training import predict, runtime

    places = job.params.places
    settings = saved_run.weighted(job.params.settings, job.input.get("members"))
    at_once = max(1, job.threads // settings["threads"])
    runtime.configure(threads=settings["threads"], seed=0, at_once=at_once)
    print(f"parts of a recording that are scored at once: {at_once}", flush=True)
    task, paths = Task.read(job.input.labels), list(job.input.models)
    key = digest([settings, [identity(path) for path in paths], task.classes, job.params.code])
    scorer = shard_scores.Scorer(
        [predict.load(Path(path), name) for path, name in zip(paths, settings["architectures"], strict=True)],
        model_files.placed(
            settings,
            job.params.models,
            Path(places.cache, "vectors", job.wildcards.shard),
            [job.params.code, settings["sample_rate"], settings["threads"]],
        ),
        Path(places.cache),
        key,
        FileDigests(Path(places.contents)),
        threads=at_once,
    )
    folder, shard = Path(places.recordings), job.wildcards.shard
    own, failed = shard_scores.names_of(folder, shard, job.params.shards)
    silent = [task.classes.index(label) for label in task.untrained]
    with files.replacing(job.output.scores) as path:
        writer = window_scores.Writer(path, task.classes)
        failed += shard_scores.write(scorer, folder, own, writer, silent)
        writer.close()
    files.write_rows(job.output.failed, ["path", "reason"], failed)


run(main, globals().get("snakemake"))
