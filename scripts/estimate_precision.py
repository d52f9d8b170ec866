"""Estimate the precision of each class from verdicts on a sample of its detections."""

from pathlib import Path

import pandas as pd

from understory.annotations import verdicts
from understory.data.store import write_table
from understory.review import precision
from understory.run.job import run


def main(job):
    rows = [row for path in job.params.files.text.splitlines() for row in verdicts.sampled(Path(path))]
    write_table(job.output.precision, precision.table(pd.DataFrame(rows, columns=verdicts.Sampled._fields)))


run(main, globals().get("snakemake"))
