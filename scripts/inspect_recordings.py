"""Look the recordings of one shard through, and set aside what cannot be used."""

from understory import audio_files, inspection, store
from understory.job import run


def main(job):
    source = job.params.source
    tables = source.read_part()
    recordings, set_aside = inspection.inspect(
        tables.recordings,
        source.path,
        lambda path: (audio_files.inspect_file(path), ()),
        columns=audio_files.COLUMNS,
    )
    _, outside = inspection.usable(tables, recordings)
    job.params.limit.check_first([*set_aside, *outside])
    store.write_table(job.output.recordings, recordings)
    store.write_table(job.output.quarantine, inspection.table([*set_aside, *outside]))


run(main, globals().get("snakemake"))
