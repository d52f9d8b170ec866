from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from understory.data import source
from understory.data.builder import read_rows
from understory.plan import config
from understory.synthetic import rfcx, soundscapes

ROOT = Path(__file__).resolve().parents[2]
FEW = {
    "train_recordings": 10,
    "rejected_recordings": 10,
    "test_recordings": 4,
    "train_duration": 6.0,
    "test_duration": 7.0,
    "min_snr": 0.0,
    "max_snr": 15.0,
}


def made(folder, seed=3, processes=2):
    rfcx.synthesize(folder / "data", folder / "truth.csv", settings=FEW, seed=seed, processes=processes)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_whatever_the_processes(tmp_path):
    one = made(tmp_path / "one", processes=1)
    assert one == made(tmp_path / "two", processes=3)
    assert not set(one.values()) & {
        content for name, content in made(tmp_path / "other", seed=4).items() if name.endswith("flac")
    }


def test_the_replica_has_the_layout_its_reader_reads(tmp_path):
    made(tmp_path)
    tables = source.Source("rfcx", str(tmp_path / "data"), "all").read()
    durations = {"train": 6.0, "test": 7.0}
    for recording in tables.recordings:
        info = soundfile.info(tmp_path / "data" / recording.path)
        assert (info.samplerate, info.subtype, info.channels) == (48_000, "PCM_16", 1)
        assert info.duration == durations[recording.subset]
    assert all(0 <= a.t_min < a.t_max <= 6 and 0 < a.f_min < a.f_max for a in tables.annotations)
    _, truth = read_rows(tmp_path / "truth.csv", ("recording_id",))
    _, ids, _ = source.reader("rfcx").submission_template(tmp_path / "data")
    assert [row["recording_id"] for _, row in truth] == ids
    assert not (tmp_path / "data" / "truth.csv").exists()


def test_the_demo_is_labelled_as_sparsely_as_the_original(monkeypatch):
    block = config.checked(yaml.safe_load((ROOT / "config.yaml").read_text()))["synthetic"]
    settings = soundscapes.Settings(**{key: block[key] for key in soundscapes.Settings._fields})
    monkeypatch.setattr(soundscapes, "song", lambda *_, **__: (np.zeros(72_000), 100.0, 200.0))
    plans = [
        soundscapes.plan(n, singers=soundscapes.Songs(24, 27), settings=settings, seed=27)
        for n in range(settings.train + settings.test_recordings)
    ]
    confirmed = [len(p.confirmed) for p in plans if p.confirmed]
    rejected = [len(p.rejected) for p in plans if p.rejected]
    assert len(confirmed) == settings.train_recordings
    assert len(rejected) == settings.rejected_recordings
    assert np.mean(confirmed) == pytest.approx(1.07, abs=0.03)
    assert np.mean(rejected) == pytest.approx(1.97, abs=0.3)
    assert any(p.confirmed and p.rejected for p in plans)
    test = [p for p in plans if p.subset == "test"]
    assert len(test) >= 60
    assert min(len(p.species) for p in test) >= 3
    assert {s for p in test for s in p.species} == set(range(24))
    for p in plans:
        assert {box.species for box in p.confirmed} <= p.species
        assert not {box.species for box in p.rejected} & p.species
        assert all(0 <= event.snr <= 15 for event in p.events)


@pytest.mark.parametrize("snr", [0.0, 9.0])
def test_songs_have_the_in_band_ratio_they_were_drawn_with(snr):
    singers = soundscapes.Songs(24, 1)
    plan = soundscapes.plan(
        0, singers=singers, settings=soundscapes.Settings(**{**FEW, "min_snr": snr, "max_snr": snr}), seed=1
    )
    event = plan.events[0]
    alone = plan._replace(events=(event,))
    noise = soundscapes.recording(plan._replace(events=()), singers=singers)
    mixed = soundscapes.recording(alone, singers=singers)
    part = slice(int(event.box.t_min * 48_000), int(event.box.t_max * 48_000))
    song = (mixed - noise)[part]
    power = soundscapes.band_power(noise[part], event.box.f_min, event.box.f_max)
    assert 10 * np.log10(np.mean(song**2) / power) == pytest.approx(snr, abs=0.1)
    # Its box holds the song.
    assert soundscapes.band_power(song, event.box.f_min, event.box.f_max) > 0.97 * np.mean(song**2)


def test_band_power_is_the_power_between_two_frequencies():
    t = np.arange(48_000) / 48_000
    wave = 3 * np.sin(2 * np.pi * 1000 * t) + np.sin(2 * np.pi * 9000 * t)
    assert soundscapes.band_power(wave, 900, 1100) == pytest.approx(4.5)
    assert soundscapes.band_power(wave, 8000, 10_000) == pytest.approx(0.5)


def test_species_have_songs_of_their_own():
    """No two species sing alike: the spectrum over time of one song fits no other species' as well as its own's."""

    def picture(species, number):
        wave, _, _ = soundscapes.song(species, 1, number, seed=27)
        frames = np.lib.stride_tricks.sliding_window_view(wave, 1024)[::512][:100]
        return np.log(np.abs(np.fft.rfft(frames * np.hanning(1024)))[:, 8:200] + 1e-2).ravel()

    pictures = np.array([[picture(species, number) for number in (1, 2)] for species in range(24)])
    pictures -= pictures.mean(axis=(0, 1))
    pictures /= np.linalg.norm(pictures, axis=2, keepdims=True)
    similar = pictures[:, 0] @ pictures[:, 1].T
    others = similar[~np.eye(24, dtype=bool)].reshape(24, 23)
    assert np.median(np.diag(similar)) > np.median(others.max(axis=1))
    assert (others < 0.95).all()
