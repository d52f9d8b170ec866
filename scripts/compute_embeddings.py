"""Compute the vectors that a frozen model gives of one shard: of its windows, of copies of them, or of its test recordings."""

from pathlib import Path

from understory.audio import compute
from understory.data import store
from understory.inference.embeddings import model_files
from understory.run import shard_windows
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.inference.embeddings import frozen
    from understory.training import runtime

    rate = job.params.settings["crop"]["sample_rate"]
    memory = Path(job.output.examples).with_suffix("")
    settings = model_files.placed(job.params.settings, job.params.models, memory, [job.params.code, rate])
    block = settings["features"][job.wildcards.features]
    runtime.configure(threads=block["threads"], seed=0)
    model = frozen.load(block, rate)
    windows = shard_windows.of_shard(job, store, compute, job.params.source)
    store.write(job.output.examples, job.output.index, *compute.compute(windows, model, {}, settings))


run(main, globals().get("snakemake"))
