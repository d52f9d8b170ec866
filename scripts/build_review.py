"""Build the page on which detections are reviewed."""

import json
from pathlib import Path

import pandas as pd

from understory.core.file_digests import FileDigests
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
    piece = {key: options[key] for key in ("context", "slower")}
    html = page.build(
        page.digested(items, folder, FileDigests(Path(job.params.places.contents))),
        excerpts.of_rows(folder, highest=settings["highest"], **piece),
        name=settings["name"],
        order=options["order"],
        known=json.loads(Path(job.input.labels).read_text(encoding="utf-8"))["classes"],
        slower=options["slower"],
        missing=set(detections.label) - set(items.label),
    )
    with replacing(job.output.review) as path:
        path.write_text(html, encoding="utf-8")
    print(f"{len(items)} of {len(detections)} detections, {len(html) / 1e6:.1f} MB")


run(main, globals().get("snakemake"))
