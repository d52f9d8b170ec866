"""Bring the pictures of one shard to a model's size: those of its windows, or of its test recordings."""

import pandas as pd

from understory import image_files, store
from understory.job import run


def main(job):
    how, settings = (
        dict(job.params.settings["features"][job.wildcards.features]),
        job.params.settings["images"],
    )
    how.pop("kind")
    oriented, to_content = how.pop("oriented"), how.pop("crop_to_content")
    rows: list[dict] = []
    if job.params.recordings is None:
        stored, index = store.read(job.input.windows, job.input.index)
        rows = index.drop(columns=["end", "channels"]).to_dict("records")

        def pictures():
            return zip(stored, rows, strict=True)

    else:
        recordings = store.read_table(job.input.recordings)

        def pictures():
            rows.clear()
            for row in recordings.itertuples():
                path = job.params.source.path(row)
                for picture, facts in image_files.pictures(path, row.items, job.params.test["images"]):
                    rows.append({"recording_id": row.recording_id, **facts})
                    yield picture, rows[-1]

    seen = ((picture, row["recording_id"]) for picture, row in (pictures() if to_content else ()))
    boxes = image_files.boxes(seen)
    features = (
        image_files.feature(
            picture,
            **how,
            sequences=settings["sequences"],
            box=boxes.get(row["recording_id"]),
            turn=0 if oriented else row.get("turn", 0),
            windows=row.get("windows", ""),
        )
        for picture, row in pictures()
    )
    store.write_pictures(
        job.output.examples,
        job.output.index,
        features,
        lambda: pd.DataFrame(rows, columns=None if rows else ["recording_id", "item"]),
        quality=image_files.quality(settings),
    )


run(main, globals().get("snakemake"))
