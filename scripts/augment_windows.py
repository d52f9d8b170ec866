"""Make one augmented copy of each window or image of a shard."""

import json
from importlib import import_module

from understory.core.rng import Stage, stream
from understory.data import transforms
from understory.run.job import run


def main(job):
    store, medium = import_module(job.params.store), import_module(job.params.module)
    settings, variant = job.params.settings, int(job.wildcards.variant)
    windows, index = store.read(job.input.windows, job.input.index)
    chain = transforms.build(settings["augment"]["chain"], job.params.transforms)
    streams = (stream(settings["seed"], Stage.AUGMENT, example, variant) for example in index.example_id)
    copies, draws = medium.augment(windows, chain, streams, settings)
    index = index.assign(draw=[json.dumps(drawn) for drawn in draws])
    store.write(job.output.windows, job.output.index, copies, index, **settings["stored"])


run(main, globals().get("snakemake"))
