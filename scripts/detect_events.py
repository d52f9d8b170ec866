"""Find the events in the window scores of all new recordings, and write their tables."""

from pathlib import Path

from understory.core import files
from understory.data import calibration
from understory.data.task import Task
from understory.inference import detections, window_scores
from understory.run.job import run


def main(job):
    settings, task = job.params.settings, Task.read(job.input.labels)
    known, calibrated = {}, {}
    if path := job.input.get("calibration"):
        known, calibrated = calibration.read(path), calibration.read_settings(path)
    chosen = detections.criteria(task, known, settings, calibrated)
    found = detections.write(
        window_scores.read(job.input.scores),
        chosen,
        settings,
        {key: Path(job.output[key]) for key in detections.FILES},
    )
    # Of a run with more shards.
    for paths in (job.input.scores, job.input.failed):
        for path in Path(paths[0]).parent.glob("new-*"):
            if str(path) not in set(map(str, paths)):
                path.unlink()
    detections.write_thresholds(job.output.thresholds, chosen)
    print(f"events: {found}")
    failed = sorted(row for path in job.input.failed for row in files.read_rows(path))
    files.write_rows(job.output.failed, ["path", "reason"], failed)


run(main, globals().get("snakemake"))
