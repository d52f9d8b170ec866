"""What jobs ask of a scheduler follows the size of their shards, and shards of a useless size are told of."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from snakemake.iocontainers import Wildcards
from snakemake.utils import update_config
from workflow import ROOT

from understory.core import usage
from understory.core.file_digests import FileDigests
from understory.data.dataset import Annotation, Dataset, Recording
from understory.inference.new_recordings import NewRecordings
from understory.plan import choice_options, data_counts, dataset_state, job_costs, job_resources
from understory.plan.checks import disk_space
from understory.plan.config import complete
from understory.plan.data_counts import Counts, Part
from understory.plan.job_settings import Medium
from understory.training import architectures

SHARD = Wildcards(fromdict={"shard": "train-0", "variant": "1", "features": "log_mel"})
TESTED = SimpleNamespace(shard="test-0", variant="0", features="log_mel")
FOLD = SimpleNamespace(model="sed_cnn", fold="0")


def configured(recipe=None, **changes):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    # Those that costs were measured with.
    config["crop"] |= {"window": 10, "hop": 5}
    if recipe:
        given = yaml.safe_load((ROOT / "recipes" / f"{recipe}.yaml").read_text())
        update_config(config, given)
    return complete({**config, **changes})


def divided(config, counts):
    """The configuration with the numbers of shards that are left to the run."""
    shards = {
        subset: dataset_state.divided(recordings).shards
        if config["shards"][subset] == "auto"
        else config["shards"][subset]
        for subset, recordings in (("train", counts.train), ("test", counts.test))
    }
    return {**config, "shards": shards}


SOME = Counts(1000, 100, 1500)
NOTHING = Path("no results yet")


def sizes(train=6, counts=SOME, out=NOTHING, **changes):
    return job_resources.Sizes(
        configured(data="folder", shards={"train": train, "test": 2}, **changes), counts, out
    )


def test_time_follows_the_shard_and_memory_does_not():
    """Items are written one at a time."""
    few, many = sizes(train=1), sizes(train=100)
    for rule in ("crop_windows", "augment_windows", "compute_features"):
        assert few.seconds(rule, SHARD) == pytest.approx(100 * many.seconds(rule, SHARD))
        assert few.mem_mb(SHARD, 1, rule) == many.mem_mb(SHARD, 1, rule) == job_costs.BASE
        assert [few.mem_mb(SHARD, n, rule) for n in (2, 3)] == [2 * job_costs.BASE, 4 * job_costs.BASE]
    assert few.runtime(SHARD, 1, "augment_windows") > many.runtime(SHARD, 1, "augment_windows")
    assert few.runtime(SHARD, 2, "augment_windows") == 2 * few.runtime(SHARD, 1, "augment_windows")


def test_once_inspected_test_recordings_are_as_long_as_they_are(tmp_path):
    """A hundred recordings of four hours in two shards, which no plan knows of before inspection."""
    found = sizes(counts=Counts(10, 100, 50), out=tmp_path)
    before = found.seconds("compute_features", TESTED)
    (tmp_path / "recordings").mkdir()
    rows = [f"r{number},{4 * 3600 * 48_000},48000" for number in range(50)]
    for shard in ("test-0", "test-1"):
        (tmp_path / f"recordings/{shard}.csv").write_text(
            "\n".join(["recording_id,frames,sample_rate", *rows])
        )
    # Windows of 10 s every 5 s.
    windows = 50 * (1 + (4 * 3600 - 10) // 5)
    cost = job_costs.COSTS_OF_MEDIUM["audio"]["compute_features"].seconds
    assert found.seconds("compute_features", TESTED) == pytest.approx(windows * cost)
    assert windows * cost > 100 * before
    assert found.seconds("predict_fold", FOLD) == pytest.approx(
        2 * windows * job_costs.COSTS["predict_fold"].seconds
    )
    (tmp_path / "recordings/test-0.csv").write_text("recording_id,frames,sample_rate\na,1")
    assert found.seconds("compute_features", TESTED) == before


def test_inspection_takes_as_long_as_there_is_to_decode():
    small = sizes(counts=Counts(10, 100, 50))
    large = sizes(counts=Counts(10, 100, 50, train_bytes=0, test_bytes=100 * 10**9))
    assert small.seconds("inspect_recordings", TESTED) == pytest.approx(50 * 0.01)
    assert large.seconds("inspect_recordings", TESTED) > 1000
    assert large.seconds("inspect_recordings", SHARD) == small.seconds("inspect_recordings", SHARD)


def test_synthesis_asks_for_as_much_as_its_recordings_are_long():
    """For each of its processes, of which there are as many as a node has processors."""
    counts = data_counts.planned(configured())
    config = divided(configured(synthetic={"train_duration": 60, "test_duration": 1800}), counts)
    found = job_resources.Sizes(config, counts, NOTHING)
    one, two = (found.mem_mb(Wildcards(), 1, "download_data", threads=number) for number in (1, 2))
    # Seen: 3.7 GB.
    assert 3700 < two - one < 6000
    short = job_resources.Sizes(divided(configured(), counts), counts, NOTHING)
    assert short.mem_mb(Wildcards(), 1, "download_data", threads=8) < 1500
    assert found.seconds("download_data", Wildcards()) > 10 * short.seconds("download_data", Wildcards())


def test_windows_cost_what_their_samples_do():
    long, short = sizes(), sizes(crop={"window": 4, "sample_rate": 40_000})
    for rule in ("crop_windows", "augment_windows", "compute_features"):
        assert short.seconds(rule, SHARD) == pytest.approx(long.seconds(rule, SHARD) / 3)
    for rule in ("train_fold", "validate_fold"):
        assert short.seconds(rule, FOLD) == pytest.approx(long.seconds(rule, FOLD) / 3)


def test_a_shard_with_the_long_recordings_asks_for_more_than_the_others():
    """As the tables and the sizes of files tell, where they are there."""
    parts = {"test-0": Part(10, 100_000, 10**10, 10**9, 2e5), "test-1": Part(90, 900, 10**8, 10**6, 2e3)}
    found = sizes(counts=Counts(0, 100, 0, 0, 10**10 + 10**8, parts))
    for rule in ("inspect_recordings", "compute_features"):
        long, short = (found.seconds(rule, SimpleNamespace(shard=shard, variant="0")) for shard in parts)
        assert long > 20 * short
    windows = 100_900 * job_costs.COSTS["predict_fold"].seconds
    assert found.seconds("predict_fold", FOLD) == pytest.approx(windows)


def test_how_much_there_is_of_a_shard_is_told_by_the_sizes_of_its_files():
    """Of sound, test windows every 5 s and annotated events; together as much as `examples` counts."""
    config = configured(data="folder", crop={"window": 10, "hop": 5, "background": 2, "long_events": "cover"})
    tests = tuple(Recording(f"t{number}", f"t{number}.wav", "test") for number in range(5))
    training = tuple(Recording(f"r{number}", f"r{number}.flac", "train") for number in range(5))
    events = tuple(Annotation(r.recording_id, "s0", "present") for r in training)
    tables = Dataset(("s0",), (*tests, *training), events, False, background=frozenset({"r3"}))
    held = {r.recording_id: 96_000 * 60 for r in tests} | {r.recording_id: 48_000 * 35 for r in training}
    found = [data_counts.part(config, tables, f"test-{n}", 2, held, sound=True) for n in range(2)]
    assert sum(part.recordings for part in found) == 5
    # A minute of windows of 10 s at every 5 s.
    assert sum(part.examples for part in found) == 5 * 11
    assert sum(part.bytes for part in found) == 5 * 96_000 * 60
    assert {part.largest for part in found} == {96_000 * 60}
    assert sum(part.seconds for part in found) == 5 * 60
    found = [data_counts.part(config, tables, f"train-{n}", 3, held, sound=True) for n in range(3)]
    assert sum(part.examples for part in found) == data_counts.examples(config, tables, 35) == 5 * 4 + 2
    assert data_counts.part(config, tables, "train-0", 1, held, sound=False).examples == 5


def test_a_shard_with_large_photographs_asks_for_memory():
    parts = {"train-0": Part(10, 10, 10**8, 3 * 10**7), "train-1": Part(10, 10, 10**6, 10**5)}
    config = divided(configured("herbarium2021", data="folder"), Counts(20, 0, 20))
    found = job_resources.Sizes(config, Counts(20, 0, 20, 0, 0, parts), NOTHING)
    large, small = (found.mem_mb(SimpleNamespace(shard=shard), 1, "crop_windows") for shard in parts)
    # 30 MB of a JPEG file are some 300 million pixels of three bytes, of which there is a copy.
    assert 1500 < large - small < 2000
    shards = [SimpleNamespace(shard=shard) for shard in parts]
    assert found.seconds("inspect_recordings", shards[0]) > found.seconds("inspect_recordings", shards[1]) + 2


def attempt(out, number, last=None):
    """MB and minutes of an attempt of `crop_windows`, after a record of the one before."""
    found = sizes(out=out)
    path = usage.place(out, "crop_windows", SHARD)
    path.unlink(missing_ok=True)
    if last:
        path.parent.mkdir(parents=True, exist_ok=True)
        base = {"rule": "crop_windows", "wildcards": dict(SHARD.items()), "threads": 1, "started": 0}
        path.write_text(json.dumps(base | last))
    return tuple(ask(SHARD, number, "sound_crop_windows") for ask in (found.mem_mb, found.runtime))


def test_a_further_attempt_asks_for_more_of_what_was_lacking(tmp_path):
    memory, minutes = attempt(tmp_path, 1)
    asked = {"mem_mb": memory, "runtime": minutes, "seconds": 30, "peak_mb": 0.9 * memory}
    # Killed early: for its memory, which it may have gone far beyond.
    assert attempt(tmp_path, 2, asked) == (2 * memory, minutes)
    assert attempt(tmp_path, 2, asked | {"peak_mb": 5 * memory}) == (10 * memory, minutes)
    more = {"mem_mb": 2 * memory, "peak_mb": 1.9 * memory}
    assert attempt(tmp_path, 3, asked | more) == (4 * memory, minutes)
    # At the end of its time.
    late = asked | {"seconds": 60 * minutes - 8, "peak_mb": 0.2 * memory}
    assert attempt(tmp_path, 2, late) == (memory, 2 * minutes)
    assert attempt(tmp_path, 2, late | {"peak_mb": memory}) == (round(1.5 * memory), 2 * minutes)
    # Early and far below its memory: by what, its record does not say.
    assert attempt(tmp_path, 2, asked | {"peak_mb": 0.2 * memory}) == (2 * memory, 2 * minutes)
    # With an error of its own.
    assert attempt(tmp_path, 2, asked | {"state": "failed"}) == (memory, minutes)
    # It ended well, of a group that did not: it may have taken the time of the others.
    ended = asked | {"state": "finished", "seconds": 120 * minutes, "peak_mb": 1.2 * memory}
    assert attempt(tmp_path, 2, ended) == (round(1.2 * memory), 3 * minutes)
    # The record of a node that knows of less than the run did.
    assert attempt(tmp_path, 2, late | {"runtime": 1, "mem_mb": 100}) == (memory, 2 * minutes)
    # Without a word.
    assert attempt(tmp_path, 2) == (2 * memory, 2 * minutes)
    assert attempt(tmp_path, 3, asked | {"mem_mb": None}) == (4 * memory, 4 * minutes)


def test_the_record_of_an_earlier_run_is_deleted_before_a_job_starts(tmp_path):
    found = sizes(out=tmp_path)
    for number, left in ((2, True), (1, False)):
        attempt(tmp_path, 2, {"mem_mb": 1, "runtime": 1})
        job = {"rule": SimpleNamespace(name="sound_crop_windows"), "wildcards": SHARD}
        log = {"log": [f"{tmp_path}/logs/crop_windows/train-0.log"]}
        found.forget(SimpleNamespace(attempt=number, **job, **log))
        assert usage.place(tmp_path, "crop_windows", SHARD).exists() == left
    found.forget(SimpleNamespace(attempt=1, **job, **log))
    # That of the same rule of another workflow, which takes this one as a module too.
    attempt(tmp_path, 2, {"mem_mb": 1, "runtime": 1})
    found.forget(SimpleNamespace(attempt=1, **job, log=["others/logs/crop_windows/train-0.log"]))
    found.forget(SimpleNamespace(attempt=1, **job, log=[]))
    assert usage.place(tmp_path, "crop_windows", SHARD).exists()


def test_a_training_asks_for_time_by_its_epochs_and_copies():
    one = sizes().seconds("train_fold", FOLD)
    config = configured(data="folder", shards={"train": 6, "test": 2})
    config["models"]["sed_cnn"] |= {"epochs": 21, "copies": 0}
    other = job_resources.Sizes(config, Counts(1000, 100, 1500), NOTHING).seconds("train_fold", FOLD)
    assert other == pytest.approx(one * 3 / 2)


def trained(architecture="sed_cnn", **changes):
    """MB that a training of the demo asks for."""
    config = configured(data="folder", shards={"train": 6, "test": 2})
    config["models"]["sed_cnn"] |= {"architecture": architecture, "options": {}} | changes
    return job_resources.Sizes(config, SOME, NOTHING).mem_mb(FOLD, 1, "train_fold")


def test_a_training_asks_for_memory_by_its_network_and_batch():
    """What the layers keep of a batch."""
    small, large = trained(batch_size=16), trained(batch_size=64)
    values = math.prod(Medium("audio", configured()).shape("log_mel"))
    assert large - small == pytest.approx(48 * values * job_costs.OF_BATCH["sed_cnn"] / 1e6, abs=1)
    assert small - trained(batch_size=1) > 0
    wide = trained(batch_size=64, options={"filters": [32, 64, 96]})
    assert wide - trained(batch_size=1) > 1.9 * (large - trained(batch_size=1))
    assert trained("resnet50", batch_size=16) > trained("residual_cnn", batch_size=16) > small
    assert trained("linear", batch_size=2) - trained("linear", batch_size=1) == pytest.approx(
        values * job_costs.OF_ANY_BATCH / 1e6, abs=1
    )


@pytest.mark.parametrize("signature", ["filters: Count = 16", "filters: Filters"])
def test_an_architecture_of_ones_own_asks_for_memory_whatever_its_options_are(
    tmp_path, monkeypatch, signature
):
    code = f"from understory.core.options import Count, Filters\n\n\ndef build(shape, classes, *, {signature}): ..."
    (tmp_path / "crnn.py").write_text(code)
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    choice_options._modules.cache_clear()
    given = {"filters": 16 if "Count" in signature else [8, 16]}
    asked = trained("crnn", batch_size=2, options=given) - trained("crnn", batch_size=1, options=given)
    choice_options._modules.cache_clear()
    values = math.prod(Medium("audio", configured()).shape("log_mel"))
    assert asked == pytest.approx(values * job_costs.OF_ANY_BATCH / 1e6, abs=1)


def test_costs_are_of_architectures_that_are_there():
    assert set(job_costs.OF_BATCH) <= set(choice_options.names("architecture"))


def test_a_validation_works_on_the_examples_of_one_fold():
    """Of the fold alone, once, and without its copies."""
    training, validation = (sizes().seconds(rule, FOLD) for rule in ("train_fold", "validate_fold"))
    config = configured()
    examples = math.ceil(SOME.examples / config["split"]["n_splits"])
    assert validation == pytest.approx(examples * job_costs.COSTS["validate_fold"].seconds)
    assert validation < training / 3
    assert sizes().mem_mb(FOLD, 1, "validate_fold") > job_costs.TENSORFLOW


def test_of_what_is_still_to_be_fetched_much_is_asked_and_nothing_said():
    config = configured(data="https://example.org/a.zip", dataset="esc50", subset="all")
    counts = data_counts.planned(config)
    shards = dict.fromkeys(("train", "test"), dataset_state.divided(None).shards)
    found = job_resources.Sizes({**config, "shards": shards}, counts, NOTHING)
    assert counts == data_counts.UNKNOWN
    assert found.runtime(SimpleNamespace(), 1, "download_data") == job_costs.FETCH
    assert found.runtime(SHARD, 1, "augment_windows") > 5
    assert found.remarks(jobs=300) == []


@pytest.mark.parametrize("recipe", [None, "esc50", "birdclef2021", "herbarium2021", "rsna_miccai"])
def test_the_recipes_as_they_stand_are_of_a_useful_size(recipe):
    config = configured(recipe, data="synthetic")
    counts = data_counts.planned(config)
    config = divided(config, counts)
    assert job_resources.Sizes(config, counts, NOTHING).remarks(jobs=300) == []


def test_the_recipe_for_rfcx_is_of_a_useful_size_for_its_4727_and_1992_recordings():
    counts = Counts(4727, 1992, 8997)
    config = divided(configured("rfcx", data="folder"), counts)
    assert job_resources.Sizes(config, counts, NOTHING).remarks(jobs=300) == []


def test_shards_that_are_too_big_or_too_many_are_told_of():
    (big,) = sizes(train=1, counts=Counts(120_000, 0, 120_000)).remarks(jobs=300)
    assert big == (
        "shards.train: 1 parts of 120000 recordings make jobs of about 1.2 hours (augment_windows); "
        "with 14 of them, jobs would take minutes"
    )
    (small,) = sizes(train=1000, counts=Counts(1000, 0, 1500)).remarks(jobs=300)
    assert small == (
        "shards.train: 1000 parts of 1000 recordings make jobs of about 70 ms (augment_windows), "
        "less than their start takes; 1 would do"
    )
    (many,) = sizes(train=4000, counts=Counts(1_000_000, 0, 1_000_000)).remarks(jobs=20_010)
    assert many.startswith("shards: they make 20010 jobs of this run; beyond 10000")


def test_a_long_event_counts_for_as_many_windows_as_cover_it():
    config = configured(data="folder", shards={"train": 1, "test": 0})
    boxes = [(0.0, 1.0), (0.0, 25.0), (30.0, math.inf)]
    events = tuple(Annotation("a", "s0", "present", *box) for box in boxes)
    tables = Dataset(("s0",), (Recording("a", "a.wav", "train"),), events, False)
    assert data_counts.examples(config, tables, 60) == 3
    config["crop"]["long_events"] = "cover"
    assert data_counts.examples(config, tables, 60) == 1 + 3 + 3
    assert data_counts.examples(config, tables, 20) == 1 + 3 + 1
    window, spectrogram = 480_000 * 2, 128 * 938 * 2
    assert disk_space.needed(config, tables, None) == 5 * 2 * (window + spectrogram)


def test_what_sound_needs_of_the_disk():
    config = configured(data="folder", shards={"train": 1, "test": 0})
    events = [Annotation("a", "s0", "present", float(start), start + 1.0) for start in range(3)]
    tables = Dataset(
        ("s0",), (Recording("a", "a.wav", "train"),), (*events, Annotation("a", "s0", "absent")), False
    )
    # Windows of 10 s at 48 kHz of int16, and spectrograms of 128 by 938 of float16, as recorded and in one copy.
    window, spectrogram = 480_000 * 2, 128 * 938 * 2
    assert disk_space.needed(config, tables, None) == 4 * 2 * (window + spectrogram)
    config["augment"]["copies"] = 3
    assert disk_space.needed(config, tables, None) == 4 * 4 * (window + spectrogram)
    config["augment"]["keep_copies"] = False
    assert disk_space.needed(config, tables, None) == 4 * (window + 4 * spectrogram)
    # Windows that are cut for copies, of one number of a copy at a time.
    config["augment"]["random_crop"] = True
    assert disk_space.needed(config, tables, None) == 4 * (2 * window + 4 * spectrogram)
    config["augment"]["random_crop"] = False
    config["crop"]["absent"] = False
    config["features"]["log_mel"] = {"kind": "fft_frames", "frames": 100}
    assert disk_space.needed(config, tables, None) == 3 * (window + 4 * 240_000 * 2)
    # Copies that two kinds of features read are written, one number of a copy at a time.
    config["features"]["other"] = {"kind": "fft_frames", "frames": 100}
    config["models"]["other"] = {**config["models"]["sed_cnn"], "features": "other"}
    config["train"] = [*config["train"], "other"]
    assert disk_space.needed(config, tables, None) == 3 * (2 * window + 2 * 4 * 240_000 * 2)


def test_copies_that_are_not_written_take_their_time_with_the_features():
    config, costs = configured(data="folder"), job_costs.COSTS_OF_MEDIUM["audio"]
    config, copy = divided(config, SOME), SimpleNamespace(shard="train-0", variant="1")
    before = job_resources.Sizes(config, SOME, NOTHING).seconds("compute_features", copy)
    config["augment"]["keep_copies"] = False
    found = job_resources.Sizes(config, SOME, NOTHING)
    more = costs["augment_windows"].seconds / costs["compute_features"].seconds
    assert found.seconds("compute_features", copy) == pytest.approx(before * (1 + more))
    plain = SimpleNamespace(shard="train-0", variant="0")
    assert found.seconds("compute_features", plain) == pytest.approx(before)


def test_a_rule_asks_for_as_much_under_a_prefix():
    for rule in ("train_fold", "predict_fold", "crop_windows", "ensemble_folds"):
        where = FOLD if rule.endswith("fold") else SHARD
        for ask in (sizes().mem_mb, sizes().runtime):
            assert ask(where, 1, f"understory_{rule}") == ask(where, 1, rule)


def test_new_recordings_are_as_long_as_their_files_are_large(tmp_path):
    for number in range(4):
        with open(tmp_path / f"{number}.wav", "wb") as file:
            file.truncate(3600 * 96_000 * (1 + number % 2))
    names = [path.name for path in tmp_path.iterdir()]
    new = NewRecordings(tmp_path, names, FileDigests(tmp_path / "index"), 2)
    config = configured(recordings=str(tmp_path), detect={"hop": 2}, data="folder")
    found = job_resources.Sizes(config, SOME, NOTHING, new)
    each = [SimpleNamespace(shard=shard) for shard in new.shards]
    seconds = [found.seconds("score_recordings", shard) for shard in each]
    assert sum(seconds) == pytest.approx(6 * 3600 / 2 * job_costs.COSTS["score_recordings"].seconds)
    assert {found.mem_mb(shard, 1, "NEW_score_recordings") for shard in each} == {job_costs.TENSORFLOW}
    every = SimpleNamespace()
    assert found.mem_mb(every, 1, "detect_events") > job_costs.BASE
    assert found.runtime(every, 1, "show_detections") >= job_costs.START


def test_held_out_recordings_are_sized_by_the_step_between_the_windows_of_detection():
    counts = Counts(100, 10, 100, train_bytes=10**9, test_bytes=0)
    config = divided(configured(data="folder"), counts)
    before = job_resources.Sizes(config, counts, NOTHING).seconds("score_held_out", SHARD)
    config["detect"]["hop"] = config["crop"]["hop"] / 2
    found = job_resources.Sizes(config, counts, NOTHING).seconds("score_held_out", SHARD)
    assert found == pytest.approx(2 * before, rel=0.01)


def test_all_held_out_recordings_are_as_long_as_those_of_the_shards():
    """Files of 10^9 bytes hold four times as many seconds in MP3 as in FLAC."""
    parts = {f"train-{number}": Part(50, 50, 5 * 10**8, 10**7, 50_000.0) for number in (0, 1)}
    counts, whole = Counts(100, 0, 100, 10**9, 0), SimpleNamespace()
    shards = {"train": 2, "test": 0}
    seconds = [
        job_resources.Sizes(configured(data="folder", shards=shards), each, NOTHING).seconds(
            "calibrate_detections", whole
        )
        for each in (counts, counts._replace(parts=parts))
    ]
    assert seconds[1] == pytest.approx(100_000 / (10**9 / 48_000) * seconds[0], rel=0.01)
