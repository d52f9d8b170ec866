"""Build the page on which detections are reviewed."""

import json
from pathlib import Path

import pandas as pd

from understory.core import file_digests
from understory.core.files import replacing
from understory.review import excerpts, page, sampling
from understory.run.job import run


def main(job):
    settings = job.params.settings
    options = settings["review"]
    # Paths and labels may look like numbers, or like what pandas takes for missing.
    detections = pd.read_csv(job.input.detections, keep_default_na=False, na_values=[""], dtype=page.TEXT)
    folder = Path(job.params.places.recordings)
    items = sampling.chosen(
        detections,
        order=options["order"],
        items=options["items"],
        above=options["above"],
        seed=settings["seed"],
    )
    paths = items.path.unique()
    contents = file_digests.FileDigests(Path(job.params.places.contents))
    held = map(file_digests.short, contents.identities([folder / path for path in paths]))
    items["digest"] = items.path.map(dict(zip(paths, held, strict=True)))

    def excerpt(row):
        return excerpts.excerpt(
            folder / row.path,
            row.start,
            row.end,
            context=options["context"],
            highest=settings["highest"],
            slower=options["slower"],
        )

    html = page.build(
        items,
        excerpt,
        name=settings["name"],
        order=options["order"],
        known=json.loads(Path(job.input.labels).read_text(encoding="utf-8"))["classes"],
        slower=options["slower"],
    )
    with replacing(job.output.review) as path:
        path.write_text(html, encoding="utf-8")
    print(f"{len(items)} of {len(detections)} detections, {len(html) / 1e6:.1f} MB")


run(main, globals().get("snakemake"))
