import itertools
import json

import colorednoise
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from understory.audio import noise
from understory.audio.transforms.gaussian_noise_snr import GaussianNoiseSNR
from understory.audio.transforms.pink_noise_snr import PinkNoiseSNR
from understory.audio.transforms.pitch_shift import PitchShift
from understory.audio.transforms.time_shift import TimeShift
from understory.audio.transforms.volume_control import VolumeControl
from understory.core.rng import Stage, stream
from understory.data import transforms

RATE = 8000
DEFAULT = [
    {
        "OneOf": {
            "transforms": [
                {"GaussianNoiseSNR": {"min_snr": 5, "max_snr": 20}},
                {"PinkNoiseSNR": {"min_snr": 5, "max_snr": 20}},
            ]
        }
    },
    {"PitchShift": {"max_steps": 5}},
    {"TimeShift": {"max_shift": 0.4}},
    {"VolumeControl": {"db_limit": 10, "mode": "sine"}},
]


def build(chain):
    return transforms.build(chain, "understory.audio.transforms")


def tone(frequency=500.0, seconds=1.0, amplitude=0.3):
    t = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def drawn(transform, wave, number=0):
    return transform.draw(np.random.default_rng(number), len(wave), RATE)


@pytest.mark.parametrize("kind", [GaussianNoiseSNR, PinkNoiseSNR])
@pytest.mark.parametrize(
    ("snr", "level"), [("rms", lambda x: np.sqrt(np.mean(x**2))), ("peak", lambda x: np.abs(x).max())]
)
def test_noise_has_the_ratio_it_was_drawn_with(kind, snr, level):
    transform, wave = kind(min_snr=3, max_snr=12, snr=snr), tone()
    ratios = []
    for number in range(50):
        draw = drawn(transform, wave, number)
        assert 3 <= draw["snr"] <= 12
        noise = transform.apply(wave, draw, RATE).astype(float) - wave
        assert 20 * np.log10(level(wave) / level(noise)) == pytest.approx(draw["snr"], abs=0.01)
        ratios.append(draw["snr"])
    assert np.ptp(ratios) > 6


def test_the_spectra_of_the_noises():
    wave = np.full(1 << 17, 0.5, dtype=np.float32)

    def slope(transform):
        noise = transform.apply(wave, drawn(transform, wave), RATE).astype(float) - wave
        power = np.abs(np.fft.rfft(noise))[1:] ** 2
        frequency = np.arange(1, len(power) + 1)
        edges = np.geomspace(16, len(power), 12).astype(int)
        means = [power[a:b].mean() for a, b in itertools.pairwise(edges)]
        centres = [frequency[a:b].mean() for a, b in itertools.pairwise(edges)]
        return np.polyfit(np.log(centres), np.log(means), 1)[0]

    assert slope(GaussianNoiseSNR(min_snr=10, max_snr=10)) == pytest.approx(0, abs=0.1)
    assert slope(PinkNoiseSNR(min_snr=10, max_snr=10)) == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("samples", [1024, 1023])
def test_pink_noise_has_the_spectrum_of_colorednoise(samples):
    """Of many draws of both, the mean power in each octave, at 0 Hz and at half the sample rate; and both are Gaussian."""
    transform, draws = PinkNoiseSNR(min_snr=0, max_snr=0), 1500
    rng = np.random.default_rng(0)
    own = np.stack([transform._noise(rng, samples) for _ in range(draws)]).astype(float)
    other = colorednoise.powerlaw_psd_gaussian(1, (draws, samples), random_state=rng)
    edges = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, samples // 2, samples // 2 + 1]
    power = [np.square(np.abs(np.fft.rfft(noise))).mean(axis=0) for noise in (own, other)]
    own_bands, other_bands = (
        np.array([each[low:high].mean() for low, high in itertools.pairwise(edges)]) / each[256:-1].mean()
        for each in power
    )
    values = draws * np.diff(edges)
    # Five deviations of the ratio of two means of powers, each of a deviation of at most sqrt(2) times its mean.
    assert (np.abs(own_bands / other_bands - 1) < 5 * 2 / np.sqrt(values)).all()
    assert np.mean(own**4) / np.mean(own**2) ** 2 == pytest.approx(
        np.mean(other**4) / np.mean(other**2) ** 2, abs=0.05
    )
    assert np.abs(np.corrcoef(own[:20]) - np.eye(20)).max() < 0.5


@pytest.mark.parametrize("count", [400_000, 399_999])
def test_normal_values_are_normal(count):
    values = noise.normal(np.random.default_rng(0), count)
    assert (values.dtype, values.shape) == (np.float32, (count,))
    assert stats.kstest(values.astype(float), "norm").pvalue > 0.01
    # The two values of a pair do not depend on each other, nor do their magnitudes.
    pairs = np.stack([values[: count // 2], values[(count + 1) // 2 :]]).astype(float)
    for power in (1, 2):
        assert abs(np.corrcoef(pairs**power)[0, 1]) < 5 / np.sqrt(count / 2)
    assert 4 < np.abs(values).max() < 6


def test_pitch_is_shifted_by_whole_steps_from_minus_max_to_max_minus_one():
    transform, wave = PitchShift(max_steps=5), tone(500)
    steps = {drawn(transform, wave, number)["steps"] for number in range(300)}
    assert steps == set(range(-5, 5))
    moved = transform.apply(wave, {"steps": 4}, RATE)
    assert len(moved) == len(wave)
    assert np.abs(np.fft.rfft(moved)).argmax() == pytest.approx(500 * 2 ** (4 / 12), abs=6)


def test_time_shift_goes_round_or_leaves_silence():
    wave = np.arange(1, 9, dtype=np.float32) / 10
    around, silent = TimeShift(max_shift=1), TimeShift(max_shift=1, padding="zero")
    np.testing.assert_array_equal(around.apply(wave, {"samples": 3}, RATE), np.roll(wave, 3))
    assert silent.apply(wave, {"samples": 3}, RATE)[:3].tolist() == [0, 0, 0]
    assert silent.apply(wave, {"samples": -3}, RATE)[-3:].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(silent.apply(wave, {"samples": 0}, RATE), wave)
    most = TimeShift(max_shift=2 / RATE)
    assert {drawn(most, wave, number)["samples"] for number in range(100)} == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize(
    ("mode", "gains"),
    [("uniform", [6, 6, 6]), ("fade", [6, 4.5, 3]), ("cosine", [6, 0, -6]), ("sine", [0, 6, 0])],
)
def test_volume_follows_its_curve(mode, gains):
    wave = np.full(RATE, 0.1, dtype=np.float32)
    out = VolumeControl(db_limit=10, mode=mode).apply(wave, {"db": 6}, RATE)
    found = 20 * np.log10(out[[0, RATE // 4, RATE // 2]] / 0.1)
    np.testing.assert_allclose(found, gains, atol=0.01)


def test_a_draw_can_be_recorded_and_replayed():
    chain, wave = build(DEFAULT), tone()
    draw = chain.draw(stream(27, Stage.AUGMENT, "example", 1), len(wave), RATE)
    replayed = build(DEFAULT).apply(wave, json.loads(json.dumps(draw)), RATE)
    np.testing.assert_array_equal(chain.apply(wave, draw, RATE), replayed)
    others = [
        chain.draw(stream(27, Stage.AUGMENT, *which), len(wave), RATE)
        for which in (("example", 2), ("other", 1))
    ]
    assert draw not in others


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["silence", "nan", "infinite", "loud", "click", "short"]),
    number=st.integers(0, 1000),
    snr=st.sampled_from(["rms", "peak"]),
)
def test_whatever_comes_in_what_goes_out_is_finite_and_does_not_clip(kind, number, snr):
    wave = tone()
    wave = {
        "silence": np.zeros_like(wave),
        "nan": np.where(np.arange(len(wave)) % 7 == 0, np.nan, wave),
        "infinite": np.where(np.arange(len(wave)) % 7 == 0, np.inf, wave),
        "loud": wave * 100,
        "click": np.eye(1, len(wave), dtype=np.float32)[0],
        "short": wave[:100],
    }[kind].astype(np.float32)
    chain = build(
        [
            {"GaussianNoiseSNR": {"min_snr": 0, "max_snr": 5, "snr": snr}},
            *DEFAULT,
            {"VolumeControl": {"db_limit": 40}},
        ]
    )
    out = chain.apply(wave, chain.draw(np.random.default_rng(number), len(wave), RATE), RATE)
    assert out.dtype == np.float32
    assert out.shape == wave.shape
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 1
    if kind == "silence":
        assert not out.any()


def test_probabilities():
    transform, wave = TimeShift(max_shift=0.1, p=0.25), tone()
    applied = sum(drawn(transform, wave, number) is not None for number in range(1000))
    assert 200 < applied < 300
    assert TimeShift(max_shift=0.1, p=0.0).apply(wave, None, RATE) is wave
    one = build(
        [{"OneOf": {"transforms": [{"TimeShift": {"max_shift": 0.1}}, {"PitchShift": {"max_steps": 2}}]}}]
    )
    choices = [drawn(one, wave, number)["each"][0]["choice"] for number in range(400)]
    assert 150 < sum(choices) < 250


def test_what_does_not_clip_is_left_as_loud_as_it_is():
    wave = tone(amplitude=0.01)
    np.testing.assert_array_equal(build([]).apply(wave, {"each": []}, RATE), wave)
    doubled = build([{"VolumeControl": {"db_limit": 1}}]).apply(wave * 90, {"each": [{"db": 6.0}]}, RATE)
    assert np.abs(doubled).max() == pytest.approx(1.0)
