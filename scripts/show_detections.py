"""Draw the activity in new recordings, and a page with the highest events of each class."""

import csv
from collections import Counter
from contextlib import suppress
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError
from understory.inference import excerpts, tables
from understory.report import detections_page
from understory.run.job import run

# Seconds of an excerpt before and after its event, and in all at most.
CONTEXT, LONGEST = 1.0, 10.0


def main(job):
    settings, folder = job.params.settings, Path(job.params.places.recordings)
    detections = tables.read_detections(job.input.detections)
    shown = {}
    for label, own in detections_page.chosen(detections).items():
        shown[label] = []
        for each in own:
            # It was there when it was scored.
            with suppress(InputError):
                begin, wave = excerpts.around(
                    folder / each.path,
                    each.start,
                    each.end,
                    sample_rate=settings["sample_rate"],
                    context=CONTEXT,
                    longest=LONGEST,
                )
                excerpt = detections_page.Excerpt(
                    *(each.path, label, each.start, each.end, begin, each.score, each.probability, wave),
                    settings["sample_rate"],
                    settings["band"],
                )
                shown[label].append(excerpt)
    figure = detections_page.activity(rows(job.input.summary), rows(job.input.recordings))
    counts, failed = Counter(each.label for each in detections), len(rows(job.input.failed))
    with files.replacing(job.output.activity) as path:
        path.write_bytes(figure[0])
    with files.replacing(job.output.gallery) as path:
        path.write_text(
            detections_page.build(settings["name"], shown, counts, figure, failed), encoding="utf-8"
        )


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


run(main, globals().get("snakemake"))
