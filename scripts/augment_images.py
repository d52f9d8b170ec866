"""Make one augmented copy of each picture of a shard."""

import json

from understory import image_files, picture_augment, store
from understory.job import run
from understory.streams import Stage, stream


def main(job):
    params = job.params.settings
    pictures, index = store.read(job.input.pictures, job.input.index)
    chain = picture_augment.build(params["augment"]["chain"])
    drawn = [
        chain.draw(stream(params["seed"], Stage.AUGMENT, example, int(job.wildcards.variant)))
        for example in index.example_id
    ]
    store.write_pictures(
        job.output.pictures,
        job.output.index,
        (chain.apply(picture, draw) for picture, draw in zip(pictures, drawn, strict=True)),
        index.assign(draw=[json.dumps(draw) for draw in drawn]),
        quality=image_files.quality(params["images"]),
    )


run(main, globals().get("snakemake"))
