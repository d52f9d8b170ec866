"""Search by example: exactness against a naive oracle, the windows of examples, and what is said of wrong ones."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from understory.annotations import files as annotation_files
from understory.core.errors import InputError
from understory.search import examples, nearest, sought, vectors
from understory.search.vectors import Shard

RATE = 1000
SETTINGS = {"window": 1.0, "hop": 0.5, "sample_rate": RATE}


# ---- Nearest windows


def shards_of(recordings, count):
    """Shards of recordings, by name their vectors, of which windows of 2 s begin at every second."""
    parts = [dict(list(recordings.items())[number::count]) for number in range(count)]
    return [
        Shard(
            np.array([row for rows in part.values() for row in rows], np.float16).reshape(-1, 2),
            list(part),
            np.repeat(np.arange(len(part), dtype=np.int32), [len(rows) for rows in part.values()]),
            np.array([float(k) for rows in part.values() for k in range(len(rows))]),
            np.array([k + 2.0 for rows in part.values() for k in range(len(rows))]),
        )
        for part in parts
    ]


def cosine(one, other):
    """Rounded to nine decimals, from an exact fraction; None where there is no angle."""
    if not all(map(math.isfinite, one)) or not any(one):
        return None
    dot = sum(Fraction(a) * Fraction(b) for a, b in zip(one, other, strict=True))
    square = dot * dot / (sum(Fraction(a) ** 2 for a in one) * sum(Fraction(b) ** 2 for b in other))
    return round(math.copysign(math.sqrt(square), dot), 9) + 0.0


def naive(recordings, sought, items):
    """The nearest windows one by one: (path, start, similarity)."""
    all_windows = []
    for name, rows in recordings.items():
        for start, row in enumerate(rows):
            each = [cosine(row, example) for example in sought]
            if each[0] is not None:
                all_windows.append((-max(each), name, start))
    found = []
    for least, name, start in sorted(all_windows):
        if len(found) < items and not any(name == other and abs(start - at) < 2 for other, at, _ in found):
            found.append((name, start, -least))
    return found


VALUES = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0, math.nan, math.inf])
ROWS = st.lists(st.tuples(VALUES, VALUES), max_size=6)
FINITE = st.sampled_from([-2.0, -1.0, 0.5, 1.0])


@given(
    recordings=st.dictionaries(st.sampled_from(["b", "a", "ü", "a/c"]), ROWS, max_size=4),
    sought=st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=3),
    items=st.integers(1, 6),
    count=st.integers(1, 3),
    threads=st.integers(1, 2),
)
def test_the_nearest_windows_are_those_of_a_naive_search_whatever_the_shards(
    recordings, sought, items, count, threads
):
    shards = [each for each in shards_of(recordings, count) if len(each.vectors)]
    found = nearest.find(
        shards, np.array(sought), items=items, overlapping=nearest.overlapping(2, 1), threads=threads
    )
    names, places, starts, _ = vectors.in_order(shards)
    assert [(names[places[number]], starts[number], similarity) for number, similarity, _ in found] == naive(
        recordings, sought, items
    )
    rows = vectors.rows(shards, np.array([number for number, *_ in found], dtype=int))
    assert all(
        cosine(row, sought[example]) == similarity
        for row, (_, similarity, example) in zip(rows.tolist(), found, strict=True)
    )


def test_windows_beside_the_nearest_ones_take_nobodys_place():
    recordings = {
        "a": [(1.0, abs(k - 20) / 64) for k in range(40)],
        "b": [(1.0, 2 + k / 64) for k in range(20)],
    }
    shards = shards_of(recordings, 2)
    found = nearest.find(shards, np.array([[1.0, 0.0]]), items=25, overlapping=nearest.overlapping(2, 1))
    names, places, starts, _ = vectors.in_order(shards)
    assert [(names[places[number]], starts[number], similarity) for number, similarity, _ in found] == naive(
        recordings, [(1.0, 0.0)], 25
    )
    assert len(found) == 25


@pytest.mark.parametrize("chunk", [1, 7, 1024])
def test_rounding_in_chunks_changes_nothing(chunk, monkeypatch):
    """Vectors so much alike that float32 cannot tell which is nearer."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=256)
    rows = np.tile(base, (3000, 1)).astype(np.float16)
    rows[np.arange(3000), rng.integers(0, 256, 3000)] += np.float16(0.002)
    shard = Shard(rows, ["a"], np.zeros(3000, np.int32), np.arange(3000.0) * 2, np.arange(3000.0) * 2 + 1)
    monkeypatch.setattr(nearest, "CHUNK", chunk)
    found = nearest.find([shard], base[None], items=20, overlapping=3)
    exact = rows.astype(float) @ base / np.linalg.norm(rows.astype(float), axis=1) / np.linalg.norm(base)
    best = np.lexsort((np.arange(3000), -np.round(exact, 9)))[:20]
    assert [number for number, *_ in found] == best.tolist()


def test_every_float16_becomes_the_same_float32():
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)].reshape(-1, 2)
    assert nearest.widened(finite).tobytes() == finite.astype(np.float32).tobytes()
    assert np.array_equal(nearest.widened(every), every.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("example", [[0.0, 0.0], [math.nan, 1.0], [math.inf, 0.0]])
def test_an_example_without_a_direction_is_one_sentence(example):
    with pytest.raises(InputError, match="expected a sound whose vector has a direction"):
        nearest.find(shards_of({"a": [(1.0, 0.0)]}, 1), np.array([example]), items=1, overlapping=3)


def test_no_windows_are_none_found():
    assert nearest.find([], np.array([[1.0, 0.0]]), items=3, overlapping=3) == []


# ---- Vectors on disk


def written(folder, name, *recordings):
    paths = folder / f"{name}.npy", folder / f"{name}.parquet"
    with paths[0].open("wb") as file:
        writer = vectors.Writer(file, paths[1])
        for path, rows in recordings:
            starts = np.arange(len(rows)) / 2
            writer.add(path, starts, starts + 1, np.array(rows, np.float16))
        writer.close()
    return paths


def test_vectors_come_back_with_their_windows(tmp_path):
    rows = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float16)
    pairs = [written(tmp_path, "one", ("ü/a", rows[:2]), ("b", rows[2:3])), written(tmp_path, "two"),
             written(tmp_path, "three", ("=1", rows[3:]))]  # fmt: skip
    shards = vectors.read_all(*zip(*pairs, strict=True))
    assert [shard.vectors.tobytes() for shard in shards] == [rows[:3].tobytes(), rows[3:].tobytes()]
    names, recordings, starts, stops = vectors.in_order(shards)
    assert names == ["=1", "b", "ü/a"]
    assert recordings[:4].tolist() == [2, 2, 1, 0]
    assert starts[:4].tolist() == [0, 0.5, 0, 0]
    assert (stops - starts == 1).all()
    some = np.array([999, 0, 3])
    assert (vectors.rows(shards, some) == rows[some].astype(float)).all()
    with pytest.raises(InputError, match="expected 3 vectors"):
        vectors.read(pairs[2][0], pairs[0][1])


def test_several_vectors_of_a_window_are_averaged_and_windows_are_rounded_as_on_disk(monkeypatch):
    seen = []

    def compute(wave, sample_rate):
        seen.append(wave)
        return np.array([[1.0, 2.0], [3.0, 4.0]]) * wave[0]

    monkeypatch.setattr(vectors.frozen, "load", lambda block, rate: SimpleNamespace(compute=compute))
    waves = iter([np.full(4, 0.1, np.float32), np.full(4, 1.0, np.float32)])
    found = vectors.of_windows(waves, 1, [], {"features": [{}], "sample_rate": 4})
    assert seen[0][0] == round(0.1 * 32768) / 32768
    assert found.tobytes() == (np.array([[2.0, 3.0]]) * seen[0][0]).astype(np.float16).tobytes()
    assert next(waves)[0] == 1


# ---- Examples


@pytest.fixture
def clip(tmp_path):
    """4 s of noise, loudest from 2.2 s to 2.6 s, then nothing from 3 s on."""
    wave = np.random.default_rng(0).normal(0, 0.01, 4 * RATE)
    wave[2200:2600] *= 10
    wave[3000:] = 0
    soundfile.write(tmp_path / "clip.wav", wave, RATE)
    return str(tmp_path / "clip.wav")


@pytest.mark.parametrize(
    ("times", "start"),
    [
        ((None, None), 2.0),  # the first one that has all of it
        ((2.3, 2.5), 1.9),  # the middle
        ((0.1, 0.2), 0.0),  # moved into the file
        ((0.0, 1.0), 0.0),
        ((3.7, 4.0), 3.0),
        ((0.0, 2.1), 0.5),  # longer than a window: the loudest one in between
    ],
)
def test_the_window_of_an_example(clip, times, start):
    if times == (3.7, 4.0):
        with pytest.raises(
            InputError, match=r"expected a sound from 3.7 to 4 s of .*clip.wav, found silence"
        ):
            examples.starts([clip], times, SETTINGS)
        return
    found = examples.starts([clip], times, SETTINGS)
    if times == (0.0, 2.1):
        power = {at: np.var(examples.wave(clip, at, SETTINGS)) for at in (0.0, 0.5, 1.0, 1.1)}
        start = max(power, key=power.get)
    assert found == [pytest.approx(start)]
    assert len(examples.wave(clip, found[0], SETTINGS)) == RATE


def test_wrong_examples_are_one_sentence_each(clip, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.ones(500) * [0.1], RATE)
    soundfile.write(tmp_path / "brief.wav", np.random.default_rng(0).normal(0, 0.1, 500), RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(2000), RATE)
    (tmp_path / "text.wav").write_text("no sound")
    for name, times, said in (
        ("brief.wav", (None, None), r"expected a sound of at least crop.window \(1 s\), found 0.50 s in .*brief.wav"),
        ("silent.wav", (None, None), "silent.wav: expected sound, found that every sample is 0"),
        ("text.wav", (None, None), "text.wav: expected an audio file, found that it cannot be decoded"),
        ("gone.wav", (None, None), "gone.wav: expected an audio file, found none"),
        ("text.wav", (0.5, 1.0), "like: .*text.wav: expected an audio file, found that it cannot be decoded"),
        ("gone.wav", (0.5, 1.0), "like: .*gone.wav: expected an audio file, found none"),
        ("clip.wav", (2.0, 1.0), "expected start before end, within the 4.00 s"),
        ("clip.wav", (2.0, 9.0), "expected start before end, within the 4.00 s"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            examples.starts([str(tmp_path / name)], times, SETTINGS)


def test_a_recording_is_not_decoded_whole_for_a_part_of_it(clip, monkeypatch):
    read, frames = soundfile.SoundFile.read, []

    def watched(file, count=-1, *given, **options):
        found = read(file, count, *given, **options)
        frames.append(len(found))
        return found

    monkeypatch.setattr(soundfile.SoundFile, "read", watched)
    assert examples.starts([clip], (2.3, 2.5), SETTINGS) == [pytest.approx(1.9)]
    assert sum(frames) == RATE
    frames.clear()
    examples.starts([clip], (None, None), SETTINGS)
    assert sum(frames) >= 4 * RATE


# ---- What is asked for


def asked(like, **search):
    block = {"kind": "embedding"}
    return {
        "like": like,
        "search": {"features": None, "start": None, "end": None, "label": None, **search},
        "train": ["a", "b"],
        "models": {"a": {"features": "one"}, "b": {"features": "mel"}, "c": {"features": "two"}},
        "features": {"one": block, "two": block, "mel": {"kind": "log_mel"}},
        "queue": {"held_out": None},
    }


def test_examples_are_a_file_or_those_in_a_folder(tmp_path):
    (tmp_path / "birds/in").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name in ("b.wav", "in/a.flac", "note.txt"):
        (tmp_path / "birds" / name).touch()
    assert sought.example_paths(asked(f"{tmp_path}/birds/b.wav")) == [f"{tmp_path}/birds/b.wav"]
    folder = asked(f"{tmp_path}/birds")
    assert sought.example_paths(folder) == [f"{tmp_path}/birds/{name}" for name in ("b.wav", "in/a.flac")]
    assert sought.label(folder) == "birds"
    assert sought.examples(folder) == (sought.example_paths(folder), "birds")
    assert sought.label(asked("x/a.b.wav")) == "a.b"
    named = asked("x/a.wav", start=1.0, end=2.0, label="owl")
    assert (sought.label(named), sought.times(named)) == ("owl", (1.0, 2.0))
    for wrong in (asked("x/fold.wav"), asked("x/a;b.wav"), asked("/"), asked("x/a.wav", label="path")):
        with pytest.raises(InputError, match=r"^search.label: expected a label"):
            sought.label(wrong)
    file, birds = f"{tmp_path}/birds/b.wav", f"{tmp_path}/birds"
    for config, said in (
        (asked(None), "like: .*add --config like=FILE"),
        (
            asked(f"{tmp_path}/gone.wav"),
            "like: expected a sound file, or a folder .*, found none at .*gone.wav",
        ),
        (asked(f"{tmp_path}/empty"), "like: expected a folder of sound files .*, found none in .*empty"),
        (asked(birds, start=1.0, end=2.0), "search: expected no start and end, as like names a folder"),
        (asked(file, start=1.0), "search: expected both start and end, or neither, given 1.0 and None"),
    ):
        with pytest.raises(InputError, match=f"^{said}"):
            sought.example_paths(config)
        # Where nothing is sought, nothing is wrong.
        assert sought.examples(config) is None


def test_the_vectors_are_those_of_the_only_frozen_model_that_is_used_or_of_the_one_that_is_named():
    config = asked("a.wav")
    assert sought.vectors_of(config) == "one"
    sought.check(config, "audio", "search")
    config["train"] = ["a", "b", "c"]
    assert sought.vectors_of(config) is None
    with pytest.raises(InputError, match="expected one of one, two, as several give vectors"):
        sought.check(config, "audio", "search")
    assert sought.vectors_of({**config, "search": {"features": "two"}}) == "two"
    with pytest.raises(InputError, match=r"a model in train is fed \(one, two\), given mel"):
        sought.check({**config, "search": {"features": "mel"}}, "audio", "search")
    with pytest.raises(
        InputError, match=r"^queue: expected a frozen model .* add --configfile recipes/perch.yaml"
    ):
        sought.check({**config, "train": ["b"]}, "audio", "queue")
    with pytest.raises(InputError, match="expected a data set of sound"):
        sought.check(config, "images", "search")


def test_a_table_of_what_was_found_is_none_of_annotations(tmp_path):
    (tmp_path / "search.csv").write_text("path,start,end,label,similarity,rank,example,example_start\n")
    assert annotation_files.is_result(tmp_path / "search.csv")
