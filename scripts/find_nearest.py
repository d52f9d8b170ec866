"""Find the windows of new recordings that are nearest to examples."""

from pathlib import Path

from understory.core import files
from understory.inference.embeddings import model_files
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.search import examples, nearest, vectors
    from understory.training import runtime

    settings, paths = job.params.settings, job.params.places.paths
    runtime.configure(threads=settings["threads"], seed=0)
    settings = model_files.placed(settings, job.params.models)
    starts = examples.starts(paths, settings["times"], settings)
    waves = (examples.wave(path, start, settings) for path, start in zip(paths, starts, strict=True))
    sought = vectors.of_windows(waves, len(paths), [], settings)
    shards = vectors.read_all(job.input.vectors, job.input.windows)
    found = nearest.find(
        shards,
        sought,
        items=settings["items"],
        overlapping=nearest.overlapping(settings["window"], settings["hop"]),
        threads=job.threads,
    )
    failed = sorted(row for path in job.input.failed for row in files.read_rows(path))
    files.write_rows(job.output.failed, ["path", "reason"], failed)
    names, recordings, begins, ends = vectors.in_order(shards)
    rows = [
        [
            names[recordings[number]],
            f"{begins[number]:.9g}",
            f"{ends[number]:.9g}",
            settings["label"],
            f"{similarity:.9g}",
            rank,
            Path(paths[example]).name,
            f"{starts[example]:.9g}",
        ]
        for rank, (number, similarity, example) in enumerate(found, 1)
    ]
    header = ["path", "start", "end", "label", "similarity", "rank", "example", "example_start"]
    files.write_rows(job.output.found, header, rows)
    print(f"{len(found)} of {len(begins)} windows of {len(names)} recordings")


run(main, globals().get("snakemake"))
