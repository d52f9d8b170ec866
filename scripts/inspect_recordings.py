"""Inspect the recordings of one shard, and quarantine what cannot be used."""

from importlib import import_module

from understory.data import inspection, store
from understory.run.job import run


def main(job):
    source, medium = job.params.source, import_module(job.params.module)
    tables = source.read_part()
    recordings, quarantined = inspection.inspect(
        tables.recordings,
        source.path,
        lambda path: medium.inspect_recording(path, job.params.settings),
        columns=medium.COLUMNS,
    )
    _, outside = inspection.usable(tables, recordings)
    quarantined += outside
    job.params.limit.check_first(quarantined)
    store.write_table(job.output.recordings, recordings)
    store.write_table(job.output.quarantine, inspection.table(quarantined))


run(main, globals().get("snakemake"))
