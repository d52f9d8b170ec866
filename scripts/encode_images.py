"""Bring the pictures of one shard to a model's size: those of its windows, or of its test recordings."""

import pandas as pd

from understory.data.store import read_table
from understory.images import recordings as image_files
from understory.images import store
from understory.run.job import run


def main(job):
    params = job.params.settings
    settings = params["features"][job.wildcards.features]
    if job.params.recordings is None:
        stored, index = store.read(job.input.windows, job.input.index)
        rows = index.to_dict("records")

        def pictures():
            return zip(stored, rows, strict=True)

    else:
        recordings, rows = read_table(job.input.recordings), []

        def pictures():
            rows.clear()
            for recording in recordings.itertuples():
                path = job.params.source.path(recording)
                for picture, facts in image_files.pictures(path, recording.items, job.params.test["images"]):
                    rows.append({"recording_id": recording.recording_id, **facts})
                    yield picture, rows[-1]

    store.write_pictures(
        job.output.examples,
        job.output.index,
        image_files.features(pictures, settings, sequences=params["images"]["sequences"]),
        # Of a slice's facts, what tells it from others.
        lambda: pd.DataFrame(rows, columns=None if rows else ["recording_id"]).drop(
            columns=["turn", "windows"], errors="ignore"
        ),
        quality=image_files.quality(params["images"]),
    )


run(main, globals().get("snakemake"))
