"""List what is quarantined in the whole data set, and stop where it is too much."""

from understory.data import inspection, store
from understory.run.job import run


def main(job):
    tables = job.params.source.read()
    set_aside = [*tables.quarantined, *inspection.listed(job.input.shards)]
    job.params.limit.check(tables, set_aside)
    store.write_table(job.output.quarantine, inspection.table(set_aside))


run(main, globals().get("snakemake"))
