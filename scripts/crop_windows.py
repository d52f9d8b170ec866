"""Cut the windows of one shard's annotations."""

from pathlib import Path

import numpy as np

from understory.audio import read
from understory.data import examples, inspection, store
from understory.run.job import run


def main(job):
    crop, source = job.params.settings["crop"], job.params.source
    recordings = store.read_table(job.input.recordings)
    tables, _ = inspection.usable(source.read_part(), recordings)
    paths = {row.recording_id: Path(source.folder, row.path) for row in recordings.itertuples()}
    rate, samples = crop["sample_rate"], round(crop["window"] * crop["sample_rate"])
    index = examples.place_windows(
        tables,
        examples.durations(recordings, rate),
        window=crop["window"],
        sample_rate=rate,
        absent=crop["absent"],
    )
    windows = np.empty((len(index), samples), dtype=np.int16)
    for number, (recording, start) in enumerate(zip(index.recording_id, index.start, strict=True)):
        wave = read.read_window(
            paths[recording], start=round(start * rate), samples=samples, sample_rate=rate
        )
        windows[number] = read.to_int16(wave)
    store.write(job.output.waveforms, job.output.index, windows, index)


run(main, globals().get("snakemake"))
