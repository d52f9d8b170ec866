"""Make one augmented copy of each picture of a shard."""

import json

from understory.core.rng import Stage, stream
from understory.images import recordings, store, transforms
from understory.run.job import run


def main(job):
    params = job.params.settings
    pictures, index = store.read(job.input.pictures, job.input.index)
    chain = transforms.build(params["augment"]["chain"])
    drawn = [
        chain.draw(stream(params["seed"], Stage.AUGMENT, example, int(job.wildcards.variant)))
        for example in index.example_id
    ]
    store.write_pictures(
        job.output.pictures,
        job.output.index,
        (chain.apply(picture, draw) for picture, draw in zip(pictures, drawn, strict=True)),
        index.assign(draw=[json.dumps(draw) for draw in drawn]),
        quality=recordings.quality(params["images"]),
    )


run(main, globals().get("snakemake"))
