"""Compute the spectrograms, or other features, of one shard: of its windows, or of windows slid over its test recordings."""

from pathlib import Path

import numpy as np
import pandas as pd

from understory.audio import features, read
from understory.data import examples, store
from understory.run.job import run


def main(job):
    settings, rate = (
        job.params.settings["features"][job.wildcards.features],
        job.params.settings["crop"]["sample_rate"],
    )
    if job.params.recordings is None:
        windows, index = store.read(job.input.windows, job.input.index)
        count, waves = len(index), (read.to_float(window) for window in windows)
        samples = windows.shape[1]
    else:
        recordings, crop = store.read_table(job.input.recordings), job.params.test["crop"]
        index, waves = slide(recordings, job.params.source.folder, **crop)
        count, samples = len(index), round(crop["window"] * rate)
    out = np.empty((count, *features.shape_of(samples, settings)), dtype=np.float16)
    for number, wave in enumerate(waves):
        out[number] = features.compute(wave, sample_rate=rate, settings=settings)
    store.write(job.output.examples, job.output.index, out, index)


def slide(recordings, folder, *, window, hop, sample_rate):
    """The table of the windows over test recordings, and their waveforms one after the other."""
    samples = round(window * sample_rate)
    durations = examples.durations(recordings, sample_rate)
    rows = [
        (row.recording_id, Path(folder, row.path), start)
        for row in recordings.itertuples()
        for start in examples.sliding_starts(
            duration=durations[row.recording_id], samples=samples, hop=round(hop * sample_rate)
        )
    ]
    seconds = np.array([start for _, _, start in rows], dtype=float) / sample_rate
    index = pd.DataFrame(
        {"recording_id": [recording for recording, _, _ in rows], "start": seconds, "stop": seconds + window}
    )
    # Rounded as windows on disk are, so that test and training differ in nothing but the recordings.
    waves = (
        read.to_float(
            read.to_int16(read.read_window(path, start=start, samples=samples, sample_rate=sample_rate))
        )
        for _, path, start in rows
    )
    return index, waves


run(main, globals().get("snakemake"))
