"""Write the models of a run as one file each of Keras, LiteRT and ONNX, with their card."""

import os
from pathlib import Path

from understory.inference import saved_run
from understory.run.job import run
from understory.training import imports


def main(job):
    # Models are converted, not trained: the GPUs are left to others.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    # TensorFlow prints while it is imported: here, into the log.
    imports.import_keras()
    from understory.export import write
    from understory.training import runtime

    settings = job.params.settings
    runtime.configure(threads=1, seed=0)
    weighted = saved_run.weighted(settings["scoring"], job.input.get("members"))
    inputs = {name: job.input.get(name) or None for name in ("calibration", "labels", "scores")}
    write.write(
        Path(job.output.card).parent,
        list(map(Path, job.input.models)),
        inputs,
        list(map(Path, job.input.get("windows") or [])),
        {**settings, "scoring": weighted},
        job.params.code["packages"],
    )


run(main, globals().get("snakemake"))
