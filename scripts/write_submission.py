"""Write the submission in the form of the competition's sample."""

from pathlib import Path

from understory import datasets, ensemble, store
from understory.job import run


def main(job):
    source = job.params.source
    id_column, ids, labels = datasets.reader(source.dataset).submission_template(Path(source.folder))
    predictions = store.read_table(job.input.predictions).set_index("recording_id")
    table = ensemble.submission(predictions, id_column=id_column, ids=ids, labels=labels)
    store.write_table(job.output.submission, table)


run(main, globals().get("snakemake"))
