"""Take the pictures of one shard's annotations."""

import pandas as pd

from understory import examples, image_files, inspection, store
from understory.job import run


def main(job):
    settings, source = job.params.settings["images"], job.params.source
    recordings = store.read_table(job.input.recordings).set_index("recording_id", drop=False)
    tables, _ = inspection.usable(source.read(), recordings)
    path_of = {recording.recording_id: source.path(recording) for recording in tables.recordings}
    index = image_files.placed(examples.annotation_examples(tables, absent=True))
    if not job.params.settings["crop"]["absent"]:
        index = index[index.presence == "present"]
    rows = []

    def pictures():
        for row in index.itertuples(index=False):
            items = recordings.loc[row.recording_id, "items"]
            for picture, facts in image_files.pictures(path_of[row.recording_id], items, settings):
                name = "-".join(part for part in (row.example_id, facts["item"]) if part)
                rows.append({**row._asdict(), "example_id": name, **facts})
                yield picture

    store.write_pictures(
        job.output.pictures,
        job.output.index,
        pictures(),
        lambda: pd.DataFrame(rows, columns=None if rows else [*index.columns, "item"]),
        quality=image_files.quality(settings),
    )


run(main, globals().get("snakemake"))
