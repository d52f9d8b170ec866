"""Compute the features of one shard: of its windows, of copies of them, of its images, or of its test recordings."""

from importlib import import_module

from understory.run import shard_windows
from understory.run.job import run


def main(job):
    store, medium = import_module(job.params.store), import_module(job.params.module)
    settings = job.params.settings
    windows = shard_windows.of_shard(job, store, medium, job.params.source)
    options = dict(settings["features"][job.wildcards.features])
    del options["kind"]
    examples, index = medium.compute(windows, import_module(job.params.features), options, settings)
    store.write(job.output.examples, job.output.index, examples, index, **settings["stored"])


run(main, globals().get("snakemake"))
