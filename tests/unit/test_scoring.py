"""Scores of the windows of new recordings: the same features as those that models are trained on, chunk by chunk, from a cache."""

import os
import resource
import threading

import numpy as np
import pandas as pd
import pytest
import soundfile

from understory.audio import compute, inspect, read
from understory.audio.features import log_mel
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.inference import recording_scores, score, shard_scores, window_scores

RATE = 8000
MEL = {"fmin": 100.0, "fmax": 3900.0, "hop": 256, "n_fft": 512, "n_mels": 8}
FEATURES = {"kind": "log_mel", "normalise": "none", "resize": None, "scale": "power_db", **MEL}
SETTINGS = {
    "combine": "mean",
    "features": FEATURES,
    "folds": 1,
    "hop": 0.5,
    "sample_rate": RATE,
    "window": 2.0,
}


class Model:
    """Something that is called as a Keras model is: two scores, of which rows of a batch know nothing of each other."""

    def __init__(self, scale=0.01):
        self.scale = scale

    def __call__(self, batch, training):
        import tensorflow as tf

        mean = tf.reduce_mean(batch, axis=(1, 2, 3))
        return tf.sigmoid(tf.stack([mean * self.scale, -mean * self.scale], axis=1))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Four windows a batch, eight a chunk."""
    monkeypatch.setattr(score, "BATCH", 4)
    monkeypatch.setattr(recording_scores, "CHUNK", 4)


def sound(path, seconds=13.3, rate=RATE, channels=1, seed=0, **options):
    rng = np.random.default_rng(seed)
    wave = (
        rng.normal(0, 0.1, (round(seconds * rate), channels))
        * np.linspace(0.1, 1, round(seconds * rate))[:, None]
    )
    soundfile.write(path, wave, rate, **options)
    return path


def naive(path, settings=SETTINGS):
    """The features of every window, as the workflow writes them for test recordings."""
    rate, samples = settings["sample_rate"], round(settings["window"] * settings["sample_rate"])
    starts = read.sliding_starts(
        duration=read.length(path, rate), samples=samples, hop=round(settings["hop"] * rate)
    )
    waves = (
        read.to_float(read.to_int16(read.read_window(path, start=start, samples=samples, sample_rate=rate)))
        for start in starts
    )
    options = {key: value for key, value in settings["features"].items() if key != "kind"}
    stream, _ = compute.compute(
        (waves, pd.DataFrame(index=range(len(starts))), samples), log_mel, options, {"crop": settings}
    )
    return np.array(starts) / rate, np.stack([each.astype(np.float16) for each in stream.items])


FORMATS = {
    "short.wav": {"seconds": 0.7},
    "one.wav": {"seconds": 2.0},
    "8 bits.wav": {"subtype": "PCM_U8"},
    "24 bits.wav": {"subtype": "PCM_24", "channels": 2},
    "float.wav": {"subtype": "FLOAT", "rate": 16_000},
    "Käuz\n44.flac": {"rate": 44_100, "channels": 2},
    "11.ogg": {"rate": 11_025},
}


@pytest.mark.parametrize("name", FORMATS)
def test_windows_are_scored_by_the_features_that_models_are_trained_on(tmp_path, name, monkeypatch):
    path = sound(tmp_path / name, **FORMATS[name])
    # Blocks of some windows: each window lies in one of them.
    monkeypatch.setattr(read, "BLOCK", 50_000)
    starts, features = naive(path)
    found, scores = recording_scores.score_recording(path, [Model(), Model(0.02)], SETTINGS)
    assert found.tolist() == starts.tolist()
    assert scores.dtype == np.float32
    means = features.astype(np.float64).mean(axis=(1, 2))
    for column, sign in ((0, 1), (1, -1)):
        expected = [1 / (1 + np.exp(-sign * means * scale)) for scale in (0.01, 0.02)]
        assert scores[:, column] == pytest.approx(np.mean(expected, axis=0), abs=1e-6)


def test_what_models_are_fed_is_exactly_what_is_on_disk(tmp_path):
    path, fed = sound(tmp_path / "a.flac", rate=22_050), []

    class Spy(Model):
        def __call__(self, batch, training):
            import tensorflow as tf

            def keep(values):
                fed.append(values.copy())
                return values

            return super().__call__(tf.numpy_function(keep, [batch], tf.float32), training)

    recording_scores.score_recording(path, [Spy()], SETTINGS)
    _, features = naive(path)
    rows = np.concatenate(fed)[..., 0]
    # The last batch is filled up with zeros.
    assert not rows[len(features) :].any()
    assert (rows[: len(features)] == features.astype(np.float32)).all()


def test_features_are_computed_once_for_all_models_that_are_fed_them(tmp_path, monkeypatch):
    path, calls = sound(tmp_path / "a.wav"), []
    original = log_mel.compute
    monkeypatch.setattr(
        log_mel, "compute", lambda wave, **given: calls.append(given["n_mels"]) or original(wave, **given)
    )
    other = {**FEATURES, "n_mels": 4}
    settings = {**SETTINGS, "features": [FEATURES, other, FEATURES]}
    starts, _ = recording_scores.score_recording(path, [Model(), Model(0.3), Model(0.02)], settings)
    assert len(calls) == 2 * len(starts)
    assert calls.count(FEATURES["n_mels"]) == calls.count(4)


MODELS = [Model(), Model(0.3)]


def fill(path, cache, threads=2, models=MODELS, check=lambda: None, **options):
    return recording_scores.fill(path, models, SETTINGS, cache, check=check, threads=threads, **options)


def test_chunks_are_scored_at_once_in_several_threads_and_have_the_same_scores(tmp_path):
    path, meeting, threads = sound(tmp_path / "a.wav"), threading.Barrier(2, timeout=60), []
    expected = [scores for _, scores in recording_scores.chunks(path, MODELS, SETTINGS)]
    assert len(expected) == 3

    def of_windows(*given):
        threads.append(threading.get_ident())
        # Broken where the first two are not computed at once.
        if len(threads) < 3:
            meeting.wait()
        return score.of_windows(*given)

    cache = recording_scores.Cache(tmp_path / "cache", "abcd")
    assert fill(path, cache, compute=of_windows) == sum(map(len, expected))
    assert len(threads) == 3
    assert threading.get_ident() not in threads
    assert [cache.read(number).tobytes() for number in range(3)] == [each.tobytes() for each in expected]
    assert fill(path, cache, check=None, compute=None, models=None) == sum(map(len, expected))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seconds", [3, 13.3])
def test_the_first_chunk_is_kept_after_the_check_alone(tmp_path, threads, seconds):
    path, cache = sound(tmp_path / "a.wav", seconds), recording_scores.Cache(tmp_path / "cache", "abcd")
    others = threading.Event()

    def check():
        # The first chunk is scored beside it, where there is a thread for that.
        assert threads == 1 or others.wait(60)
        assert cache.read(0) is None
        raise InputError("expected sound, found none")

    def compute(waves, windows, models, settings):
        found = score.of_windows(waves, windows, models, settings)
        others.set()
        return found

    with pytest.raises(InputError, match="expected sound, found none"):
        fill(path, cache, threads, check=check, compute=compute)
    assert cache.read(0) is None
    assert fill(path, cache, threads) == (24 if seconds > 3 else 3)
    assert cache.read(0) is not None


def test_a_job_that_is_stopped_in_a_later_chunk_has_kept_what_says_that_the_recording_was_checked(tmp_path):
    path, cache = sound(tmp_path / "a.wav", 60), recording_scores.Cache(tmp_path / "cache", "abcd")
    checks, count = [], []

    def compute(waves, windows, models, settings):
        count.append(windows)
        if len(count) == 6:
            raise KeyboardInterrupt
        return score.of_windows(waves, windows, models, settings)

    with pytest.raises(KeyboardInterrupt):
        fill(path, cache, check=lambda: checks.append(1), compute=compute)
    fill(path, cache, check=lambda: checks.append(1))
    assert checks == [1]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_header_without_a_length_is_one_bad_recording(tmp_path, threads):
    """As encoders leave it that write into a pipe: the length of the samples in the header of a FLAC file is 0."""
    path = sound(tmp_path / "a.flac", 60)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(InputError):
        fill(
            path, recording_scores.Cache(tmp_path, "abcd"), threads, check=lambda: inspect.inspect_file(path)
        )


@pytest.mark.parametrize("threads", [1, 2])
def test_the_check_says_what_is_wrong_with_a_file_that_cannot_be_opened(tmp_path, threads):
    path = tmp_path / "a.wav"
    path.write_bytes(b"nothing")

    def check():
        raise InputError("expected an audio file")

    with pytest.raises(InputError, match=r"^expected an audio file$"):
        fill(path, recording_scores.Cache(tmp_path, "abcd"), threads, check=check)


def test_what_a_thread_cannot_read_is_said_and_ends_the_others(tmp_path):
    path, windows = tmp_path / "a.wav", []
    soundfile.write(path, np.r_[np.full(RATE * 13, np.nan), np.zeros(400 * RATE)], RATE, subtype="FLOAT")

    def compute(waves, count, models, settings):
        windows.append(count)
        return score.of_windows(waves, count, models, settings)

    before = threading.active_count()
    with pytest.raises(InputError, match="expected finite samples"):
        fill(path, recording_scores.Cache(tmp_path, "abcd"), compute=compute)
    assert threading.active_count() == before
    assert len(windows) < 100


def test_the_mean_of_models_is_that_of_the_ensemble():
    from understory.evaluation import ensemble

    members = list(np.random.default_rng(0).random((3, 50, 4)).astype(np.float32))
    members[0][0] = 0
    for method in ("mean", "geometric"):
        expected = ensemble.combine(members, method=method)
        assert score.combined(members, method, 1) == pytest.approx(expected, abs=1e-7)


def test_scores_are_the_median_over_folds_of_the_mean_over_a_folds_models():
    """Of three folds, two kinds of models: fold 0 has 0.2 and 0.4, fold 1 has 0.9 and 0.5, fold 2 has 0.6 and 0.4."""
    members = [np.full((1, 1), each, np.float32) for each in (0.2, 0.9, 0.6, 0.4, 0.5, 0.4)]
    assert score.combined(members, "mean", 3).item() == pytest.approx(0.5)
    assert score.combined(members, "geometric", 3).item() == pytest.approx(np.sqrt(0.6 * 0.4))
    # Weights are of kinds of models: with three quarters of the first, folds have 0.25, 0.8 and 0.55.
    assert score.combined(members, "mean", 3, [0.75, 0.25]).item() == pytest.approx(0.55)
    weighted = np.sqrt(np.sqrt(0.6**3 * 0.4))
    assert score.combined(members, "geometric", 3, [0.75, 0.25]).item() == pytest.approx(weighted)
    # Of an even number, between those in the middle; of two folds, that is their mean.
    assert score.combined(members[:4], "mean", 4).item() == pytest.approx(0.5)
    assert score.combined(members[:2], "mean", 2).item() == pytest.approx(0.55)


def test_a_threshold_is_reached_where_most_folds_reach_it():
    folds = list(np.random.default_rng(0).random((5, 200, 3)).astype(np.float32))
    reached = score.combined(folds, "mean", 5) >= 0.7
    assert (reached == (np.sum([each >= 0.7 for each in folds], axis=0) >= 3)).all()
    assert reached.any()


def test_a_recording_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    path = sound(tmp_path / "a.wav", seconds=17)
    starts, scores = recording_scores.score_recording(path, [Model()], SETTINGS)
    assert len(starts) == 31
    asked, original = [], recording_scores._scores

    def interrupted(path, part, *others):
        asked.append(part[0] / RATE)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return original(path, part, *others)

    monkeypatch.setattr(recording_scores, "_scores", interrupted)
    cache = recording_scores.Cache(tmp_path / "cache", "abcd")
    with pytest.raises(KeyboardInterrupt):
        recording_scores.score_recording(path, [Model()], SETTINGS, cache)
    assert asked == [0, 4, 8]
    _, again = recording_scores.score_recording(path, [Model()], SETTINGS, cache)
    # The chunk that was interrupted, and the one after it.
    assert asked[3:] == [8, 12]
    assert again.tobytes() == scores.tobytes()
    recording_scores.score_recording(path, [Model()], SETTINGS, cache)
    assert len(asked) == 5
    # One that a full disk cut short, and one that is of another recording.
    kept = sorted((tmp_path / "cache").rglob("*-*.npy"))
    assert len(kept) == 4
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    np.save(kept[1], scores[:3])
    assert recording_scores.score_recording(path, [Model()], SETTINGS, cache)[1].tobytes() == scores.tobytes()
    assert asked[5:] == [0, 4]


def test_no_more_than_a_block_is_decoded_at_a_time(tmp_path, monkeypatch):
    path, most = sound(tmp_path / "a.wav", seconds=60, channels=2), []
    original = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, n, **more: most.append(n) or original(self, n, **more)
    )
    monkeypatch.setattr(read, "BLOCK", 80_000)
    starts = range(0, 58 * RATE, RATE)
    windows = list(read.read_windows(path, starts, samples=2 * RATE, sample_rate=RATE))
    assert max(most) == 40_000
    # Four new windows a block, which one window at a time would decode twice.
    assert sum(most) < 1.3 * 60 * RATE
    assert len(windows) == 58


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
def test_windows_of_a_block_are_those_that_are_read_alone(tmp_path, monkeypatch, name):
    """To the last bit, where they are resampled as well."""
    path = sound(tmp_path / name, seconds=21, rate=22_050, channels=2)
    monkeypatch.setattr(read, "BLOCK", 200_000)
    starts = [*range(0, 19 * RATE, RATE + 3), 19 * RATE]
    windows = read.read_windows(path, starts, samples=2 * RATE, sample_rate=RATE)
    for start, window in zip(starts, windows, strict=True):
        alone = read.read_window(path, start=start, samples=2 * RATE, sample_rate=RATE)
        assert window.tobytes() == alone.tobytes()


def scorer(tmp_path, key="k", model=None, contents=None):
    contents = contents or FileDigests(tmp_path / "contents")
    return shard_scores.Scorer([model or Model()], SETTINGS, tmp_path / "cache", key, contents)


def scored(tmp_path, folder, names, **changes):
    """The scores of a shard as bytes, and what failed."""
    writer = window_scores.Writer(tmp_path / "scores.parquet", ["owl", "frog"])
    failed = shard_scores.write(scorer(tmp_path, **changes), folder, names, writer, silent=[1])
    writer.close()
    return (tmp_path / "scores.parquet").read_bytes(), failed


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "new"
    (place / "ö").mkdir(parents=True)
    for number, name in enumerate(("a.wav", "ö/b.wav", "c.flac")):
        sound(place / name, seconds=3 + number, seed=number)
    return place


NAMES = ["c.flac", "a.wav", "ö/b.wav"]


def test_a_bad_file_costs_one_file(tmp_path, folder):
    good, failed = scored(tmp_path, folder, NAMES)
    assert failed == []
    (folder / "damaged.flac").write_bytes((folder / "c.flac").read_bytes()[:-2000])
    (folder / "empty.wav").touch()
    soundfile.write(folder / "none.wav", np.zeros(0), RATE)
    (folder / "text.mp3").write_text("no sound")
    bad = ["damaged.flac", "empty.wav", "gone.wav", "none.wav", "text.mp3"]
    again, failed = scored(tmp_path, folder, [*bad, *NAMES])
    assert [name for name, _ in failed] == bad
    assert all(reason.startswith("expected ") and str(folder) not in reason for _, reason in failed)
    assert again == good


def test_a_file_that_is_added_is_the_only_one_that_is_scored(tmp_path, folder, monkeypatch):
    first, _ = scored(tmp_path, folder, NAMES)
    asked, original = [], recording_scores._scores
    monkeypatch.setattr(
        recording_scores, "_scores", lambda path, *others: asked.append(path.name) or original(path, *others)
    )
    # In whatever order a disk lists its files.
    assert scored(tmp_path, folder, NAMES[::-1])[0] == first
    assert asked == []
    sound(folder / "b.wav", seconds=5, seed=9)
    second, _ = scored(tmp_path, folder, ["b.wav", *NAMES])
    assert set(asked) == {"b.wav"}
    assert second != first
    # Another name, the same sound.
    asked.clear()
    (folder / "b.wav").rename(folder / "d.wav")
    scored(tmp_path, folder, ["d.wav", *NAMES])
    assert asked == []
    # The same name, another sound; and other models or settings.
    sound(folder / "d.wav", seconds=5, seed=10)
    scored(tmp_path, folder, ["d.wav", *NAMES])
    assert set(asked) == {"d.wav"}
    asked.clear()
    scored(tmp_path, folder, NAMES, key="other")
    assert set(asked) == {"a.wav", "b.wav", "c.flac"}


def test_what_was_never_learned_has_no_score_and_windows_end_with_the_recording(tmp_path, folder):
    sound(folder / "short.wav", seconds=1.25)
    scored(tmp_path, folder, ["a.wav", "short.wav"])
    long, short = window_scores.read([tmp_path / "scores.parquet"])
    assert not long.scores[:, 1].any()
    assert long.scores[:, 0].all()
    assert long.stops.tolist() == [2.0, 2.5, 3.0]
    assert (short.starts.tolist(), short.stops.tolist()) == ([0.0], [1.25])


def test_more_shards_than_files_may_be_open_are_read(tmp_path):
    paths = [tmp_path / f"new-{number}.parquet" for number in range(40)]
    for number, path in enumerate(paths):
        writer = window_scores.Writer(path, ["owl"])
        writer.add(f"{number:02}.wav", np.zeros(1), np.ones(1), np.full((1, 1), number, np.float32))
        writer.close()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, before[1]))
    try:
        assert [each.scores[0, 0] for each in window_scores.read(paths)] == list(range(40))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
