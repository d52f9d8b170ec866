"""Cut a window at random around the event of each example of a shard, for a copy of it."""

from importlib import import_module

from understory.data import inspection
from understory.data.store import read_table
from understory.run.job import run


def main(job):
    store, medium = import_module(job.params.store), import_module(job.params.module)
    settings, source = job.params.settings, job.params.source
    recordings = read_table(job.input.recordings)
    tables, _ = inspection.usable(source.read_part(), recordings)
    windows, index = medium.crop(tables, recordings, source, settings, int(job.wildcards.variant))
    store.write(job.output.windows, job.output.index, windows, index)


run(main, globals().get("snakemake"))
