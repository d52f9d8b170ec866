"""Measure what an example of sound costs, from the file to its log-mel spectrogram, beside other ways to compute it.

    make bench                                     # all of them, in an environment with requirements-bench.txt
    PYTHONPATH=scripts python benchmarks/signal_chain.py [--recording FILE.flac] [--rounds N] [--tiny]
    PYTHONPATH=scripts python benchmarks/signal_chain.py --shift FILE …      # how exact shifts of the pitch are

The ways, of a window of 10 s of a recording of 60 s at 48 kHz:

- `notebook`: as the public RFCx notebooks do, with librosa and colorednoise: load the whole recording and cut the window
  out of it; white or pink noise, pitch shift, roll and gain along a sine, of which the last makes float64 of it.
- `librosa`: the same of the window alone, and in float32.
- `audiomentations (librosa)`, `audiomentations (signalsmith)`: with either method of its pitch shift, and librosa's
  spectrogram. Its gain is the same over the window, which is less work.
- `floor`: decode the window, transform it in float32 in one call, apply sparse filters; what plain examples cost at least.
- `here`: this library, in the order of its jobs, with the rounding to 16 bits in between.
- `here, spectral`: with `SpectralPitchShift` in place of `PitchShift`; also from a window that is decoded already, as the
  jobs that make copies have it.

All get the same draws, and nothing is resized. They take turns in each round. Times are those of the processor, with one
thread, so that other programs count little; ratios are taken within a round. Before that, it is checked that the results
agree with librosa's. Writes benchmarks/results.json.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from functools import cache, partial
from importlib import metadata
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import colorednoise
import librosa
import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
import soundfile

from understory.audio import compute, read, vocoder
from understory.audio.features import log_mel
from understory.data import transforms

RATE = 48_000
MEL = {"n_fft": 2048, "n_mels": 128, "fmin": 84.0, "fmax": 15_056.0}
HOP = 512
PACKAGES = ("audiomentations", "librosa", "numpy", "python-stretch", "scipy", "soundfile", "soxr")
RESULTS = Path(__file__).parent / "results.json"


def made_recording(path, seconds):
    """A file with pink noise and chirps of several frequencies."""
    rng, time = np.random.default_rng(0), np.arange(seconds * RATE) / RATE
    wave = 0.02 * colorednoise.powerlaw_psd_gaussian(1, len(time), random_state=rng)
    for frequency in (700, 2100, 5200):
        wave += (
            0.1 * np.sin(2 * np.pi * frequency * time + 40 * np.sin(3 * time)) * (np.sin(2.1 * time) > 0.3)
        )
    soundfile.write(path, wave, RATE)


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


def measured(functions, path, place, rounds):
    """Milliseconds of the processor of each way in each round; they take turns, each round beginning with another."""
    found = {name: [] for name in functions}
    for number in (-1, *range(rounds)):
        names = list(functions)
        names = names[number % len(names) :] + names[: number % len(names)]
        for name in names:
            before = time.process_time()
            functions[name](path, *place, draw=draws(max(number, 0), place[1]))
            # The first round is not counted: something is imported, compiled or planned in it.
            if number >= 0:
                found[name].append(1000 * (time.process_time() - before))
    return found


def quartiles(values):
    return [round(float(value), 3) for value in np.quantile(values, [0.5, 0.25, 0.75])]


def summary(found):
    """Of each way the median, lower and upper quartile of its time, ms, and of its time over that here in the same round."""
    own = np.array(found["here"])
    return {
        name: {
            "ms": quartiles(times),
            "times here": quartiles(np.array(times) / own),
            "ratio of medians": round(float(np.median(times) / np.median(own)), 3),
        }
        for name, times in found.items()
    }


def disagreements(path, place):
    """How far results are from librosa's: of spectrograms, the largest difference (of 1); of pitch shifts, dB."""
    wave = window_of(path, *place)
    expected = librosa_mel(wave)
    found = {"here": np.abs(here(wave) - expected).max(), "floor": np.abs(floor(wave) - expected).max()}
    worst = -math.inf
    for steps in (-5, -1, 1, 4):
        naive = librosa.effects.pitch_shift(wave.astype(float), sr=RATE, n_steps=steps)
        error = np.linalg.norm(vocoder.shift(wave, RATE, steps) - naive) / np.linalg.norm(naive)
        worst = max(worst, 20 * math.log10(error))
    return {**{name: float(value) for name, value in found.items()}, "pitch shift, dB": round(worst, 1)}


def exactness(paths):
    """Print how far shifts of the first 5 s of recordings, by each number of steps, are from librosa's in float64, dB.

    Beside them: librosa in float32, and librosa in float64 of the same waveform three times as loud. Where the latter is
    far off, rounding errors decide the phases after a silence.
    """

    def decibels(found, expected):
        return 20 * math.log10(np.linalg.norm(found - expected) / np.linalg.norm(expected))

    rows = []
    for path in paths:
        wave = read.to_float(read.to_int16(window_of(path, 0, 5 * RATE)))
        for steps in filter(None, range(-5, 5)):
            shift = partial(librosa.effects.pitch_shift, sr=RATE, n_steps=steps)
            expected = shift(wave.astype(float))
            others = vocoder.shift(wave, RATE, steps), shift(wave), shift(3 * wave.astype(float)) / 3
            rows.append([decibels(other, expected) for other in others])
    rows = np.array(rows)
    decided = rows[:, 2] < -60
    print(
        f"{len(rows)} shifts of {len(paths)} recordings, {np.sum(~decided)} of them decided by rounding errors"
    )
    for name, column in zip(("here", "librosa, float32"), rows[decided].T, strict=False):
        print(f"{name:20} median {np.median(column):7.1f} dB, worst {column.max():7.1f} dB")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recording", type=Path, help="at 48 kHz, of 30 s or more; one is made without it")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument(
        "--tiny", action="store_true", help="a round of a second, to check that results agree"
    )
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--shift", type=Path, nargs="+", metavar="FILE", help="tell how exact shifts are")
    given = parser.parse_args()
    if given.shift:
        return exactness(given.shift)
    warnings.filterwarnings("ignore", message="n_fft=")
    samples, rounds = (RATE, 1) if given.tiny else (10 * RATE, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = given.recording or Path(folder, "made.flac")
        if given.recording is None:
            made_recording(path, 3 if given.tiny else 60)
        place = (samples, samples)
        wrong = disagreements(path, place)
        # float16 has eleven digits.
        if max(wrong["here"], wrong["floor"]) > 2**-11 + 1e-5 or wrong["pitch shift, dB"] > -80:
            sys.exit(f"expected results that agree with librosa's, found differences of {wrong}")
        tables = {name: summary(measured(each, path, place, rounds)) for name, each in ways().items()}
    versions = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    found = {"differences from librosa": wrong, "packages": versions, "rounds": rounds, **tables}
    given.output.write_text(json.dumps(found, indent=2) + "\n")
    for table in ("plain", "augmented"):
        print(f"\n{table:32}{'ms':>8}{'quartiles':>16}{'times here':>12}{'quartiles':>16}")
        for name, row in tables[table].items():
            (ms, *ends), (ratio, *of_ratio) = row["ms"], row["times here"]
            print(
                f"{name:32}{ms:8.1f}{'{:8.1f}{:8.1f}'.format(*ends)}{ratio:12.2f}{'{:8.2f}{:8.2f}'.format(*of_ratio)}"
            )


if __name__ == "__main__":
    main()
