"""Ways from a window of a sound file to its log-mel spectrogram: those of others, the floor, and this library's.

`signal_chain.py` measures them, and says what each is.
"""

import os
from contextlib import suppress
from functools import cache

# Before libraries are imported, which read them.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import colorednoise
import librosa
import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
import soundfile

from understory.audio import compute, read
from understory.audio.features import log_mel
from understory.data import transforms

RATE = 48_000
MEL = {"n_fft": 2048, "n_mels": 128, "fmin": 84.0, "fmax": 15_056.0}
HOP = 512


def draws(number, samples):
    """What is done to a window in one round: over twenty rounds all shifts, with either noise."""
    rng = np.random.default_rng(number)
    return {
        "pink": bool((number + number // 10) % 2),
        "snr": float(rng.uniform(5, 20)),
        "seed": int(rng.integers(2**32)),
        "steps": number % 10 - 5,
        "roll": int(rng.integers(-4 * RATE, 4 * RATE)) % samples,
        "db": float(rng.uniform(-10, 10)),
    }


def decode(path, start, samples):
    with soundfile.SoundFile(path) as file:
        file.seek(start)
        return file.read(samples, dtype="float32")


def load_and_cut(path, start, samples):
    return librosa.load(path, sr=RATE)[0][start : start + samples]


def scaled(values):
    return (values - values.min()) / (values.max() - values.min())


def librosa_mel(wave):
    power = librosa.feature.melspectrogram(y=wave, sr=RATE, hop_length=HOP, **MEL)
    return scaled(librosa.power_to_db(power, top_db=80))


def noise(wave, draw):
    rng = np.random.default_rng(draw["seed"])
    added = (
        colorednoise.powerlaw_psd_gaussian(1, len(wave), random_state=rng)
        if draw["pink"]
        else rng.standard_normal(len(wave))
    )
    level = np.abs(wave).max() / np.abs(added).max() * 10 ** (-draw["snr"] / 20)
    return (wave + added * level).astype(wave.dtype)


def by_librosa(wave, draw):
    """The chain of the notebook."""
    wave = noise(wave, draw)
    wave = librosa.effects.pitch_shift(wave, sr=RATE, n_steps=draw["steps"])
    wave = np.roll(wave, draw["roll"])
    return wave * 10 ** (draw["db"] * np.sin(2 * np.pi * np.arange(len(wave)) / len(wave)) / 20)


def by_audiomentations(method):
    import audiomentations

    def apply(wave, draw):
        level = {"min_snr_db": draw["snr"], "max_snr_db": draw["snr"], "p": 1.0}
        pink = {"min_f_decay": -3.01, "max_f_decay": -3.01}
        noisy = audiomentations.AddColorNoise(**pink, **level)
        chain = audiomentations.Compose(
            [
                noisy if draw["pink"] else audiomentations.AddGaussianSNR(**level),
                audiomentations.PitchShift(draw["steps"], draw["steps"], method=method, p=1.0),
                audiomentations.Shift(draw["roll"], draw["roll"], "samples", fade_duration=0.0, p=1.0),
                audiomentations.Gain(draw["db"], draw["db"], p=1.0),
            ]
        )
        return chain(wave, sample_rate=RATE)

    # The class imports its package on its first use.
    audiomentations.PitchShift(0, 0, method=method, p=1.0)(np.zeros(RATE, np.float32), RATE)
    return apply


def here(wave, draw=None, shift="steps"):
    """A window as stored, its copy as stored, and the features as stored."""
    window, spectral = read.to_float(read.to_int16(wave)), 0
    if draw is not None:
        drawn = recorded(draw, shift)
        window = read.to_float(read.to_int16(CHAINS[shift].apply(window, drawn, RATE)))
        spectral = compute.spectral_steps(drawn)
    options = {"hop": HOP, **MEL, "scale": "power_db", "normalise": "min_max"}
    return log_mel.compute_shifted(window, spectral, sample_rate=RATE, **options).astype(np.float16)


def chain(shift):
    """The default chain, with one of the transforms that shift the pitch."""
    noises = [{name: {"min_snr": 5, "max_snr": 20}} for name in ("GaussianNoiseSNR", "PinkNoiseSNR")]
    steps = [
        {"OneOf": {"transforms": noises}},
        {shift: {"max_steps": 5}},
        {"TimeShift": {"max_shift": 4}},
        {"VolumeControl": {"db_limit": 10, "mode": "sine"}},
    ]
    return transforms.build(steps, "understory.audio.transforms")


CHAINS = {"steps": chain("PitchShift"), "spectral_steps": chain("SpectralPitchShift")}


def recorded(draw, shift):
    """A draw as the library records it."""
    noisy = {"choice": int(draw["pink"]), "drawn": {"snr": draw["snr"], "noise": draw["seed"]}}
    return {"each": [noisy, {shift: draw["steps"]}, {"samples": draw["roll"]}, {"db": draw["db"]}]}


FILTERS = scipy.sparse.csr_matrix(librosa.filters.mel(sr=RATE, **MEL))
WINDOW = scipy.signal.get_window("hann", MEL["n_fft"]).astype(np.float32)


def floor(wave):
    half = MEL["n_fft"] // 2
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, half), MEL["n_fft"])[::HOP]
    spectra = scipy.fft.rfft(frames * WINDOW)
    power = FILTERS @ np.ascontiguousarray((spectra.real**2 + spectra.imag**2).T)
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    return scaled(np.maximum(decibels, decibels.max() - 80)).astype(np.float16)


def ways():
    """By table, what is measured: functions of a path, the place of a window, its samples and a draw."""
    plain = {
        "notebook": lambda path, *place, draw: librosa_mel(load_and_cut(path, *place)),
        "librosa": lambda path, *place, draw: librosa_mel(decode(path, *place)),
        "floor": lambda path, *place, draw: floor(decode(path, *place)),
        "here": lambda path, start, samples, draw: here(window_of(path, start, samples)),
    }
    augmented = {
        "notebook": lambda path, *place, draw: librosa_mel(by_librosa(load_and_cut(path, *place), draw)),
        "librosa": lambda path, *place, draw: librosa_mel(
            by_librosa(decode(path, *place), draw).astype(np.float32)
        ),
        "here": lambda path, start, samples, draw: here(window_of(path, start, samples), draw),
        "here, spectral": lambda path, start, samples, draw: here(
            window_of(path, start, samples), draw, "spectral_steps"
        ),
        "here, spectral, decoded already": lambda path, start, samples, draw: here(
            decoded(path, start, samples), draw, "spectral_steps"
        ),
    }
    for name, method in (("librosa", "librosa_phase_vocoder"), ("signalsmith", "signalsmith_stretch")):
        with suppress(ImportError):
            apply = by_audiomentations(method)
            augmented[f"audiomentations ({name})"] = lambda path, *place, draw, apply=apply: librosa_mel(
                apply(decode(path, *place), draw)
            )
    return {"plain": plain, "augmented": augmented}


def window_of(path, start, samples):
    return read.read_window(path, start=start, samples=samples, sample_rate=RATE)


decoded = cache(window_of)
