"""Make one augmented copy of each window of a shard."""

import json

import numpy as np

from understory.audio import read, transforms
from understory.core.rng import Stage, stream
from understory.data import store
from understory.run.job import run


def main(job):
    params = job.params.settings
    windows, index = store.read(job.input.waveforms, job.input.index)
    chain, rate = transforms.build(params["augment"]["chain"]), params["crop"]["sample_rate"]
    copies, draws = np.empty_like(windows), []
    for number, example in enumerate(index.example_id):
        rng = stream(params["seed"], Stage.AUGMENT, example, int(job.wildcards.variant))
        drawn = chain.draw(rng, windows.shape[1], rate)
        copies[number] = read.to_int16(chain.apply(read.to_float(windows[number]), rate, drawn))
        draws.append(json.dumps(drawn))
    store.write(job.output.waveforms, job.output.index, copies, index.assign(draw=draws))


run(main, globals().get("snakemake"))
