"""Compute the vectors that a frozen model gives of the windows of the new recordings of one shard."""

from pathlib import Path

from understory.core import files
from understory.core.file_digests import FileDigests
from understory.core.hashing import digest
from understory.inference.embeddings import model_files
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.inference import shard_scores
    from understory.search import vectors
    from understory.training import runtime

    settings, places = job.params.settings, job.params.places
    runtime.configure(threads=settings["threads"], seed=0)
    scorer = shard_scores.Scorer(
        [],
        model_files.placed(settings, job.params.models),
        Path(places.cache),
        digest([settings, job.params.code]),
        FileDigests(Path(places.contents)),
        vectors.of_windows,
    )
    folder = Path(places.recordings)
    own, failed = shard_scores.names_of(folder, job.wildcards.shard, job.params.shards)
    with (
        files.replacing(job.output.windows) as index,
        files.replacing(job.output.vectors) as array,
        open(array, "wb") as file,
    ):
        writer = vectors.Writer(file, index)
        failed += shard_scores.write(scorer, folder, own, writer)
        writer.close()
    files.write_rows(job.output.failed, ["path", "reason"], failed)


run(main, globals().get("snakemake"))
