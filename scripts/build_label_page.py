"""Build the page on which the windows that a search found, or a queue holds, are labelled."""

import json
from pathlib import Path

import pandas as pd

from understory.core.file_digests import FileDigests
from understory.core.files import replacing
from understory.review import excerpts, page
from understory.run.job import run


def main(job):
    settings, kind = job.params.settings, job.wildcards.chosen
    review, folder = settings["review"], Path(job.params.places.recordings)
    items = pd.read_csv(job.input.chosen, keep_default_na=False, na_values=[""], dtype=page.TEXT)
    items = items.rename(columns={"similarity": "score"})
    known = [
        label
        for path in job.input.get("labels", [])
        for label in json.loads(Path(path).read_text(encoding="utf-8"))["classes"]
    ]
    html = page.build(
        page.digested(items, folder, FileDigests(Path(job.params.places.contents))),
        excerpts.of_rows(folder, highest=settings["highest"], **review),
        name=f"{settings['name']}-{kind}",
        order=kind,
        known=known,
        slower=review["slower"],
    )
    with replacing(job.output.page) as path:
        path.write_text(html, encoding="utf-8")
    print(f"{len(items)} windows, {len(html) / 1e6:.1f} MB")


run(main, globals().get("snakemake"))
