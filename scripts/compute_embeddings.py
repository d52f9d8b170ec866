"""Compute the vectors that a frozen model gives of one shard: of its windows, of copies of them, or of its test recordings."""

from importlib import import_module
from pathlib import Path

from understory.audio import compute
from understory.data import store
from understory.inference.embeddings import model_files
from understory.run.job import run
from understory.training import gpu_lock, imports


def main(job):
    gpu_lock.take()
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.inference.embeddings import frozen
    from understory.training import runtime

    copies, rate = job.params.copies, job.params.settings["crop"]["sample_rate"]
    memory = Path(job.output.examples).with_suffix("")
    settings = model_files.placed(job.params.settings, job.params.models, memory, [job.params.code, rate])
    block = settings["features"][job.wildcards.features]
    runtime.configure(threads=block["threads"], seed=0)
    model = frozen.load(block, rate)
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
        windows = compute.stored(windows, index)
    else:
        recordings = store.read_table(job.input.recordings)
        windows = compute.recorded(recordings, job.params.source, job.params.test)
    store.write(job.output.examples, job.output.index, *compute.compute(windows, model, {}, settings))


run(main, globals().get("snakemake"))
