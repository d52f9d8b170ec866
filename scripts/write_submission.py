"""Write the submission in the form of the competition's sample."""

from pathlib import Path

from scipy import sparse

from understory.data import predictions, store
from understory.data import source as datasets
from understory.data.task import Task
from understory.evaluation import scoring, submission
from understory.inference import saved_run
from understory.run.job import run


def main(job):
    reader = datasets.reader(job.params.source.dataset)
    template = reader.submission_template(Path(job.params.source.folder))
    id_column, ids, columns = template
    task = Task.read(job.input.labels)
    tested = predictions.read(job.input.predictions, task.classes)
    if hasattr(reader, "submission"):
        submission.check_probabilities(tested.values, tested.keys.recording_id)
        members = saved_run.read(Path(job.input.members).parents[1])
        thresholds = saved_run.thresholds(members, task.classes, job.params.threshold)
        decisions = scoring.decided(task, tested, thresholds)
        values = tested if sparse.issparse(tested.values) else tested.table()
        table = reader.submission(template, values, decisions)
        submission.check_submission(table, id_column=id_column, ids=ids, columns=columns)
    else:
        by_recording = tested.table().set_index("recording_id")
        table = submission.table(by_recording, id_column=id_column, ids=ids, labels=columns)
    store.write_table(job.output.submission, table)


run(main, globals().get("snakemake"))
