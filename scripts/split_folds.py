"""Deal the examples to folds and write down the labels."""

import json
from pathlib import Path

import pandas as pd

from understory.audio import background
from understory.core.file_digests import FileDigests
from understory.core.files import replacing
from understory.data import examples, folds, inspection, quarantine, store
from understory.data import source as datasets
from understory.data.band import typical
from understory.data.tables import song_types
from understory.data.task import Task
from understory.inference.finished_runs import provenance
from understory.run.job import run


def main(job):
    params = job.params.settings
    source = job.params.source
    given = source.read()
    recordings = pd.concat([store.read_table(path) for path in job.input.recordings])
    tables, _ = inspection.usable(given, recordings)
    set_aside = [
        *(q for q in given.quarantined if q.subset == "train"),
        *inspection.listed(job.input.quarantine),
    ]
    job.params.limit.check(given, set_aside)
    quarantine.check_present(given, tables, set_aside)
    annotated = examples.annotation_examples(tables, absent=params["crop"]["absent"])
    annotated = examples.of_items(annotated, recordings)
    if windows := params["windows"]:
        events, size = windows["long_events"], {key: windows[key] for key in ("window", "sample_rate")}
        durations = examples.durations(recordings, size["sample_rate"])
        annotated = background.added(
            examples.of_windows(annotated, durations, **size, long_events=events),
            background.examples(tables, durations, **size, background=windows["background"]),
        )
    contents = provenance.contents_of(recordings, source, FileDigests(Path(job.params.contents.text)))
    store.write_table(job.output.contents, contents)
    split = {**params["split"], "rare_classes": job.params.rare_classes.text, "contents": contents}
    store.write_table(job.output.folds, folds.deal(annotated, tables, **split))
    reader = datasets.reader(source.dataset)
    shown = {annotation.label for annotation in tables.annotations if annotation.presence == "present"}
    task = Task(
        classes=list(tables.classes),
        exhaustive=tables.exhaustive,
        metric=reader.METRIC,
        unit=reader.UNIT,
        scored=reader.SCORED,
        none=getattr(reader, "NONE", None),
        untrained=sorted(set(tables.classes) - shown),
        bands=typical(tables.annotations),
        outputs=song_types.outputs(tables),
    )
    with replacing(job.output.labels) as path:
        path.write_text(json.dumps(task.told(), indent=1) + "\n")


run(main, globals().get("snakemake"))
