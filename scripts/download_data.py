"""Make the synthetic data set in the layout of the configured reader, or fetch the one at an address."""

import json
from importlib import import_module
from pathlib import Path

from understory.core import file_digests, hashing
from understory.core.files import replacing
from understory.run.job import run


def main(job):
    folder, found = Path(job.output.data), {}
    # By name, so that the code of the one way counts for nothing where the other is taken.
    module = import_module(job.params.module)
    if job.params.get("address"):
        found["sha256"] = module.fetch(job.params.address.text, folder, sha256=job.params.address.sha256)
    else:
        module.synthesize(
            folder,
            Path(job.output.truth),
            settings=job.params.settings["synthetic"],
            seed=job.params.settings["seed"],
            processes=job.threads,
            clips=job.params.clips,
        )
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    held = {str(file.relative_to(folder)): file_digests.identity(file) for file in files}
    found.update({"files": len(files), "content": hashing.digest(held)})
    with replacing(job.output.done) as path:
        path.write_text(json.dumps(found) + "\n")


run(main, globals().get("snakemake"))
