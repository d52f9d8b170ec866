"""Make the synthetic data set in the layout of the configured reader."""

import json
from importlib import import_module
from pathlib import Path

from understory import contents, datasets, tracking
from understory.job import run


def main(job):
    folder = Path(job.output.data)
    params = job.params.settings
    import_module(datasets.replica_name(params["dataset"])).synthesize(
        folder,
        Path(job.output.truth),
        settings=params["synthetic"],
        seed=params["seed"],
        processes=job.threads,
        clips=job.params.clips,
    )
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    held = {str(file.relative_to(folder)): contents.identity(file) for file in files}
    Path(job.output.done).write_text(
        json.dumps({"files": len(files), "content": tracking.digest(held)}) + "\n"
    )


run(main, globals().get("snakemake"))
