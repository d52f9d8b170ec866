"""Write the submission in the form of the competition's sample."""

from pathlib import Path

from understory import datasets, ensemble, store
from understory.job import run


def main(job):
    params = job.params.settings
    id_column, ids, labels = datasets.reader(params["dataset"]).submission_template(Path(params["data"]))
    predictions = store.read_table(job.input.predictions).set_index("recording_id")
    table = ensemble.submission(predictions, id_column=id_column, ids=ids, labels=labels)
    store.write_table(job.output.submission, table)


run(main, globals().get("snakemake"))
