"""Make one augmented copy of each window or image of a shard."""

from importlib import import_module

from understory.data import transforms
from understory.run.job import run


def main(job):
    store, medium = import_module(job.params.store), import_module(job.params.module)
    settings = job.params.settings
    copies, index = transforms.copied(
        *store.read(job.input.windows, job.input.index),
        augment=medium.augment,
        package=job.params.transforms,
        settings=settings,
        variant=int(job.wildcards.variant),
    )
    store.write(job.output.windows, job.output.index, copies, index, **settings["stored"])


run(main, globals().get("snakemake"))
