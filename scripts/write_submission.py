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
    source = job.params.source
    reader = datasets.reader(source.dataset)
    template = reader.submission_template(Path(source.folder))
    task = Task.read(job.input.labels)
    found = predictions.read(job.input.predictions, task.classes)
    submission.check_probabilities(found.values, found.keys.recording_id)
    id_column, ids, columns = template
    if hasattr(reader, "submission"):
        thresholds = saved_run.read(Path(job.input.members).parents[1])["thresholds"]
        told = found if sparse.issparse(found.values) else found.table()
        table = reader.submission(template, told, scoring.decided(task, found, thresholds))
        submission.check_submission(table, id_column=id_column, ids=ids, columns=columns)
    else:
        by_id = found.table().set_index("recording_id")
        table = submission.submission(by_id, id_column=id_column, ids=ids, labels=columns)
    store.write_table(job.output.submission, table)


run(main, globals().get("snakemake"))
