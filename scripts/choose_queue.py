"""Choose which windows of new recordings to label next."""

from collections import Counter
from pathlib import Path

import numpy as np

from understory.core import files
from understory.core.file_digests import FileDigests
from understory.data.task import Task
from understory.inference import window_scores
from understory.run.job import run
from understory.search import choosing, labelled, vectors


def main(job):
    settings, places, source = job.params.settings, job.params.places, job.params.source
    classes, contents = Task.read(job.input.labels).classes, FileDigests(Path(places.contents))
    shards = vectors.read_all(job.input.vectors, job.input.windows)
    names, recordings, starts, stops = vectors.in_order(shards)
    windows, highest = choosing.of_scores(
        names, recordings, starts, stops, window_scores.read(job.input.scores)
    )
    folder = Path(places.recordings)
    held = dict(zip(names, contents.identities([folder / name for name in names]), strict=True))
    tables = source.read()
    times = labelled.annotated(tables, source, contents)
    for identity, own in labelled.judged(job.params.verdicts.paths, held).items():
        times.setdefault(identity, []).extend(own)
    out = labelled.held_out(source, job.params.held_out.paths, contents)
    allowed, has = labelled.masks(names, recordings, starts, stops, held, times, out)
    counts = Counter(each.label for each in tables.annotations if each.presence == "present")
    chosen = choosing.choose(
        windows,
        allowed,
        counts=np.array([counts[label] for label in classes]),
        labelled=np.flatnonzero(has),
        rows=lambda numbers: vectors.rows(shards, numbers),
        size=settings["queue"]["size"],
        strategy=settings["queue"]["strategy"],
        seed=settings["seed"],
    )
    rows = [
        [
            names[recordings[number]],
            f"{starts[number]:.9g}",
            f"{stops[number]:.9g}",
            classes[windows.labels[number]],
            f"{highest[number]:.9g}",
            f"{windows.doubts[number]:.9g}",
            rank,
        ]
        for rank, number in enumerate(chosen, 1)
    ]
    files.write_rows(job.output.queue, ["path", "start", "end", "label", "score", "doubt", "rank"], rows)
    print(
        f"{len(starts)} windows, {int(has.sum())} with a label, {int(allowed.sum())} to choose from, {len(rows)} chosen"
    )


run(main, globals().get("snakemake"))
