"""Look the recordings of one shard through, and set aside what cannot be used."""

from understory.audio import inspect
from understory.data import inspection, store
from understory.run.job import run


def main(job):
    source = job.params.source
    tables = source.read_part()
    recordings, set_aside = inspection.inspect(
        tables.recordings,
        source.path,
        lambda path: (inspect.inspect_file(path), ()),
        columns=inspect.COLUMNS,
    )
    _, outside = inspection.usable(tables, recordings)
    job.params.limit.check_first([*set_aside, *outside])
    store.write_table(job.output.recordings, recordings)
    store.write_table(job.output.quarantine, inspection.table([*set_aside, *outside]))


run(main, globals().get("snakemake"))
