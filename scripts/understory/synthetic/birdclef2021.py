"""A synthetic data set in the layout that `understory.datasets.birdclef2021` reads."""

import io
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from understory.audio import ogg
from understory.core.files import write_rows
from understory.core.hashing import stable_hash
from understory.core.rng import Stage, stream
from understory.datasets.birdclef2021 import CLIPS, COLUMNS, LABELS, NONE, SAMPLE, TEST, WINDOW
from understory.synthetic import soundscapes

SAMPLE_RATE = 32_000
BLOCK = 1 << 16  # samples written at once
# Code, common and scientific name, the most frequent in the soundscapes first.
SPECIES = (
    ("rucwar", "Rufous-capped Warbler", "Basileuterus rufifrons"),
    ("bobfly1", "Boat-billed Flycatcher", "Megarynchus pitangua"),
    ("reevir1", "Red-eyed Vireo", "Vireo olivaceus"),
    ("rewbla", "Red-winged Blackbird", "Agelaius phoeniceus"),
    ("sonspa", "Song Sparrow", "Melospiza melodia"),
    ("eawpew", "Eastern Wood-Pewee", "Contopus virens"),
    ("bkcchi", "Black-capped Chickadee", "Poecile atricapillus"),
    ("comyel", "Common Yellowthroat", "Geothlypis trichas"),
    ("grycat", "Gray Catbird", "Dumetella carolinensis"),
    ("obnthr1", "Orange-billed Nightingale-Thrush", "Catharus aurantiirostris"),
    ("rubwre1", "Rufous-breasted Wren", "Pheugopedius rutilus"),
    ("chswar", "Chestnut-sided Warbler", "Setophaga pensylvanica"),
)
SITES = ("COR", "SSW")
# Share of the windows with a bird: 871 of the competition's 2,400 training windows; and of those, with one species, two
# and more: 627, 183 and 61.
BUSY = 871 / 2400
TOGETHER = (627 / 871, 183 / 871, 61 / 871)
RESIDENTS = 4  # species that a soundscape may have
HEARD = 0.3  # s of a song in a window that make it a label
CLIP_DURATIONS = (4.5, 20.0)  # s
SINGS = 0.8  # share of a clip's stretches, as long as a window, in which its species begins to sing
CLOSER = 6.0  # dB by which clips are recorded from closer by
SECONDARY = 0.25  # share of clips with another species
SECONDARY_SNR = (-6.0, 0.0)  # dB
METADATA = (
    "primary_label",
    "secondary_labels",
    "type",
    "latitude",
    "longitude",
    "scientific_name",
    "common_name",
    "author",
    "date",
    "filename",
    "license",
    "rating",
    "time",
    "url",
)


class Made(NamedTuple):
    """A recording as it was planned, where its file lies in the data folder, and for a clip its row of the metadata."""

    plan: soundscapes.Plan
    path: str
    row: dict[str, object] | None = None


def synthesize(folder: Path, truth: Path, *, settings: dict, seed: int, processes: int, clips=None):
    """Write a synthetic data set: soundscapes of 32 kHz told window by window, and clips of one species each.

    Most windows have no bird, some several. A soundscape has some species of a long tail. A clip begins anywhere in its
    species' singing, recorded from closer by, and may have another in the background, which is its secondary label.

    Parameters
    ----------
    folder : Path
        Where the tables and the audio go.
    truth : Path
        Where the complete labels of the test windows go, as `recording_id, start, stop` (s) and one 0/1 column a class.
    settings : dict
        The block `synthetic` of the configuration but `clips` and `background`: `train_recordings` and `test_recordings`
        are soundscapes of `train_duration` and `test_duration` seconds, to the nearest multiple of five, and
        `rejected_recordings` are clips.
    clips : understory.synthetic.clips.Clips or None
        Who sings; None for songs made from arithmetic. Their classes have the codes clip0, clip1, … and keep their names
        as common names.

    Raises
    ------
    InputError
        A clip that is to sing cannot be read, or is silent.
    """
    if clips is None:
        singers, species = soundscapes.Songs(len(SPECIES), seed), SPECIES
    else:
        singers = clips.singers()
        species = [(f"clip{number}", name, "") for number, name in enumerate(clips.read().classes)]
    settings = soundscapes.Settings(**settings)
    tasks = [
        *(("train", number) for number in range(settings.train_recordings)),
        *(("test", number) for number in range(settings.test_recordings)),
        *(("clip", number) for number in range(settings.rejected_recordings)),
    ]
    for name in ("train_soundscapes", "test_soundscapes", "train_short_audio"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    make = partial(_make, folder=folder, singers=singers, species=species, settings=settings, seed=seed)
    with ProcessPoolExecutor(processes) as pool:
        made = list(pool.map(make, tasks, chunksize=4))

    codes = [code for code, _, _ in species]
    clip_rows = [recording.row for recording in made if recording.row is not None]
    clip_rows.sort(key=lambda row: (row["primary_label"], row["filename"]))
    write_rows(folder / CLIPS, METADATA, [[row[column] for column in METADATA] for row in clip_rows])
    train, test = (_windows(made, subset, codes) for subset in ("train", "test"))
    labels = [[*_named(plan, stop), " ".join(birds)] for plan, stop, birds in train]
    write_rows(folder / LABELS, (*COLUMNS, "birds"), labels)
    names = [_named(plan, stop) for plan, stop, _ in test]
    write_rows(folder / TEST, COLUMNS, names)
    write_rows(folder / SAMPLE, ("row_id", "birds"), [[name[0], NONE] for name in names])
    classes = sorted([NONE, *codes])
    rows = [
        [plan.recording_id, stop - WINDOW, stop, *(int(name in birds) for name in classes)]
        for plan, stop, birds in test
    ]
    write_rows(truth, ("recording_id", "start", "stop", *classes), rows)


def _windows(made, subset, codes):
    """The windows of a subset's soundscapes: their plan, their end (s) and their labels."""
    return [
        (plan, stop, sorted(codes[species] for species in heard(plan, stop - WINDOW, stop)) or [NONE])
        for plan in sorted(m.plan for m in made if m.plan.subset == subset and m.row is None)
        for stop in range(WINDOW, round(plan.duration) + 1, WINDOW)
    ]


def soundscape(number: int, subset: str, *, singers, settings: soundscapes.Settings, seed: int) -> Made:
    """Soundscape `number` of a subset: in some of its windows one of its residents sings, or several."""
    rng = stream(seed, Stage.SYNTHETIC, f"{subset} soundscape", number)
    # A number of its own, as each recording has ten of which one is drawn.
    name = f"{1_000 + 20 * number + 10 * (subset == 'test') + rng.integers(10)}_{rng.choice(SITES)}"
    date = f"{rng.integers(2017, 2020)}{rng.integers(3, 11):02}{rng.integers(1, 29):02}"
    count = max(1, round((settings.train_duration if subset == "train" else settings.test_duration) / WINDOW))
    tail = 1 / np.arange(1, singers.classes + 1)
    residents = rng.choice(
        singers.classes, size=min(RESIDENTS, singers.classes), replace=False, p=tail / tail.sum()
    )
    shares = tail[residents] / tail[residents].sum()
    sung = partial(_sung, singers, subset=subset, duration=float(count * WINDOW), rng=rng)
    events = []
    for start in range(0, count * WINDOW, WINDOW):
        if rng.random() < BUSY:
            several = min(1 + rng.choice(len(TOGETHER), p=TOGETHER), len(residents))
            for species in rng.choice(residents, size=several, replace=False, p=shares):
                snr = rng.uniform(settings.min_snr, settings.max_snr)
                events.append(sung(int(species), start, snr=snr))
    background = []
    if singers.background:
        for _ in range(rng.choice(soundscapes.BACKGROUND_SOUNDS)):
            species, start = rng.choice(singers.background), WINDOW * rng.integers(count)
            background.append(sung(int(species), start, snr=rng.uniform(*soundscapes.BACKGROUND_SNR)))
    plan = soundscapes.Plan(
        name, subset, float(count * WINDOW), seed, tuple(events), (), (), tuple(background)
    )
    return Made(plan, f"{subset}_soundscapes/{name}_{date}.ogg")


def clip(number: int, *, singers, species, settings: soundscapes.Settings, seed: int) -> Made:
    """Clip `number`: its species, of which each has as many, here and there, and sometimes another behind it."""
    rng = stream(seed, Stage.SYNTHETIC, "clip", number)
    name = f"XC{9_000 + 100 * number + rng.integers(100)}"
    own = number % singers.classes
    duration = round(rng.uniform(*CLIP_DURATIONS), 2)
    sung = partial(_sung, singers, subset="train", duration=duration, rng=rng)
    stretches = np.arange(0, duration, WINDOW)
    singing = stretches[rng.random(len(stretches)) < SINGS]
    events = [
        sung(own, start, snr=CLOSER + rng.uniform(settings.min_snr, settings.max_snr))
        for start in (singing if len(singing) else stretches[:1])
    ]
    others = []
    if rng.random() < SECONDARY:
        other = int(rng.choice([s for s in range(singers.classes) if s != own]))
        events.append(sung(other, rng.choice(stretches), snr=rng.uniform(*SECONDARY_SNR)))
        others.append(species[other][0])
    code, common, scientific = species[own]
    row = {
        "primary_label": code,
        "secondary_labels": repr(others),
        "type": repr([str(rng.choice(["call", "song"]))]),
        "latitude": round(rng.uniform(8, 45), 4),
        "longitude": round(rng.uniform(-120, -70), 4),
        "scientific_name": scientific,
        "common_name": common,
        "author": "synthetic",
        "date": f"{rng.integers(2000, 2021)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}",
        "filename": f"{name}.ogg",
        "license": "synthetic",
        "rating": rng.integers(11) / 2,
        "time": f"{rng.integers(4, 21):02}:{rng.integers(60):02}" if rng.random() < 0.9 else "?",
        "url": "synthetic",
    }
    plan = soundscapes.Plan(name, "train", duration, seed, tuple(events), (), ())
    return Made(plan, f"train_short_audio/{code}/{name}.ogg", row)


def heard(plan: soundscapes.Plan, start: float, stop: float) -> set[int]:
    """The species with at least `HEARD` seconds of a song between two times, s."""
    return {box.species for box, _, _ in plan.events if min(box.t_max, stop) - max(box.t_min, start) >= HEARD}


def _sung(singers, species, start, *, subset, duration, snr, rng):
    """A song within the window from `start` s on, as far as it fits there."""
    event = soundscapes.event(singers, species, subset=subset, duration=duration, snr=snr, rng=rng)
    length = event.box.t_max - event.box.t_min
    first = min(start + rng.uniform(0, max(0, WINDOW - length)), duration - length)
    return event._replace(box=event.box._replace(t_min=float(first), t_max=float(first + length)))


def _named(plan, stop):
    audio_id, site = plan.recording_id.split("_")
    return f"{plan.recording_id}_{stop}", site, audio_id, stop


def _make(task, *, folder, singers, species, settings, seed):
    kind, number = task
    if kind == "clip":
        made = clip(number, singers=singers, species=species, settings=settings, seed=seed)
    else:
        made = soundscape(number, kind, singers=singers, settings=settings, seed=seed)
    wave = soxr.resample(
        soundscapes.recording(made.plan, singers=singers), soundscapes.SAMPLE_RATE, SAMPLE_RATE
    )
    written = io.BytesIO()
    with soundfile.SoundFile(written, "w", SAMPLE_RATE, channels=1, format="OGG", subtype="VORBIS") as file:
        # libsndfile's encoder overflows its stack where a long recording is written at once.
        for start in range(0, len(wave), BLOCK):
            file.write(wave[start : start + BLOCK])
    serial = stable_hash(made.plan.recording_id) % 2**32
    (folder / made.path).parent.mkdir(exist_ok=True)
    (folder / made.path).write_bytes(ogg.with_serial(written.getvalue(), serial))
    return made
