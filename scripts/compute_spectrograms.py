"""Compute the log-mel spectrograms of one shard: of its windows, or of windows slid over its test recordings."""

import numpy as np
import pandas as pd

from understory import audio, examples, spectrogram, store
from understory.job import run
from understory.tables import shard_of


def main(job):
    mel, rate = job.params.settings, job.params.settings["sample_rate"]
    if job.params.recordings is None:
        windows, index = store.read(job.input.waveforms, job.input.index)
        count, waves = len(index), (audio.to_float(window) for window in windows)
        samples = windows.shape[1]
    else:
        index, waves = slide(job.wildcards.shard, job.params.source, **job.params.test)
        count, samples = len(index), round(job.params.test["window"] * rate)
    frames = spectrogram.shape(samples, hop=mel["hop"], n_mels=mel["n_mels"], resize=mel["resize"])
    out = np.empty((count, *frames), dtype=np.float16)
    for number, wave in enumerate(waves):
        out[number] = spectrogram.log_mel(wave, **mel)
    store.write(job.output.examples, job.output.index, out, index)


def slide(shard, source, *, shards, window, hop, sample_rate):
    """The table of the windows over a shard's test recordings, and their waveforms one after the other."""
    samples = round(window * sample_rate)
    rows = [
        (recording.recording_id, source.path(recording), start)
        for recording in source.read().recordings
        if recording.subset == "test" and shard_of(recording.recording_id, "test", shards) == shard
        for start in examples.sliding_starts(
            duration=audio.length(source.path(recording), sample_rate),
            samples=samples,
            hop=round(hop * sample_rate),
        )
    ]
    seconds = np.array([start for _, _, start in rows], dtype=float) / sample_rate
    index = pd.DataFrame(
        {"recording_id": [recording for recording, _, _ in rows], "start": seconds, "stop": seconds + window}
    )
    # Rounded as windows on disk are, so that test and training differ in nothing but the recordings.
    waves = (
        audio.to_float(
            audio.to_int16(audio.read_window(path, start=start, samples=samples, sample_rate=sample_rate))
        )
        for _, path, start in rows
    )
    return index, waves


run(main, globals().get("snakemake"))
