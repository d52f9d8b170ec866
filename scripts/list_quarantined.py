"""List what is quarantined in the whole data set, and stop where it is too much."""

from understory.data import inspection, store
from understory.run.job import run


def main(job):
    tables = job.params.source.read()
    set_aside = [*tables.quarantined, *inspection.listed(job.input.shards)]
    # At the start of the run nobody could say so of data that were still to be made or fetched.
    for remark in (
        *tables.remarks,
        *(job.params.source.band.remarks(tables) if job.params.source.band else ()),
    ):
        print(remark)
    job.params.limit.check(tables, set_aside)
    store.write_table(job.output.quarantine, inspection.table(set_aside))


run(main, globals().get("snakemake"))
