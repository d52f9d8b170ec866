import json
import warnings

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from understory.audio import compute, mel, read, stft
from understory.audio.features import fft_frames, log_mel, waveform
from understory.core import mel_scale
from understory.core.errors import InputError
from understory.data import examples, source, transforms
from understory.data.dataset import Dataset

MEL = {
    "sample_rate": 48_000,
    "n_fft": 2048,
    "hop": 512,
    "n_mels": 128,
    "fmin": 84.0,
    "fmax": 15_056.0,
    "scale": "power_db",
    "normalise": "min_max",
    "resize": None,
}


def noise(seconds=1.0):
    return np.random.default_rng(1).normal(size=int(48_000 * seconds)).astype(np.float32) * 0.1


@pytest.mark.parametrize("normalise", ["min_max", "standard", "none"])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_constant_window_gives_zeros(normalise, level):
    wave = np.full(48_000, level, dtype=np.float32)
    out = log_mel.compute(wave, **{**MEL, "normalise": normalise})
    assert out.shape == (128, 94) == log_mel.shape(48_000, hop=512, n_mels=128, resize=None)
    assert not out.any()


def test_normalisations():
    low_high = log_mel.compute(noise(), **MEL)
    assert (low_high.min(), low_high.max()) == (0, 1)
    standard = log_mel.compute(noise(), **{**MEL, "normalise": "standard"})
    assert standard.mean() == pytest.approx(0, abs=1e-3)
    assert standard.std() == pytest.approx(1, abs=1e-3)


@settings(max_examples=60)
@given(
    n_fft=st.integers(4, 300).map(lambda half: 2 * half),
    hop=st.integers(1, 700),
    n_mels=st.integers(1, 140),
    band=st.tuples(st.integers(0, 9_000), st.integers(50, 15_000)),
    samples=st.integers(2, 5000),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_log_mel_is_librosas(n_fft, hop, n_mels, band, samples, seed):
    rng = np.random.default_rng(seed)
    wave = (rng.normal(size=samples) * np.geomspace(1, rng.uniform(1e-4, 1), samples)).astype(np.float32)
    options = {"n_fft": n_fft, "n_mels": n_mels, "fmin": float(band[0]), "fmax": float(sum(band))}
    with warnings.catch_warnings():
        # Of frames longer than the waveform, and of empty bands.
        warnings.simplefilter("ignore")
        power = librosa.feature.melspectrogram(y=wave, sr=48_000, hop_length=hop, **options)
        for scale, decibels in (("power_db", librosa.power_to_db), ("notebook", librosa.amplitude_to_db)):
            found = log_mel.compute(
                wave, sample_rate=48_000, hop=hop, scale=scale, normalise="none", **options
            )
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, decibels(power, top_db=80), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("n_mels", "fmin", "fmax"), [(128, 84.0, 15_056.0), (3, 0.0, 24_000.0), (64, 2000.0, 9000.0)]
)
def test_mel_filters_are_librosas(n_mels, fmin, fmax):
    found = mel.filters(48_000, 2048, n_mels, fmin, fmax)
    expected = librosa.filters.mel(sr=48_000, n_fft=2048, n_mels=n_mels, fmin=fmin, fmax=fmax)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)
    edges = librosa.mel_frequencies(n_mels=n_mels + 2, fmin=fmin, fmax=fmax)
    np.testing.assert_allclose(mel_scale.edges(n_mels, fmin, fmax), edges, rtol=1e-12)


def test_bands_between_two_bins_are_told_of():
    with pytest.warns(UserWarning, match="some mel bands lie between two bins"):
        log_mel.compute(noise(), **{**MEL, "n_fft": 64, "n_mels": 130})


def test_spectra_of_frames_are_librosas():
    """In blocks, of which the last is a part of one, in the precision of the waveform."""
    wave = noise(1.0)
    for dtype, error in ((np.float32, 1e-5), (np.float64, 1e-13)):
        found = np.concatenate([spectra for _, spectra in stft.blocks(wave.astype(dtype), 512, 128)])
        assert len(found) % stft.BLOCK
        expected = librosa.stft(wave.astype(dtype), n_fft=512, hop_length=128).T
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, atol=error)


def test_the_notebook_doubles_decibels_over_the_same_floor():
    wave = (noise() * np.geomspace(1e-6, 1, 48_000)).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=wave, sr=48_000, n_fft=2048, hop_length=512, n_mels=128, fmin=84, fmax=15056
    )
    doubled = np.maximum(20 * np.log10(np.maximum(power, 1e-5)), 20 * np.log10(power.max()) - 80)
    found = log_mel.compute(wave, **{**MEL, "scale": "notebook", "normalise": "none"})
    np.testing.assert_allclose(found, doubled, atol=1e-3)
    assert np.ptp(found) == pytest.approx(80, abs=1e-3)


def test_resizing_as_the_notebook_does():
    wave = noise(10)
    assert log_mel.compute(wave, **MEL).shape == (128, 938)
    out = log_mel.compute(wave, **{**MEL, "resize": [128, 1876]})
    assert out.shape == (128, 1876) == log_mel.shape(480_000, hop=512, n_mels=128, resize=[128, 1876])
    assert 0 <= out.min() <= out.max() <= 1


def naive_fft_frames(wave, frames):
    """The definition of the discrete Fourier transform, summed term by term."""
    half, samples = len(wave) // 2, np.arange(len(wave))
    magnitudes = [
        abs(sum(np.float64(wave) * np.exp(-2j * np.pi * number * samples / len(wave))))
        for number in range(half)
    ]
    magnitudes = np.array(magnitudes[: half // frames * frames])
    return ((magnitudes - magnitudes.mean()) / magnitudes.std()).reshape(frames, -1)


@given(st.integers(4, 60), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_fft_frames_are_the_standardised_magnitudes_of_the_first_half(samples, frames, seed):
    wave = np.random.default_rng(seed).normal(size=samples).astype(np.float32)
    if frames > samples // 2:
        with pytest.raises(InputError, match=f"expected frames from 1 to {samples // 2}, .*found {frames}"):
            fft_frames.compute(wave, sample_rate=32_000, frames=frames)
        return
    out = fft_frames.compute(wave, sample_rate=32_000, frames=frames)
    assert out.dtype == np.float32
    assert out.shape == fft_frames.shape(samples, frames=frames) == (frames, samples // 2 // frames)
    if out.size > 1:
        np.testing.assert_allclose(out, naive_fft_frames(wave, frames), atol=1e-5)
    else:
        assert not out.any()


@pytest.mark.parametrize("hertz", [2.0, 161.0, 15_999.8])
def test_a_tone_is_found_where_its_frequency_says(hertz):
    wave = np.sin(2 * np.pi * hertz * np.arange(160_000) / 32_000 + 0.3).astype(np.float32)
    out = fft_frames.compute(wave, sample_rate=32_000, frames=100)
    assert out.shape == (100, 800)
    # 5 s tell frequencies 0.2 Hz apart.
    assert out.argmax() == round(hertz * 5)
    assert (out.mean(), out.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-4))
    assert 280 < out.max() <= np.sqrt(80_000)


@pytest.mark.parametrize("wave", [np.zeros(1000), np.full(1000, 0.3), np.eye(1, 1000, 7)[0]])
def test_magnitudes_that_are_all_alike_give_zeros(wave):
    assert not fft_frames.compute(wave.astype(np.float32), sample_rate=32_000, frames=10).any()


def test_float16_holds_fft_frames():
    tone = np.sin(np.arange(160_000)).astype(np.float32)
    for wave in (noise(5)[:160_000], tone, tone * 1e-4, noise(5)[:160_000] * 1e-4 + tone):
        out = fft_frames.compute(wave, sample_rate=32_000, frames=100)
        assert (np.abs(out.astype(np.float16) - out) <= np.maximum(2.0**-11 * np.abs(out), 2.0**-25)).all()


def test_what_is_computed_of_windows_is_what_each_window_gives():
    wave, mel = noise(), {key: value for key, value in MEL.items() if key != "sample_rate"}
    windows = np.stack([read.to_int16(wave), read.to_int16(wave[::-1])])
    index = pd.DataFrame({"example_id": ["a", "b"]})
    settings = {"crop": {"sample_rate": 48_000}}
    for kind, options in (
        (log_mel, mel),
        (log_mel, {**mel, "resize": [32, 50]}),
        (fft_frames, {"frames": 7}),
    ):
        found, table = compute.compute(compute.stored(windows, index), kind, options, settings)
        assert table is index
        assert found.dtype == np.float16
        assert found.shape == kind.shape(48_000, **options)
        for one, window in zip(found.items, windows, strict=True):
            expected = kind.compute(read.to_float(window), sample_rate=48_000, **options)
            np.testing.assert_array_equal(one, expected)


@pytest.mark.parametrize("steps", [-5, -1, 1, 4])
def test_filters_that_are_shifted_move_a_sound_by_semitones(steps):
    """A tone to where one of the other frequency lies, as loud, and white noise to other bands."""
    options = {**MEL, "normalise": "none"}
    factor, turn = 2 ** (steps / 12), 2 * np.pi * np.arange(48_000) / 48_000
    tone, other = (0.3 * np.sin(hertz * turn).astype(np.float32) for hertz in (3000, 3000 * factor))
    found, expected = log_mel.compute_shifted(tone, steps, **options), log_mel.compute(other, **options)
    assert found[:, 40].argmax() == expected[:, 40].argmax()
    assert found[:, 40].max() == pytest.approx(expected[:, 40].max(), abs=0.3)
    plain, shifted = (
        np.sum(10 ** (log_mel.compute_shifted(noise(3), number, **options)[20:] / 10), axis=1)
        for number in (0, steps)
    )
    # Of white noise, the same power lies in bands that are wider or narrower; nine neighbours are as exact as all of them.
    ratios = shifted.reshape(-1, 9).sum(axis=1) / plain.reshape(-1, 9).sum(axis=1)
    np.testing.assert_allclose(ratios * factor, 1, atol=0.15)


def test_what_was_drawn_for_a_copy_shifts_its_spectrogram():
    mel_options = {key: value for key, value in MEL.items() if key != "sample_rate"}
    chain = transforms.build(
        [
            {"OneOf": {"transforms": [{"SpectralPitchShift": {"max_steps": 5}}]}},
            {"TimeShift": {"max_shift": 0.1}},
        ],
        "understory.audio.transforms",
    )
    window = read.to_float(read.to_int16(noise()))
    settings_of_job = {"crop": {"sample_rate": 48_000}}
    draws = [chain.draw(np.random.default_rng(number), 48_000, 48_000) for number in range(6)]
    steps = [drawn["each"][0]["drawn"]["spectral_steps"] for drawn in draws]
    assert len(set(steps)) > 3
    assert set(steps) <= set(range(-5, 5))
    copies = [chain.apply(window, drawn, 48_000) for drawn in draws]
    np.testing.assert_array_equal(copies[0], np.roll(window, draws[0]["each"][1]["samples"]))
    stored = np.stack([read.to_int16(copy) for copy in copies])
    index = pd.DataFrame({"draw": [json.dumps(drawn) for drawn in draws]})
    found, _ = compute.compute(compute.stored(stored, index), log_mel, mel_options, settings_of_job)
    for one, copy, number in zip(found.items, stored, steps, strict=True):
        np.testing.assert_array_equal(one, log_mel.compute_shifted(read.to_float(copy), number, **MEL))


def test_f97ababc1_equals_plain_librosa(real):
    folder = real("rfcx")
    tables = source.Source("rfcx", str(folder), "available").read()
    own = Dataset(
        tables.classes,
        tables.recordings,
        tuple(a for a in tables.annotations if a.recording_id == "f97ababc1"),
        False,
    )
    path = folder / "train" / "f97ababc1.flac"
    whole, rate = soundfile.read(path, dtype="float32")
    assert rate == 48_000
    index = examples.place_windows(
        own, {"f97ababc1": read.length(path, rate)}, window=10.0, sample_rate=rate, absent=False
    )
    assert len(index) == 2
    for row in index.itertuples():
        wave = read.read_window(path, start=round(row.start * rate), samples=480_000, sample_rate=rate)
        found = log_mel.compute(read.to_float(read.to_int16(wave)), **MEL).astype(np.float16)
        centre = int(np.round((row.t_min + row.t_max) / 2 * rate))
        beginning = min(max(centre - 240_000, 0), len(whole) - 480_000)
        power = librosa.feature.melspectrogram(
            y=whole[beginning : beginning + 480_000],
            sr=48_000,
            n_fft=2048,
            hop_length=512,
            n_mels=128,
            fmin=84,
            fmax=15056,
        )
        plain = librosa.power_to_db(power, top_db=80)
        plain = (plain - plain.min()) / (plain.max() - plain.min())
        np.testing.assert_allclose(found, plain, atol=2**-11)


@pytest.mark.parametrize("normalise", ["peak", "rms", "none"])
def test_a_waveform_is_all_of_its_samples_at_the_level_that_is_asked_for(normalise):
    wave = np.random.default_rng(0).normal(scale=0.02, size=1000).astype(np.float32)
    out = waveform.compute(wave, sample_rate=20_000, normalise=normalise)
    assert out.dtype == np.float32
    assert out.shape == waveform.shape(1000) == (1, 1000)
    level = {"peak": np.abs(wave).max(), "rms": np.sqrt((wave.astype(float) ** 2).mean()), "none": 1}[
        normalise
    ]
    np.testing.assert_allclose(out[0] * level, wave, rtol=1e-5)
    silence = np.zeros(10, np.float32)
    assert not waveform.compute(silence, sample_rate=20_000, normalise=normalise).any()
