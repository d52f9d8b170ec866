"""Take the pictures of one shard's annotations."""

import math

import pandas as pd

from understory.data import examples, inspection
from understory.data.store import read_table
from understory.images import recordings as image_files
from understory.images import store
from understory.run.job import run


def main(job):
    params, source = job.params.settings, job.params.source
    recordings = read_table(job.input.recordings)
    tables, _ = inspection.usable(source.read_part(), recordings)
    paths = {recording.recording_id: source.path(recording) for recording in tables.recordings}
    items = dict(zip(recordings.recording_id, recordings["items"], strict=True))
    index = examples.annotation_examples(tables, absent=params["crop"]["absent"])
    # All of a recording's labels are of each of its pictures.
    index = examples.with_labels(index.assign(start=0.0, stop=math.inf), tables)
    index = index.drop(columns=["start", "stop", *examples.BOX])
    facts = []

    def pictures():
        for name in index.recording_id:
            for picture, found in image_files.pictures(paths[name], items[name], params["images"]):
                facts.append(found)
                yield picture

    store.write_pictures(
        job.output.pictures,
        job.output.index,
        pictures(),
        lambda: examples.of_items(index, recordings).assign(**pd.DataFrame(facts)),
        quality=image_files.quality(params["images"]),
    )


run(main, globals().get("snakemake"))
