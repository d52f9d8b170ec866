"""One's own recordings in every format, at every rate and with any number of channels, from the folder to the window."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from understory.audio import crop, inspect
from understory.data import inspection
from understory.data.source import Source
from understory.datasets import own

WINDOW = {"window": 1.0, "sample_rate": 16_000, "absent": True, "long_events": "middle", "background": 0}
BEGIN, END, PITCH = 2.0, 2.5, 1000
FILES = [
    ("a.wav", "WAV", "PCM_16", 44_100, 1),
    ("a.WAV", "WAV", "PCM_24", 48_000, 2),
    ("a.Wav", "WAV", "FLOAT", 384_000, 1),
    ("a.wav", "WAV", "PCM_U8", 8_000, 1),
    ("a.wav", "WAVEX", "PCM_16", 22_050, 6),
    ("deep/er/a.flac", "FLAC", "PCM_16", 96_000, 2),
    ("a.FLAC", "FLAC", "PCM_24", 32_000, 1),
    ("a.ogg", "OGG", "VORBIS", 44_100, 2),
    ("a.ogg", "OGG", "OPUS", 48_000, 1),
    ("a.mp3", "MP3", "MPEG_LAYER_III", 44_100, 2),
    ("a.MP3", "MP3", "MPEG_LAYER_III", 16_000, 1),
    ("a.aif", "AIFF", "PCM_16", 44_100, 1),
    ("a.AIFF", "AIFF", "PCM_24", 11_025, 2),
]


def tone(rate, channels, seconds=4.0):
    """A tone from `BEGIN` to `END` in noise, in the first channel only."""
    times = np.arange(round(seconds * rate)) / rate
    wave = np.random.default_rng(0).normal(0, 0.01, (len(times), channels))
    wave[:, 0] += 0.5 * np.sin(2 * np.pi * PITCH * times) * (times >= BEGIN) * (times < END)
    return wave


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file[0]} {file[2]} {file[3]} {file[4]}")
def test_the_window_of_an_annotation_holds_what_was_annotated(tmp_path, file):
    name, kind, subtype, rate, channels = file
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    soundfile.write(tmp_path / name, tone(rate, channels), rate, format=kind, subtype=subtype)
    (tmp_path / "t.csv").write_text(f"path,start,end,label\n{name},{BEGIN},{END},tone\n")
    tables = own.read(tmp_path)
    recordings, bad = inspection.inspect(
        tables.recordings,
        lambda recording: tmp_path / recording.path,
        lambda path: inspect.inspect_recording(path, {}),
        columns=inspect.COLUMNS,
    )
    assert not [*bad, *tables.quarantined]
    assert recordings.iloc[0][["sample_rate", "channels"]].tolist() == [rate, channels]
    windows, index = crop.crop(tables, recordings, Source("own", str(tmp_path), "all"), {"crop": WINDOW})
    (window,) = windows.items
    assert index.start.tolist() == [1.75]
    # A quarter of a second of noise, half a second of the tone, and noise again; codecs smear its edges.
    loudness = np.abs(window.reshape(20, -1) / 32768).max(axis=1)
    assert loudness[6:14].min() > 0.8 * 0.5 / channels
    assert max(loudness[:4].max(), loudness[16:].max()) < 0.3 * 0.5 / channels
    spectrum = np.abs(np.fft.rfft(window))
    assert np.argmax(spectrum) == pytest.approx(PITCH, abs=2)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", None), ("AIFF", "PCM_16")],
)
def test_inspection_takes_no_more_memory_for_a_longer_recording(tmp_path, monkeypatch, kind, subtype):
    monkeypatch.setattr(inspect, "BLOCK", 1 << 10)
    path = tmp_path / "a"
    with soundfile.SoundFile(path, "w", 16_000, 1, format=kind, subtype=subtype) as file:
        block = np.random.default_rng(0).normal(0, 0.1, 16_000)
        for _ in range(60):
            file.write(block)
    tracemalloc.start()
    try:
        assert inspect.inspect_file(path)[0] == 16_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * path.stat().st_size
