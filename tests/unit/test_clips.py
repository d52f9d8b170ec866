"""Clips that sing: what the labels say is what sounds, and training hears no clip of the test."""

import os
import shutil

import numpy as np
import pytest
import soundfile

from understory.audio import read
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.data.builder import read_rows
from understory.data.source import Source
from understory.synthetic import clip_songs, rfcx, soundscapes
from understory.synthetic.clips import Clips, given

RATE = 48_000
FEW = {
    "train_recordings": 8,
    "rejected_recordings": 10,
    "test_recordings": 8,
    "train_duration": 5.0,
    "test_duration": 7.0,
    "min_snr": 15.0,
    "max_snr": 20.0,
}
# Classes in order of their names, each with five clips, each clip a tone of its own, Hz.
PITCHES = {
    name: [1500.0 + 3000 * number + 400 * clip for clip in range(5)]
    for number, name in enumerate(("cat", "dog", "hen", "owl", "pig", "wind"))
}
LABELS = ["cat", "dog", "hen", "owl", "pig"]


def tone(pitch, *, rate=44_100, seconds=1.0, silence=0.5):
    """A tone between silences."""
    wave = 0.3 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)
    return np.pad(wave, int(silence * rate))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder a class, of clips in several formats, rates and numbers of channels."""
    place = tmp_path_factory.mktemp("clips")
    for name, pitches in PITCHES.items():
        (place / name).mkdir()
        for number, pitch in enumerate(pitches):
            suffix, rate = (("wav", 44_100), ("flac", 48_000), ("ogg", 44_100))[number % 3]
            wave = tone(pitch, rate=rate)
            soundfile.write(
                place / name / f"{number}.{suffix}",
                np.stack([wave, wave], axis=1) if number % 2 else wave,
                rate,
            )
        (place / name / ".hidden").touch()
    (place / "README.txt").touch()
    return place


@pytest.fixture(scope="module")
def esc50(folder, tmp_path_factory):
    """The same clips as ESC-50 is laid out; targets run against the names."""
    place = tmp_path_factory.mktemp("esc50")
    (place / "meta").mkdir()
    (place / "audio").mkdir()
    rows = ["filename,fold,target,category,esc10"]
    for target, (name, pitches) in enumerate(reversed(PITCHES.items())):
        for clip in range(len(pitches)):
            source = next((folder / name).glob(f"{clip}.*"))
            shutil.copy(source, place / "audio" / f"{name}-{source.name}")
            rows.append(f"{name}-{source.name},{clip + 1},{target},{name},False")
    (place / "meta" / "esc50.csv").write_text("\n".join(rows) + "\n")
    return place


def made(folder, clips, *, seed=3, processes=2, **changes):
    rfcx.synthesize(
        folder / "data",
        folder / "truth.csv",
        settings={**FEW, **changes},
        seed=seed,
        processes=processes,
        clips=clips,
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def heard(wave):
    """The tones that stand out of what sounds around them, by their power over the median of their neighbours'."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    reach = round(150 * len(wave) / RATE)
    places = {p: round(p * len(wave) / RATE) for pitches in PITCHES.values() for p in pitches}
    return {
        pitch
        for pitch, at in places.items()
        if spectrum[at - 3 : at + 4].max() > 30 * np.median(spectrum[at - reach : at + reach])
    }


@pytest.mark.parametrize("layout", ["folder", "esc50"])
def test_the_labels_say_what_sounds(layout, folder, esc50, tmp_path):
    clips = Clips(str({"folder": folder, "esc50": esc50}[layout]), ("wind",))
    made(tmp_path, clips)
    names = LABELS if layout == "folder" else LABELS[::-1]
    _, found = read_rows(tmp_path / "data" / "species.csv", ())
    assert [row for _, row in found] == [
        {"species_id": str(species), "name": name} for species, name in enumerate(names)
    ]
    tables = Source("rfcx", str(tmp_path / "data"), "all").read()
    assert tables.classes == ("s0", "s1", "s2", "s3", "s4")

    waves, tones, subsets = {}, {}, {"train": set(), "test": set()}
    for recording in tables.recordings:
        waves[recording.recording_id], rate = soundfile.read(tmp_path / "data" / recording.path)
        assert rate == RATE
        tones[recording.recording_id] = heard(waves[recording.recording_id])
        subsets[recording.subset] |= tones[recording.recording_id]
    # Clips of the test sing in the test alone, and nearly all sing somewhere; the wind blows unlabelled.
    assert not subsets["train"] & subsets["test"]
    assert {len(subsets["test"] & set(pitches)) for pitches in PITCHES.values()} == {1}
    assert len(subsets["train"]) > 16
    assert sum(bool(found & set(PITCHES["wind"])) for found in tones.values()) > len(waves) / 2

    for annotation in tables.annotations:
        pitches = set(PITCHES[names[int(annotation.label[1:])]])
        if annotation.presence == "absent":
            assert not tones[annotation.recording_id] & pitches
            continue
        start, stop = int(annotation.t_min * RATE), int(annotation.t_max * RATE)
        part = waves[annotation.recording_id][start:stop]
        # The tone begins and ends with the event; the silence around it is no part of that.
        found = pitches & heard(part[: len(part) // 5]) & heard(part[-len(part) // 5 :])
        assert any(annotation.f_min < pitch < annotation.f_max for pitch in found)
        assert annotation.t_max - annotation.t_min == pytest.approx(1.0, abs=0.1)
    for _, row in read_rows(tmp_path / "truth.csv", ("recording_id", *tables.classes))[1]:
        for species, name in enumerate(names):
            assert bool(tones[row["recording_id"]] & set(PITCHES[name])) == (row[f"s{species}"] == "1")


def test_the_last_fold_is_for_testing(esc50):
    files = Clips(str(esc50)).read().files
    assert [[path.split(".")[0][-1] for path in each] for each in files["test"]] == [["4"]] * 6
    assert {len(each) for each in files["train"]} == {4}


def test_the_same_seed_gives_the_same_bytes_whatever_the_processes_and_the_place(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "elsewhere")
    contents = FileDigests(tmp_path / "index")
    clips, moved = (Clips(str(place), ("wind",)) for place in (folder, tmp_path / "elsewhere"))
    few = {"train_recordings": 6, "rejected_recordings": 2, "test_recordings": 2}
    one = made(tmp_path / "one", clips, processes=1, **few)
    assert one == made(tmp_path / "two", moved, processes=3, **few)
    assert one != made(tmp_path / "other", clips, seed=4, **few)
    assert clips.digest(contents) == moved.digest(contents)


def test_the_digest_follows_names_content_and_use(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "clips")
    clips, contents = Clips(str(tmp_path / "clips")), FileDigests(tmp_path / "index")
    found = {
        clips.digest(contents),
        Clips(clips.folder, ("wind",)).digest(contents),
        Clips(clips.folder, ("cat",)).digest(contents),
    }
    soundfile.write(tmp_path / "clips" / "cat" / "0.wav", tone(700.0), 44_100)
    found.add(clips.digest(contents))
    (tmp_path / "clips" / "cat").rename(tmp_path / "clips" / "kitten")
    found.add(clips.digest(contents))
    assert len(found) == 5


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_few_classes_leave_one_silent(folder, classes):
    settings = soundscapes.Settings(**FEW)
    singers = Clips(str(folder), tuple(PITCHES)[classes:]).singers()
    assert (singers.classes, len(singers.background)) == (classes, 6 - classes)
    for number in range(settings.train + settings.test_recordings):
        plan = soundscapes.plan(number, singers=singers, settings=settings, seed=1)
        assert 1 <= len(plan.species) < classes
        assert plan.species <= set(range(classes))
        assert {event.box.species for event in plan.background} <= set(range(classes, 6))
        assert {box.species for box in plan.rejected} <= set(range(classes)) - plan.species


@pytest.mark.parametrize("snr", [0.0, 12.0])
def test_clips_have_the_ratio_they_were_drawn_with(folder, snr):
    singers = Clips(str(folder), ("wind",)).singers()
    plan = soundscapes.plan(
        0, singers=singers, settings=soundscapes.Settings(**{**FEW, "min_snr": snr, "max_snr": snr}), seed=1
    )
    noise = soundscapes.recording(plan._replace(events=(), background=()), singers=singers)
    for event in (plan.events[0], plan.background[0]):
        alone = plan._replace(events=(event,), background=())
        part = slice(int(event.box.t_min * RATE), int(event.box.t_max * RATE))
        song = (soundscapes.recording(alone, singers=singers) - noise)[part]
        power = soundscapes.band_power(noise[part], event.box.f_min, event.box.f_max)
        assert 10 * np.log10(np.mean(song**2) / power) == pytest.approx(event.snr, abs=0.1)
        assert soundscapes.band_power(song, event.box.f_min, event.box.f_max) > 0.9 * np.mean(song**2)
    assert plan.events[0].snr == snr
    assert all(-6 <= event.snr <= 0 for event in plan.background)


def test_the_loudest_stretch_of_a_long_clip_sings(tmp_path):
    quiet, loud = tone(900.0, seconds=3.0, silence=0.0), 3 * tone(2000.0, seconds=1.5, silence=0.0)
    soundfile.write(tmp_path / "long.wav", np.concatenate([quiet, loud, quiet]), 44_100, subtype="FLOAT")
    wave, low, high = clip_songs.song(tmp_path / "long.wav", RATE)
    assert len(wave) == RATE
    assert np.mean(wave**2) == pytest.approx(1.0)
    assert low < 2000 < high
    assert high - low < 250
    assert abs(wave[0]) < 0.01 > abs(wave[-1])


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (np.zeros(48_000), "expected 0.01 s of sound or more, found 1.000 s of silence"),
        (np.full(48_000, 0.5), "found 1.000 s of silence"),
        (np.zeros(0), "found 0.000 s of silence"),
        (0.1 * np.arange(5), "found 0.000 s$"),
    ],
)
def test_clips_without_a_sound_are_named(tmp_path, wave, said):
    soundfile.write(tmp_path / "a.wav", wave, RATE)
    with pytest.raises(InputError, match=f"a.wav: .*{said}"):
        clip_songs.song(tmp_path / "a.wav", RATE)


def test_the_faintest_click_sings(tmp_path):
    wave = np.zeros(RATE)
    wave[20_000] = 1e-6
    soundfile.write(tmp_path / "a.wav", wave, RATE, subtype="FLOAT")
    song, low, high = clip_songs.song(tmp_path / "a.wav", RATE)
    assert 0 < len(song) < 6000
    assert np.mean(song**2) == pytest.approx(1.0)
    assert 0 <= low < high <= RATE / 2


def remove(folder, *names):
    for name in names:
        shutil.rmtree(folder / name)


def keep_one(folder):
    for path in list((folder / "cat").glob("[1-9]*")):
        path.unlink()


@pytest.mark.parametrize(
    ("change", "background", "said"),
    [
        (
            lambda folder: remove(folder.parent, folder.name),
            (),
            "synthetic.clips: expected a folder, found none",
        ),
        (lambda folder: remove(folder, *PITCHES), (), "expected a folder of clips a class.* found no folder"),
        (None, ("wnd",), "expected classes of the clips .cat, dog, .* given wnd; did you mean wind?"),
        (None, tuple(PITCHES), "at least two classes that are not synthetic.background, found none"),
        (None, tuple(PITCHES)[1:], "at least two classes that are not synthetic.background, found cat"),
        (keep_one, (), "cat: expected at least two clips, found 1"),
        (lambda folder: (folder / "ant").mkdir(), (), "ant: expected at least two clips, found 0"),
    ],
)
def test_folders_that_will_not_do_are_refused(folder, tmp_path, change, background, said):
    shutil.copytree(folder, tmp_path / "clips")
    if change:
        change(tmp_path / "clips")
    with pytest.raises(InputError, match=said):
        given({"clips": str(tmp_path / "clips"), "background": list(background)})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cat-4.flac,5", "cat-4.flac,4", "clips of cat to train with.* found 5, none of them for the test"),
        ("cat-0.wav", "cat-9.wav", "expected 30 clips, 1 are missing, such as audio/cat-9.wav"),
    ],
)
def test_tables_that_will_not_do_are_refused(esc50, tmp_path, old, new, said):
    shutil.copytree(esc50, tmp_path / "clips")
    table = tmp_path / "clips" / "meta" / "esc50.csv"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(InputError, match=said):
        Clips(str(tmp_path / "clips")).read()


def test_clips_that_are_no_audio_are_named(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "clips")
    (tmp_path / "clips" / "owl" / "notes.wav").write_text("heard at dusk")
    with pytest.raises(InputError, match=r"notes.wav: expected an audio file, found that"):
        Clips(str(tmp_path / "clips")).singers()


def test_what_is_no_clip_is_to_be_moved_away(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "clips")
    clips, place = Clips(str(tmp_path / "clips")), tmp_path / "clips" / "owl"
    for name in ("Thumbs.db", "notes.txt"):
        (place / name).touch()
    with pytest.raises(
        InputError, match=r"owl: .* found 'Thumbs.db', 'notes.txt': move what is no clip away"
    ):
        clips.read()
    for name in ("Thumbs.db", "notes.txt"):
        (place / name).unlink()
    (place / "5.opus").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"5.opus: expected an audio file, found a link that leads nowhere"):
        clips.read()
    (place / "5.opus").unlink()
    os.mkfifo(place / "5.wav")
    with pytest.raises(InputError, match=r"5.wav: expected an audio file, found a pipe"):
        clips.read()
    with pytest.raises(
        InputError, match=r"clips: expected at least two clips, found 1 beside 6 folders; if those are"
    ):
        Clips(str(tmp_path)).read()
    with pytest.raises(
        InputError, match="found no folder; if the clips of one class lie here, give the folder above"
    ):
        Clips(str(tmp_path / "clips" / "cat")).read()


def test_a_clip_that_breaks_off_is_named_from_the_process_that_reads_it(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "clips")
    for path in (tmp_path / "clips").glob("*/*.flac"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert read.length(path, RATE) > RATE
    with pytest.raises(InputError, match=r"\.flac cannot be decoded"):
        made(tmp_path, Clips(str(tmp_path / "clips")))


def test_real_clips_sing(real):
    clips = Clips(str(real("esc10")), ("rain", "sea_waves"))
    found = clips.read()
    assert found.classes[:2] == ("dog", "rooster")
    assert len(found.classes) == 8
    assert found.background == ("rain", "sea_waves")
    assert {len(each) for each in found.files["test"]} == {8}
    assert {len(each) for each in found.files["train"]} == {32}
    singers = clips.singers()
    for species in range(10):
        wave, low, high = singers.sing(species, 1, 5, subset="test", duration=12.0)
        assert 0.01 * RATE < len(wave) <= 4 * RATE
        assert 0 <= low < high <= RATE / 2
