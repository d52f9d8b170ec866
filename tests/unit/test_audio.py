import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from understory.audio.read import length, read_window, to_float, to_int16
from understory.core.errors import InputError


def write(path, wave, rate, **options):
    soundfile.write(path, wave, rate, **options)
    return path


def test_sixteen_bits_come_back_exactly(tmp_path):
    values = np.arange(-32768, 32768, dtype=np.int16)
    path = write(tmp_path / "a.flac", values, 48000)
    wave = read_window(path, start=0, samples=len(values), sample_rate=48000)
    assert wave.dtype == np.float32
    np.testing.assert_array_equal(to_int16(wave), values)
    np.testing.assert_array_equal(to_float(to_int16(wave)), wave)


def test_what_goes_beyond_full_scale_is_scaled_down_and_neither_clipped_nor_wrapped():
    assert to_int16(np.array([0.75, -1.5, 1.0])).tolist() == [16384, -32768, 21845]
    assert to_int16(np.array([2.0, 0.5])).tolist() == [32767, 8192]
    assert to_int16(np.array([])).tolist() == []


def test_stereo_is_mixed_down_and_what_is_not_finite_is_refused(tmp_path):
    wave = np.array([[0.5, -0.1], [0.2, 0.2], [0.2, 0.4], [np.nan, 0.4]], dtype=np.float32)
    path = write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    found = read_window(path, start=0, samples=3, sample_rate=8000)
    np.testing.assert_allclose(found, [0.2, 0.2, 0.3], atol=1e-7)
    with pytest.raises(InputError, match=r"a\.wav: expected finite samples, found others from"):
        read_window(path, start=2, samples=3, sample_rate=8000)


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, 50_000),
    samples=st.integers(1, 20_000),
    rate=st.sampled_from([22_050, 32_000, 44_100, 48_000]),
)
def test_a_window_is_that_part_of_the_whole_file_resampled(tmp_path_factory, start, samples, rate):
    path = tmp_path_factory.getbasetemp() / "whole.wav"
    if not path.exists():
        t = np.arange(48_000) / 44_100
        wave = 0.4 * np.sin(2 * np.pi * 700 * t) + 0.3 * np.sin(2 * np.pi * (500 + 2000 * t) * t)
        write(path, wave, 44_100, subtype="FLOAT")
    whole = soxr.resample(soundfile.read(path, dtype="float32")[0], 44_100, rate)
    expected = np.zeros(samples, dtype=np.float32)
    part = whole[start : start + samples]
    expected[: len(part)] = part
    found = read_window(path, start=start, samples=samples, sample_rate=rate)
    # The last samples of a file, where one resampling ends in silence and the other past it, are left out.
    inside = max(0, min(samples, len(whole) - 200 - start))
    np.testing.assert_allclose(found[:inside], expected[:inside], atol=2e-3)
    assert len(found) == samples


def test_only_the_window_is_decoded(tmp_path, monkeypatch):
    path = write(tmp_path / "a.flac", np.zeros(480_000), 48_000)
    read, frames = soundfile.SoundFile.read, []

    def spy(self, count=-1, *args, **options):
        frames.append(count)
        return read(self, count, *args, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", spy)
    read_window(path, start=200_000, samples=1000, sample_rate=48_000)
    read_window(path, start=100_000, samples=10_000, sample_rate=24_000)
    assert frames[0] == 1000
    assert 20_000 <= frames[1] <= 22_000


def test_length_is_counted_at_the_wanted_rate(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(44_100), 44_100)
    assert length(path, 48_000) == 48_000


@pytest.mark.parametrize("content", [None, b"", b"not audio at all", b"fLaC" + bytes(100)])
def test_files_that_cannot_be_decoded_are_named(tmp_path, content):
    path = tmp_path / "a.flac"
    if content is not None:
        path.write_bytes(content)
    for call in (
        lambda: length(path, 48_000),
        lambda: read_window(path, start=0, samples=1, sample_rate=48_000),
    ):
        with pytest.raises(
            InputError, match=r"expected an audio file, found (that it cannot be decoded: \w|none)"
        ):
            call()
