"""Make one augmented copy of each window of a shard."""

import json

import numpy as np

from understory import audio, augment, store
from understory.job import run
from understory.streams import Stage, stream


def main(job):
    params = job.params.settings
    windows, index = store.read(job.input.waveforms, job.input.index)
    chain, rate = augment.build(params["augment"]["chain"]), params["crop"]["sample_rate"]
    copies, draws = np.empty_like(windows), []
    for number, example in enumerate(index.example_id):
        rng = stream(params["seed"], Stage.AUGMENT, example, int(job.wildcards.variant))
        drawn = chain.draw(rng, windows.shape[1], rate)
        copies[number] = audio.to_int16(chain.apply(audio.to_float(windows[number]), rate, drawn))
        draws.append(json.dumps(drawn))
    store.write(job.output.waveforms, job.output.index, copies, index.assign(draw=draws))


run(main, globals().get("snakemake"))
