import json
import os
import pickle
import shutil
from types import SimpleNamespace

import pytest

from understory.core import file_digests
from understory.core.errors import InputError
from understory.data.source import Source
from understory.datasets import herbarium2021
from understory.plan import dataset_state, table_cache, table_digests

SHARDS = {"train": 3, "test": 2}
CROP = {"absent": True, "background": 4, "hop": 5, "long_events": "middle", "window": 10}
CONFIG = {"name": "x", "data": "folder", "shards": SHARDS, "crop": CROP}
CONFIG["split"] = {"n_splits": 2, "group": "none"}
NAMES = ["train-0", "train-1", "train-2", "test-0", "test-1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data set whose tables count as large and whose files as written long ago."""
    monkeypatch.setattr(table_cache, "LARGE", 1)
    monkeypatch.setattr(table_cache, "SETTLED", -1e9)
    data = tmp_path / "data"
    for subset, count in (("train", 20), ("test", 9)):
        images = [{"id": number, "file_name": f"images/{number}.jpg"} for number in range(count)]
        annotations = [{"image_id": number, "category_id": number % 3} for number in range(count)]
        categories = [{"id": number} for number in range(3)]
        (data / subset / "images").mkdir(parents=True)
        for image in images:
            (data / subset / image["file_name"]).write_text(f"{subset} {image['id']}")
        (data / subset / "metadata.json").write_text(
            json.dumps({"images": [*images, {}], "annotations": annotations, "categories": categories})
        )
    return data


def source(folder, **changes):
    return Source(**{"dataset": "herbarium2021", "folder": str(folder), "subset": "all", **changes})


def plan(folder, config=CONFIG, append_only=False, **changes):
    """What a new process would ask."""
    memory = folder.parent / "memory"
    index = file_digests.FileDigests(memory / "contents.jsonl", append_only=append_only)
    return dataset_state.DatasetState(config, source(folder, **changes), [], index, memory / "tables")


def asked(found):
    return [found.annotations, found.rows, found.tested, *(found.shard(name) for name in NAMES)]


def expected(folder):
    tables, index = source(folder).read(), file_digests.FileDigests(folder.parent / "other.jsonl")
    return [
        table_digests.annotations(tables),
        table_digests.rows(tables),
        True,
        *(
            table_digests.shard(tables, source(folder), name, SHARDS[name.split("-")[0]], index)
            for name in NAMES
        ),
    ]


@pytest.fixture
def unread(monkeypatch):
    """A function after which no table may be read and no file be hashed."""

    def refuse(*arguments, **options):
        raise AssertionError("expected nothing to be read")

    def forbid():
        monkeypatch.setattr(Source, "read", refuse)
        monkeypatch.setattr(table_digests, "shard", refuse)

    return forbid


def test_what_is_kept_is_what_the_tables_say(folder, unread):
    wanted = expected(folder)
    assert asked(plan(folder).facts()) == wanted
    assert asked(plan(folder).facts()) == wanted
    unread()
    assert asked(plan(folder).facts()) == wanted
    assert plan(folder).tested()


def test_what_a_submission_has_to_look_like_is_kept_as_well(folder, monkeypatch):
    with pytest.raises(InputError):
        plan(folder).facts().template()
    sample = folder / "sample_submission.csv"
    sample.write_text("Id,Predicted\n1,0\n2,0\n")
    before = plan(folder).facts().template()
    with monkeypatch.context() as unread:
        unread.setattr(herbarium2021, "submission_template", None)
        assert plan(folder).facts().template() == before
    sample.write_text("Id,Predicted\n2,0\n1,0\n")
    assert plan(folder).facts().template() != before


def test_small_tables_are_not_kept(folder, monkeypatch):
    monkeypatch.setattr(table_cache, "LARGE", 10**9)
    assert asked(plan(folder).facts()) == expected(folder)
    assert not (folder.parent / "memory" / "tables" / "x").exists()


def replaced(path, text, date):
    new = path.with_name("new")
    new.write_text(text)
    os.utime(new, (date, date))
    os.replace(new, path)


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changed_is_seen_whatever_its_date(folder, times):
    for _ in range(times):
        before = asked(plan(folder).facts())
    path = folder / "train" / "images" / "7.jpg"
    replaced(path, "train X", path.stat().st_mtime - 10**6)
    after = asked(plan(folder).facts())
    assert after == expected(folder)
    assert sum(a != b for a, b in zip(after, before, strict=True)) == 1
    replaced(path, "train 7", path.stat().st_mtime)
    assert asked(plan(folder).facts()) == before
    path.unlink()
    assert asked(plan(folder).facts()) == expected(folder)
    path.write_text("train 7")
    assert asked(plan(folder).facts()) == before


def test_of_files_that_never_change_those_that_were_there_are_not_looked_at(folder, monkeypatch):
    """A file that was replaced or deleted is not seen, one that was missing and one that a table names anew are."""
    monkeypatch.setattr(file_digests, "SETTLED", -1e9)
    late = folder / "test" / "images" / "3.jpg"
    late.rename(folder / "late")
    for _ in range(2):
        before = asked(plan(folder).facts())
    replaced(folder / "train" / "images" / "7.jpg", "train X", 1)
    (folder / "train" / "images" / "8.jpg").unlink()
    looked, real = [], os.stat
    monkeypatch.setattr(os, "stat", lambda path, **options: looked.append(str(path)) or real(path, **options))
    assert asked(plan(folder, append_only=True).facts()) == before
    assert {path for path in looked if path.endswith(".jpg")} == {str(late)}
    (folder / "late").rename(late)
    added = asked(plan(folder, append_only=True).facts())
    assert sum(a != b for a, b in zip(added, before, strict=True)) == 1
    table = folder / "train" / "metadata.json"
    told = json.loads(table.read_text())
    told["images"].append({"id": 99, "file_name": "images/99.jpg"})
    told["annotations"].append({"image_id": 99, "category_id": 0})
    table.write_text(json.dumps(told))
    (folder / "train" / "images" / "99.jpg").write_text("train 99")
    seen = [
        number
        for number, pair in enumerate(zip(asked(plan(folder, append_only=True).facts()), added, strict=True))
        if pair[0] != pair[1]
    ]
    # The annotations, and one shard.
    assert seen[0] == 0
    assert len(seen) == 2
    # With the setting taken back all is.
    assert asked(plan(folder).facts()) == expected(folder)


def test_a_file_that_may_still_be_written_is_not_taken_for_known(folder, monkeypatch):
    monkeypatch.setattr(table_cache, "SETTLED", 10**6)
    for _ in range(2):
        asked(plan(folder).facts())
    places = list((folder.parent / "memory" / "tables" / "x").iterdir())
    assert len(places) == 1
    assert not list(places[0].glob("t*.json"))


def test_other_tables_and_settings_have_a_place_of_their_own(folder):
    def place(config=CONFIG, **changes):
        return table_cache.place(source(folder, **changes), config, folder.parent / "memory")

    path = folder / "train" / "metadata.json"
    places = [
        place(),
        place({**CONFIG, "shards": {"train": 4, "test": 2}}),
        place({**CONFIG, "split": {"n_splits": 3, "group": "none"}}),
        place({**CONFIG, "crop": {**CROP, "long_events": "cover"}}),
        place(subset="first_1000"),
        place(tested=False),
        place(trained=False),
    ]
    path.write_text(path.read_text() + " ")
    places.append(place())
    assert len(set(places)) == len(places)
    assert place(subset="available") is None
    assert table_cache.place(source(folder, dataset="esc50"), CONFIG, folder) is None


def test_what_does_not_go_with_the_configuration_is_kept_too(folder, unread):
    path = folder / "train" / "metadata.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "annotations": [{"image_id": 99, "category_id": 0}]}))
    said = []
    for _ in range(2):
        with pytest.raises(InputError, match="no annotation of a present event is left") as raised:
            plan(folder).tested()
        said.append(str(raised.value))
        unread()
    assert said[0] == said[1]


def test_tables_that_cannot_be_read_are_said_each_time(folder):
    (folder / "train" / "metadata.json").write_text("{")
    for _ in range(2):
        with pytest.raises(InputError, match=r"train/metadata\.json: expected JSON"):
            plan(folder).facts()


def test_files_are_looked_at_once_a_plan_and_again_when_jobs_begin(folder):
    found = plan(folder)
    facts = found.facts()
    before = asked(facts)
    (folder / "test" / "images" / "3.jpg").write_text("other")
    assert asked(facts) == before
    found.start()
    assert asked(facts) == expected(folder) != before
    (folder / "test" / "images" / "3.jpg").write_text("test 3")
    assert asked(facts) == before


def parts(found):
    """What each shard's jobs read."""
    sources = [found.source_of(SimpleNamespace(shard=name)) for name in NAMES]
    # As it comes out of the file that Snakemake hands a job.
    return [pickle.loads(pickle.dumps(each)).read_part() for each in sources]


def test_a_job_reads_its_shard_as_it_is_kept_or_as_all_tables_say(folder, monkeypatch, unread):
    with monkeypatch.context() as small:
        small.setattr(table_cache, "LARGE", 10**9)
        wanted = parts(plan(folder))
    tables = source(folder).read()
    assert wanted == [tables.part(name, SHARDS[name.split("-")[0]]) for name in NAMES]
    assert sorted(r for part in wanted for r in part.recordings) == sorted(tables.recordings)
    assert sorted(a for part in wanted for a in part.annotations) == sorted(tables.annotations)
    found = plan(folder)
    asked(found.facts())
    unread()
    assert parts(found) == wanted
    assert [part.places for part in parts(found)] == [part.places for part in wanted]


def test_a_job_reads_all_tables_where_what_was_kept_is_lost(folder):
    found = plan(folder)
    wanted = parts(found)
    (place,) = (folder.parent / "memory" / "tables" / "x").iterdir()
    (place / "train-0.rows").unlink()
    (place / "train-1.rows").write_text("[1, 2]")
    (place / "train-2.rows").write_bytes((place / "train-2.rows").read_bytes()[:-3])
    assert parts(found) == wanted


def test_where_rows_are_kept_is_no_param_that_counts(folder, monkeypatch):
    one = plan(folder).source_of(SimpleNamespace(shard="train-0"))
    monkeypatch.setattr(table_cache, "LARGE", 10**9)
    other = plan(folder).source_of(SimpleNamespace(shard="train-0"))
    assert one.part.rows
    assert other.part.rows is None
    assert repr(one) == repr(other) == repr(source(folder))
    (folder / "train" / "metadata.json").write_text("{")
    assert plan(folder).source_of(SimpleNamespace(shard="train-0")).part.rows is None


@pytest.mark.parametrize("what", ["removed", "torn"])
def test_what_is_kept_may_be_lost(folder, what):
    wanted = asked(plan(folder).facts())
    (place,) = (folder.parent / "memory" / "tables" / "x").iterdir()
    facts = plan(folder).facts()
    if what == "removed":
        shutil.rmtree(place)
    else:
        for file in place.iterdir():
            file.write_bytes(file.read_bytes()[:-1] if file.suffix != ".txt" else file.read_bytes())
    assert asked(facts) == wanted
    assert asked(plan(folder).facts()) == wanted


def test_what_another_plan_is_at_work_on_is_left_to_it_and_what_was_left_behind_is_removed(folder):
    place = folder.parent / "memory/tables" / CONFIG["name"]
    for name in ("finished", "busy.host.1", "left.host.2"):
        (place / name).mkdir(parents=True)
    os.utime(place / "left.host.2", (0, 0))
    plan(folder).facts()
    left = {path.name for path in place.iterdir()}
    assert len(left) == 2
    assert {name for name in left if "." in name} == {"busy.host.1"}
