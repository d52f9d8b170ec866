"""Compute the features of one shard: of its windows, of copies of them, of its images, or of its test recordings."""

from importlib import import_module

from understory.data.store import read_table
from understory.run.job import run


def main(job):
    store, medium = import_module(job.params.store), import_module(job.params.module)
    settings, copies = job.params.settings, job.params.copies
    if job.params.recordings is None:
        windows, index = store.read(job.input.windows, job.input.index)
        if copies is not None:
            windows, index = import_module(copies["by"]).copied(
                windows,
                index,
                augment=import_module(copies["module"]).augment,
                package=copies["transforms"],
                settings=copies["settings"],
                variant=int(job.wildcards.variant),
            )
        windows = medium.stored(windows, index)
    else:
        windows = medium.recorded(read_table(job.input.recordings), job.params.source, job.params.test)
    options = dict(settings["features"][job.wildcards.features])
    del options["kind"]
    examples, index = medium.compute(windows, import_module(job.params.features), options, settings)
    store.write(job.output.examples, job.output.index, examples, index, **settings["stored"])


run(main, globals().get("snakemake"))
