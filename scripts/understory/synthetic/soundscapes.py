"""Synthetic field recordings: species with songs of their own in coloured noise, sparsely labelled."""

import math
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import colorednoise
import numpy as np
import soundfile
from scipy.fft import next_fast_len, rfft, rfftfreq

from understory.core.rng import Stage, stream

SAMPLE_RATE = 48_000
# Song types are numbered as in the competition's tables, where a species has type 1, type 4 or both.
SONG_TYPES = (1, 4)
# One sound of the background or two, below the noise in their own band, dB.
BACKGROUND_SOUNDS = (1, 2)
BACKGROUND_SNR = (-6.0, 0.0)
# A recording of `train_tp.csv` has 1 + 0.07 rows on average, one of `train_fp.csv` 1 + 0.97.
MORE_CONFIRMED = 0.07
MORE_REJECTED = 0.97
SHAPES = ("rise", "fall", "trill", "vibrato", "arch", "dip", "pulses", "alternation")
# Centres of neighbouring bands, Hz, which every other song crosses; each band has four shapes.
CENTRES = (900.0, 1350.0, 2025.0, 3040.0, 4560.0, 6830.0)


class Box(NamedTuple):
    """A species' event, or a place where it was wrongly suspected; seconds and Hz."""

    species: int
    song_type: int
    t_min: float
    t_max: float
    f_min: float
    f_max: float


class Event(NamedTuple):
    """A song to be sung: its box, the number its waveform is drawn with, and its in-band SNR in dB."""

    box: Box
    song: int
    snr: float


class Plan(NamedTuple):
    """One recording before it is made."""

    recording_id: str
    subset: str
    duration: float
    seed: int
    events: tuple[Event, ...]
    confirmed: tuple[Box, ...]
    rejected: tuple[Box, ...]
    background: tuple[Event, ...] = ()

    @property
    def species(self) -> set[int]:
        return {event.box.species for event in self.events}


class Settings(NamedTuple):
    """The block `synthetic` of the configuration but what tells who sings: numbers of recordings, seconds and dB.

    `train_recordings` have confirmed events and `rejected_recordings` rejected ones; a tenth of the latter
    are among the former. The events' signal-to-noise ratio is drawn within their own band.
    """

    train_recordings: int
    rejected_recordings: int
    test_recordings: int
    train_duration: float
    test_duration: float
    min_snr: float
    max_snr: float

    @property
    def shared(self) -> int:
        return min(self.rejected_recordings // 10, self.train_recordings)

    @property
    def train(self) -> int:
        return self.train_recordings + self.rejected_recordings - self.shared


class Songs(NamedTuple):
    """Species that sing songs made from arithmetic.

    Whoever sings has these names: `classes` species with labels, numbered from 0; the numbers of those that
    sound in the background; the song types of a species; and `sing`, which gives the same song for the same
    arguments, in any process.
    """

    classes: int
    seed: int
    background = ()

    def song_types(self, species: int) -> tuple[int, ...]:
        return SONG_TYPES if species % 6 == 5 else SONG_TYPES[:1]

    def sing(self, species: int, song_type: int, number: int, *, subset: str, duration: float):
        """A waveform at 48 kHz (float64, mean power 1) and its lowest and highest frequency, Hz.

        Arithmetic has songs enough for both subsets, and they fit into any recording.
        """
        return song(species, song_type, number, seed=self.seed)


def plan(number: int, *, singers, settings: Settings, seed: int) -> Plan:
    """Who sings where in recording `number`, and which of it the tables tell.

    At least one of the labelled species is silent; `singers` has what `Songs` has.
    """
    subset, duration = (
        ("train", settings.train_duration) if number < settings.train else ("test", settings.test_duration)
    )
    rng = stream(seed, Stage.SYNTHETIC, "recording", number)
    recording_id = f"{rng.integers(16**8):08x}{number % 16:x}"
    classes = singers.classes
    first = number % classes
    others = rng.choice(
        [s for s in range(classes) if s != first], size=min(rng.integers(2, 4), classes - 2), replace=False
    )
    species = [first, *(int(s) for s in others)]
    sung = partial(event, singers, subset=subset, duration=duration)
    events = [
        sung(s, snr=rng.uniform(settings.min_snr, settings.max_snr), rng=rng)
        for s in species
        for _ in range(rng.integers(1, 3))
    ]
    confirmed, rejected = [], []
    if number < settings.train_recordings:
        confirmed.append(events[0].box)
        if rng.random() < MORE_CONFIRMED:
            confirmed.append(events[-1].box)
    if settings.train_recordings - settings.shared <= number < settings.train:
        for _ in range(1 + rng.poisson(MORE_REJECTED)):
            absent = int(rng.choice([s for s in range(classes) if s not in species]))
            rejected.append(sung(absent, snr=0.0, rng=rng).box)
    background = []
    if singers.background:
        rng = stream(seed, Stage.SYNTHETIC, "background", number)
        background = [
            sung(int(rng.choice(singers.background)), snr=rng.uniform(*BACKGROUND_SNR), rng=rng)
            for _ in range(rng.choice(BACKGROUND_SOUNDS))
        ]
    return Plan(
        recording_id,
        subset,
        duration,
        seed,
        tuple(events),
        tuple(confirmed),
        tuple(rejected),
        tuple(background),
    )


def make_recordings(folder: Path, *, singers, settings: Settings, seed: int, processes: int) -> list[Plan]:
    """Write every recording as 16-bit FLAC under its subset's folder; return their plans, by subset and id."""
    make = partial(_make_recording, folder=folder, singers=singers, settings=settings, seed=seed)
    with ProcessPoolExecutor(processes) as pool:
        plans = list(pool.map(make, range(settings.train + settings.test_recordings), chunksize=8))
    if len({p.recording_id for p in plans}) != len(plans):
        raise ValueError(f"seed {seed} draws one recording id twice: choose another")
    return sorted(plans, key=lambda p: (p.subset, p.recording_id))


def _make_recording(number, *, folder, singers, settings, seed):
    made = plan(number, singers=singers, settings=settings, seed=seed)
    path = folder / made.subset / f"{made.recording_id}.flac"
    soundfile.write(path, recording(made, singers=singers), SAMPLE_RATE, subtype="PCM_16")
    return made


def event(
    singers, species: int, *, subset: str, duration: float, snr: float, rng: np.random.Generator
) -> Event:
    """One song of a species at a random place of a recording of `duration` seconds."""
    song_type = int(rng.choice(singers.song_types(species)))
    number = int(rng.integers(2**32))
    wave, low, high = singers.sing(species, song_type, number, subset=subset, duration=duration)
    start = rng.uniform(0, duration - len(wave) / SAMPLE_RATE)
    return Event(Box(species, song_type, start, start + len(wave) / SAMPLE_RATE, low, high), number, snr)


@lru_cache(maxsize=64)
def song(species: int, song_type: int, number: int, *, seed: int):
    """The waveform of one song (float64, mean power 1) and its lowest and highest frequency, Hz.

    A species is a shape (how its frequency moves) in one of six overlapping bands, with a pace and a
    width of its own that the generator's seed decides; every song of it differs a little.
    """
    own = stream(seed, Stage.SYNTHETIC, "species", species)
    shape = SHAPES[species % len(SHAPES)]
    centre = CENTRES[species // 4 % len(CENTRES)] * own.uniform(0.85, 1.15)
    width = own.uniform(0.25, 0.45)
    pace = own.uniform(0.9, 1.1)
    harmonics = own.uniform(0, 0.5)
    each = stream(seed, Stage.SYNTHETIC, f"song-{species}", number)
    length = each.uniform(1.5, 3.0) * (1.4 if song_type == 4 else 1.0)
    centre *= each.uniform(0.97, 1.03)
    pace *= each.uniform(0.95, 1.05) * (1.5 if song_type == 4 else 1.0)

    t = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    note = (t * 2.5 * pace) % 1.0
    gate = np.ones_like(t)
    if shape in ("rise", "fall", "arch", "dip"):
        bend = {
            "rise": note - 0.5,
            "fall": 0.5 - note,
            "arch": np.sin(np.pi * note) - 0.5,
            "dip": 0.5 - np.sin(np.pi * note),
        }[shape]
        gate = np.sin(np.pi * note) ** 0.5
    elif shape == "trill":
        bend = np.zeros_like(t)
        gate = np.sin(np.pi * 16 * pace * t) ** 2
    elif shape == "pulses":
        bend = np.zeros_like(t)
        gate = (((t * 5 * pace) % 1.0) < 0.4).astype(float)
    elif shape == "vibrato":
        bend = 0.5 * np.sin(2 * np.pi * 7 * pace * t)
    else:
        bend = np.where((t * 4 * pace) % 1.0 < 0.5, -0.4, 0.4)
    frequency = centre * (1 + width * bend)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    wave = np.sin(phase) + harmonics * np.sin(2 * phase)
    fade = np.minimum(1, np.minimum(t, t[::-1]) / 0.03)
    wave = wave * gate * fade
    wave /= math.sqrt(np.mean(wave**2))
    return wave, float(frequency.min() * 0.95), float(frequency.max() * (2 if harmonics > 0.1 else 1) * 1.05)


def recording(plan: Plan, *, singers) -> np.ndarray:
    """The waveform of a planned recording: float64 of shape (samples,) at 48 kHz, within ±0.9."""
    rng = stream(plan.seed, Stage.SYNTHETIC, plan.recording_id)
    samples = int(plan.duration * SAMPLE_RATE)
    noise = 0.03 * colorednoise.powerlaw_psd_gaussian(rng.uniform(0.4, 1.2), samples, random_state=rng)
    out = noise.copy()
    for box, number, snr in (*plan.events, *plan.background):
        wave, _, _ = singers.sing(
            box.species, box.song_type, number, subset=plan.subset, duration=plan.duration
        )
        start = int(box.t_min * SAMPLE_RATE)
        power = band_power(noise[start : start + len(wave)], box.f_min, box.f_max)
        out[start : start + len(wave)] += wave[: samples - start] * math.sqrt(power * 10 ** (snr / 10))
    return out * min(1.0, 0.9 / np.abs(out).max())


def band_power(wave: np.ndarray, low: float, high: float) -> float:
    """Mean power of a waveform's part between two frequencies in Hz, by Parseval's theorem."""
    padded = next_fast_len(len(wave), real=True)
    spectrum = np.abs(rfft(wave, padded)) ** 2
    frequencies = rfftfreq(padded, 1 / SAMPLE_RATE)
    return 2 * spectrum[(frequencies >= low) & (frequencies <= high)].sum() / (padded * len(wave))
