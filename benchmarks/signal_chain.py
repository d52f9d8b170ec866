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
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path

# First, as it sets the number of threads.
from signal_ways import RATE, draws, floor, here, librosa_mel, ways, window_of  # isort: skip

import colorednoise
import librosa
import numpy as np
import soundfile

from understory.audio import read, vocoder

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
