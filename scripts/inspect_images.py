"""Look the photographs or studies of one shard through, and set aside what cannot be used."""

from understory.data import inspection, store
from understory.images.recordings import COLUMNS, look
from understory.run.job import run


def main(job):
    source, params = job.params.source, job.params.settings
    recordings, set_aside = inspection.inspect(
        source.read_part().recordings,
        source.path,
        lambda path: look(path, params["images"]),
        columns=COLUMNS,
    )
    job.params.limit.check_first(set_aside)
    store.write_table(job.output.recordings, recordings)
    store.write_table(job.output.quarantine, inspection.table(set_aside))


run(main, globals().get("snakemake"))
