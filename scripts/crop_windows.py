"""Cut the windows of one shard's annotations."""

import numpy as np

from understory import audio, examples, store
from understory.job import run
from understory.tables import shard_of


def main(job):
    params = job.params.settings
    source, crop = job.params.source, params["crop"]
    tables = source.read()
    paths = {
        recording.recording_id: source.path(recording)
        for recording in tables.recordings
        if recording.subset == "train"
        and shard_of(recording.recording_id, "train", params["shards"]) == job.wildcards.shard
    }
    events = examples.annotation_examples(tables, absent=True)
    events = events[events.recording_id.isin(paths)].reset_index(drop=True)
    rate, samples = crop["sample_rate"], round(crop["window"] * crop["sample_rate"])
    durations = {
        recording: audio.length(paths[recording], rate) for recording in events.recording_id.unique()
    }
    index = examples.place_windows(events, durations, window=crop["window"], sample_rate=rate)
    if not crop["absent"]:
        index = index[index.presence == "present"].reset_index(drop=True)
    windows = np.empty((len(index), samples), dtype=np.int16)
    for number, (recording, start) in enumerate(zip(index.recording_id, index.start, strict=True)):
        wave = audio.read_window(
            paths[recording], start=round(start * rate), samples=samples, sample_rate=rate
        )
        windows[number] = audio.to_int16(wave)
    store.write(job.output.waveforms, job.output.index, windows, index)


run(main, globals().get("snakemake"))
