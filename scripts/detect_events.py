"""Find the events in the window scores of all new recordings, and write their tables."""

from pathlib import Path

from understory.core import files
from understory.data import calibration
from understory.data.task import Task
from understory.inference import detections, window_scores
from understory.run.job import run


def main(job):
    settings, task = job.params.settings, Task.read(job.input.labels)
    known = calibration.read(job.input.calibration) if job.input.get("calibration") else {}
    said = detections.differing(settings, calibration.read_settings(job.input.calibration)) if known else []
    chosen = detections.criteria(task, known, settings)
    found = detections.write(
        window_scores.read(job.input.scores),
        chosen,
        settings,
        {key: Path(job.output[key]) for key in detections.FILES},
    )
    thresholds = [[each.label, f"{each.threshold:.9g}", each.why] for each in chosen]
    files.write_rows(job.output.thresholds, ["label", "threshold", "why"], thresholds)
    print(*said, f"{found} events", sep="\n")
    failed = sorted(row for path in job.input.failed for row in detections.read_failed(path))
    files.write_rows(job.output.failed, ["path", "reason"], failed)


run(main, globals().get("snakemake"))
