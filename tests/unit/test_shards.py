"""The number of shards where it is left to the run: by the number of recordings, and kept while that changes little."""

import json
from types import SimpleNamespace

import pytest

from understory.core import file_digests
from understory.data.source import Source
from understory.plan import dataset_state, table_cache
from understory.plan.dataset_state import Division, divided

AUTO = {"train": "auto", "test": "auto"}


@pytest.mark.parametrize(
    ("recordings", "shards"),
    [
        (0, 1),
        (1, 1),
        (15, 1),
        (16, 1),
        (17, 2),
        (64, 2),
        (65, 3),
        (560, 6),
        (4727, 18),
        (62_894, 63),
        (10**6, 250),
    ],
)
def test_shards_grow_with_the_square_root_of_the_recordings(recordings, shards):
    assert divided(recordings) == (shards, recordings)


@pytest.mark.parametrize(
    ("recordings", "hours", "shards"), [(100, 400, 35), (10_000, 167, 25), (3, 400, 3), (1000, 10_000, 128)]
)
def test_long_recordings_have_as_many_shards_as_are_decoded_in_minutes_each(recordings, hours, shards):
    """Two gigabytes of sound files each at most, up to a number."""
    assert divided(recordings, size=hours * 3600 * 48_000) == (shards, recordings)
    assert divided(recordings, Division(2, recordings), hours * 3600 * 48_000).shards == 2


@pytest.mark.parametrize("recordings", [64, 65, 240, 16])
def test_a_number_is_kept_within_a_factor_of_what_it_was_chosen_for(recordings):
    before = Division(2, 60)
    assert divided(recordings, before) == before


@pytest.mark.parametrize("recordings", [241, 14, 0])
def test_a_number_is_chosen_anew_beyond_it(recordings):
    assert divided(recordings, Division(2, 60)) == divided(recordings)


def test_what_was_chosen_for_nobody_knows_how_many_stays_and_is_bound_to_what_came():
    unknown = divided(None)
    assert unknown.recordings is None
    assert divided(None, Division(2, 60)) == (2, 60)
    assert divided(3, unknown) == (unknown.shards, 3)


def job(path="results/x/recordings/train-0.csv", **wildcards):
    return SimpleNamespace(wildcards=SimpleNamespace(**wildcards), output=[path])


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of 20 training images and one to test; its tables count as large, and the working directory is beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(table_cache, "LARGE", 1)
    make(tmp_path / "data", 20)
    return tmp_path / "data"


def make(folder, count):
    for subset, wanted in (("train", count), ("test", 1)):
        (folder / subset).mkdir(parents=True, exist_ok=True)
        images = [{"id": number, "file_name": f"{number}.jpg"} for number in range(wanted)]
        annotations = [{"image_id": number, "category_id": 0} for number in range(wanted)]
        told = {"images": images, "annotations": annotations, "categories": [{"id": 0}]}
        (folder / subset / "metadata.json").write_text(json.dumps(told))


def plan(data, shards=AUTO, ready=(), address="folder", **changes):
    """What a new process finds."""
    crop = {"absent": True, "background": 4, "hop": 5, "long_events": "middle", "window": 10}
    config = {"name": "x", "data": address, "shards": shards, "crop": crop}
    config["split"] = {"n_splits": 2, "group": "none"}
    source = Source("herbarium2021", str(data), "all", **changes)
    index = file_digests.FileDigests(data.parent / "contents.jsonl")
    chosen = data.parent / "results/x/shards.json"
    (data.parent / "results").mkdir(exist_ok=True)
    return dataset_state.DatasetState(
        config | {"data_sha256": None},
        source,
        str(ready) if ready else [],
        index,
        data.parent / "tables",
        chosen.relative_to(data.parent),
    )


def test_a_finished_number_is_remembered_and_said(data):
    found = plan(data)
    assert found.shards() == {"train": 2, "test": 1}
    assert found.remarks() == [
        "shards.train: auto is 2 for 20 recordings",
        "shards.test: auto is 1 for 1 recordings",
    ]
    for other in (job(fold="0"), job("results/other/recordings/train-0.csv", shard="train-0")):
        found.remember(other)
    assert not (data.parent / "results/x").exists()
    found.remember(job(shard="train-0"))
    make(data, 80)
    found = plan(data)
    assert found.shards()["train"] == 2
    assert "shards.train: auto is 2, chosen for 20 recordings, of which there are 80 now" in found.remarks()
    found.remember(job(shard="train-0"))
    make(data, 81)
    assert plan(data).shards()["train"] == 3


def test_a_number_stays_that_was_used_for_data_that_the_run_made_anew(data):
    """Its plan still saw the former tables: a second run has nothing to do."""
    plan(data).remember(job(shard="train-0"))
    found = plan(data)
    assert found.shards()["train"] == 2
    found._recordings = lambda: {"train": 560, "test": 1}
    found.remember(job(shard="train-0"))
    make(data, 560)
    assert plan(data).shards()["train"] == 2


def test_a_number_that_is_given_for_one_run_does_not_make_another_forgotten(data):
    plan(data).remember(job(shard="train-0"))
    given = plan(data, shards={**AUTO, "train": 4})
    given.shards()
    given.remember(job(shard="test-0"))
    make(data, 80)
    assert plan(data).shards()["train"] == 2


def test_nothing_is_said_of_recordings_that_are_not_there(data):
    found = plan(data)
    found.shards()
    found._recordings = lambda: {"train": 20, "test": 0}
    assert found.remarks() == ["shards.train: auto is 2 for 20 recordings"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"train": 3}', '{"train": {"shards": 0, "recordings": 20}}']
)
def test_what_was_remembered_may_be_lost(data, text):
    (data.parent / "results/x").mkdir(parents=True)
    (data.parent / "results/x/shards.json").write_text(text)
    assert plan(data).shards()["train"] == 2


def test_what_is_given_is_taken_and_not_remembered(data):
    found = plan(data, {"train": 7, "test": 0})
    assert found.shards() == {"train": 7, "test": 0}
    assert found.remarks() == []
    found.remember(job(shard="train-0"))
    assert not (data.parent / "results/x").exists()


def test_data_that_come_in_the_run_are_divided_as_it_began(data, tmp_path):
    """Also by the processes of jobs, which find the data there; and by the next run."""
    ready = tmp_path / "ready.json"
    began = plan(data, ready=ready, address="https://example.org/a.zip")
    wanted = {"train": dataset_state.OF_UNKNOWN, "test": dataset_state.OF_UNKNOWN}
    assert began.shards() == wanted
    assert began.remarks()[0] == (
        f"shards.train: auto is {dataset_state.OF_UNKNOWN}, as the recordings are still to be fetched"
    )
    began.remember(job(shard="train-0"))
    ready.write_text("{}")
    facts = [
        state.facts().shard("train-1")
        for state in (began, plan(data, ready=ready, address="https://example.org/a.zip"))
    ]
    assert facts[0] == facts[1] != plan(data, {"train": 2, "test": 1}).facts().shard("train-1")
    later = plan(data, ready=ready, address="https://example.org/a.zip")
    assert later.shards() == wanted
    # Now it is known how many they are, and a number that no longer fits is given up.
    later.remember(job(shard="train-0"))
    make(data, 100)
    assert plan(data).shards()["train"] == 3


def test_nothing_is_remembered_of_data_that_nothing_was_made_of(data, tmp_path):
    ready = tmp_path / "ready.json"
    began = plan(data, ready=ready, address="https://example.org/a.zip")
    began.shards()
    began.remember(job("data/a.json"))
    ready.write_text("{}")
    assert plan(data, ready=ready, address="https://example.org/a.zip").shards()["train"] == 2


def test_large_tables_are_kept_in_the_shards_that_were_chosen(data, monkeypatch):
    plan(data).facts()
    (data.parent / "results/x").mkdir(parents=True)
    (data.parent / "results/x/shards.json").write_text('{"train": {"shards": 5, "recordings": 20}}')
    facts = plan(data).facts()
    assert {path.name for path in facts.folder.glob("train-*.rows")} == {f"train-{n}.rows" for n in range(5)}
    rows = [facts.rows_of(f"train-{n}").read_text() for n in range(5)]
    assert sum(json.loads(text)[2] != [] for text in rows) > 2
    monkeypatch.setattr(Source, "read", None)
    assert plan(data).shards()["train"] == 5
