"""Build the page on which the windows that a search found, or a queue holds, are labelled."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from understory.core import file_digests
from understory.core.files import replacing
from understory.review import excerpts, page
from understory.run.job import run


def main(job):
    settings, kind = job.params.settings, job.wildcards.chosen
    review, folder = settings["review"], Path(job.params.places.recordings)
    items = pd.read_csv(job.input.chosen, keep_default_na=False, na_values=[""], dtype=page.TEXT)
    items = items.rename(columns={"similarity": "score"})
    # A class that is never detected has none that is finite.
    items = items.reindex(columns=[*items.columns.union(["threshold"], sort=False)]).replace(np.inf, np.nan)
    contents = file_digests.FileDigests(Path(job.params.places.contents))
    items["digest"] = [
        file_digests.short(each) for each in contents.identities([folder / path for path in items.path])
    ]

    def excerpt(row):
        return excerpts.excerpt(
            folder / row.path,
            row.start,
            row.end,
            context=review["context"],
            highest=settings["highest"],
            slower=review["slower"],
        )

    known = [
        label
        for path in job.input.get("labels", [])
        for label in json.loads(Path(path).read_text(encoding="utf-8"))["classes"]
    ]
    html = page.build(
        items,
        excerpt,
        name=f"{settings['name']}-{kind}",
        order=kind,
        known=known,
        slower=review["slower"],
    )
    with replacing(job.output.page) as path:
        path.write_text(html, encoding="utf-8")
    print(f"{len(items)} windows, {len(html) / 1e6:.1f} MB")


run(main, globals().get("snakemake"))
