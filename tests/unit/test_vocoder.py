"""The shift of the pitch, beside librosa's in float64."""

import subprocess
import sys

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workflow import ROOT

from understory.audio import read, vocoder

RATE = 48_000
STEPS = [steps for steps in range(-5, 5) if steps]


def difference(found, expected):
    """The power of the difference relative to that of what is expected, dB."""
    return 20 * np.log10(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def oracle(wave, steps, rate=RATE):
    return librosa.effects.pitch_shift(wave.astype(float), sr=rate, n_steps=steps)


def test_real_recordings_are_shifted_as_librosa_does_in_float64(real):
    """All steps; librosa in float32 is far from that."""
    paths = [
        *sorted((real("rfcx") / "train").iterdir()),
        *sorted((real("esc10") / "audio").iterdir())[50:250:100],
    ]
    assert len(paths) == 6
    worst, worst_of_librosa = -np.inf, -np.inf
    for path in paths:
        wave = read.read_window(path, start=0, samples=RATE, sample_rate=RATE)
        for steps in STEPS:
            expected = oracle(wave, steps)
            found = vocoder.shift(wave, RATE, steps)
            assert (found.dtype, found.shape) == (np.float32, wave.shape)
            worst = max(worst, difference(found, expected))
        in_single = librosa.effects.pitch_shift(wave, sr=RATE, n_steps=4)
        worst_of_librosa = max(worst_of_librosa, difference(in_single, oracle(wave, 4)))
    assert worst < -80
    assert worst_of_librosa > -60


@pytest.mark.parametrize("kind", ["silent start", "silent parts", "click", "quiet", "loud", "tone"])
def test_sounds_that_are_hard_to_shift(kind):
    noise = (0.1 * np.random.default_rng(1).normal(size=RATE)).astype(np.float32)
    place = np.arange(RATE)
    wave = {
        "silent start": np.where(place < 20_000, 0, noise),
        "silent parts": np.where(place // 7000 % 2, 0, noise),
        "click": noise[0] * (place == 30_000),
        "quiet": noise * 1e-9,
        "loud": noise * 1e6,
        "tone": 0.5 * np.sin(place * 0.05),
    }[kind].astype(np.float32)
    for steps in (-12, -5, -1, 1, 4, 12):
        assert difference(vocoder.shift(wave, RATE, steps), oracle(wave, steps)) < -80


@settings(max_examples=40)
@given(
    st.integers(1, 9000),
    st.integers(-24, 24).filter(bool),
    st.sampled_from([8000, 22_050, 48_000]),
    st.integers(0, 1000),
)
@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large")
def test_a_waveform_of_any_length_keeps_it(samples, steps, rate, seed):
    wave = np.random.default_rng(seed).normal(size=samples).astype(np.float32)
    found = vocoder.shift(wave, rate, steps)
    expected = oracle(wave, steps, rate)
    assert found.shape == expected.shape
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected) + 1e-9


def test_silence_stays_silence():
    assert np.abs(vocoder.shift(np.zeros(RATE, dtype=np.float32), RATE, 3)).max() < 1e-15


PROGRAM = """
import sys
import numpy as np
from understory.audio import augment, compute
from understory.audio.features import log_mel
from understory.data import transforms
import json, yaml
import pandas as pd
config = yaml.safe_load(open(sys.argv[1]))
chain = transforms.build(config["augment"]["chain"], "understory.audio.transforms")
settings = {"crop": {"sample_rate": 48_000}}
windows = np.random.default_rng(0).integers(-9999, 9999, size=(4, 96_000)).astype(np.int16)
streams = [np.random.default_rng(number) for number in range(4)]
copies, draws = augment.augment(windows, chain, streams, settings)
options = {key: value for key, value in config["features"]["log_mel"].items() if key != "kind"}
index = pd.DataFrame({"draw": [json.dumps(drawn) for drawn in draws]})
found, _ = compute.compute(compute.stored(copies, index), log_mel, options, settings)
assert any(drawn["each"][1]["steps"] for drawn in draws)
assert len(list(found.items)) == 4
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_copies_and_spectrograms_are_made_without_numba_and_librosa():
    """Their first use takes seconds, and compiles in a new environment."""
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "config.yaml")]
    env = {"PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert {"numpy", "soxr"} <= imported
    assert not {"numba", "librosa", "sklearn", "tensorflow"} & imported
