"""Search by example: from recordings to the page, and exactly the jobs that follow from each change."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
import soundfile
from workflow import planned
from world import World

from understory.annotations import verdicts
from understory.inference import new_recordings

pytestmark = pytest.mark.slow

RATE, SHARDS = 32_000, 2
EMBED = {("embed_recordings", f"shard=new-{number}") for number in range(SHARDS)}
PAGE = {("build_label_page", "chosen=search"), ("search", "")}
QUERY = {("find_nearest", "")} | PAGE
NAMES = ["one.wav", "a/two.wav", "a/three.wav"]


def write(path, seed, seconds=12):
    """A recording whose level goes up and down in its own way."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.uniform(0.001, 0.3, seconds * 5), RATE // 5)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, level * rng.normal(0, 0.3, len(level)).clip(-3, 3), RATE)


def configuration(stubs, place):
    perch = {"kind": "embedding", "model": str(stubs / "perch.keras"), "output": "embedding"}
    head = {
        "architecture": "linear",
        "features": "perch",
        "options": {},
        "loss": {"name": "binary_crossentropy"},
        "optimiser": {"name": "adam", "learning_rate": 0.01},
        "schedule": {"name": "constant"},
        "epochs": 1,
        "batch_size": 16,
        "select": "last",
        "threads": 1,
    }
    return {
        "name": "heard",
        "crop": {"window": 3, "hop": 1, "sample_rate": RATE},
        "augment": {"copies": 0},
        "features": {"perch": {**perch, "sample_rate": RATE, "window": 5}},
        "models": {"head": head},
        "train": ["head"],
        "recordings": str(place / "new"),
        "like": str(place / "sought.wav"),
        "search": {"items": 5},
        "detect": {"shards": SHARDS},
    }


@pytest.fixture(scope="module")
def finished(made_once, stubs, run_snakemake):
    """The folder of a search for what is in one of three recordings, from 6 s on; a fourth file cannot be read."""

    def make(place):
        for number, name in enumerate(NAMES):
            write(place / "new" / name, number)
        (place / "new/text.wav").write_text("no sound")
        wave, _ = soundfile.read(place / "new/a/two.wav")
        soundfile.write(place / "sought.wav", wave[6 * RATE : 9 * RATE], RATE)
        write(place / "other.wav", 9, seconds=3)
        run_snakemake(place, "--", "search", config=configuration(stubs, place))

    return made_once("searched", make)


@pytest.fixture
def world(finished, stubs, run_snakemake, tmp_path):
    """A copy of the search, elsewhere."""
    shutil.copytree(finished, tmp_path / "run")
    yield World(tmp_path, run_snakemake, configuration(stubs, tmp_path / "run"))
    shutil.rmtree(tmp_path / "run", ignore_errors=True)


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_sought_is_found_and_the_page_shows_it(finished):
    out = finished / "results/heard/search"
    found = table(out / "search.csv")
    assert [row["rank"] for row in found] == ["1", "2", "3", "4", "5"]
    assert (found[0]["path"], found[0]["start"], found[0]["end"]) == ("a/two.wav", "6", "9")
    assert float(found[0]["similarity"]) > 0.999
    similar = [float(row["similarity"]) for row in found]
    assert similar == sorted(similar, reverse=True)
    for number, row in enumerate(found):
        assert (row["label"], row["example"]) == ("sought", "sought.wav")
        for other in found[:number]:
            overlapping = float(row["start"]) < float(other["end"]) and float(other["start"]) < float(
                row["end"]
            )
            assert row["path"] != other["path"] or not overlapping
    (failed,) = table(out / "failed.csv")
    assert failed["path"] == "text.wav"
    assert "cannot be decoded" in failed["reason"]
    vectors = [np.load(path) for path in sorted((out / "vectors").glob("*.npy"))]
    assert sum(map(len, vectors)) == 3 * 10
    assert {each.dtype for each in vectors} == {np.dtype(np.float16)}
    html = (out / "search.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html)[1])
    assert [(item["path"], item["start"], item["label"]) for item in data["items"]] == [
        (row["path"], float(row["start"]), row["label"]) for row in found
    ]
    assert data["measure"] == "similarity"
    # As the page writes a verdict.
    said = {**{key: str(data["items"][0][key]) for key in ("path", "start", "end", "label")}}
    assert verdicts.verdict({**said, "verdict": "accept", "new_label": ""}).annotations == [
        ("sought", "present")
    ]


def another_example(world):
    world.set("like", str(world.run / "other.wav"))


def within_the_example(world):
    world.set("like", str(world.run / "new/one.wav"))
    world.config["search"] |= {"start": 4, "end": 5}


ROWS = [
    ("nothing", lambda world: None, set()),
    ("another example", another_example, QUERY),
    ("a part of a recording as an example", within_the_example, QUERY),
    ("context of the page", lambda world: world.set("review.context", 2), PAGE),
    ("hop", lambda world: world.set("detect.hop", 0.5), EMBED | QUERY),
    ("level of the frozen model", lambda world: world.set("features.perch.peak", 0.5), EMBED | QUERY),
    ("an option of a head, which nothing asks", lambda world: world.set("models.head.options.l2", 0.1), set()),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_follows_from_a_change_is_planned_and_nothing_else(change, expected, world):
    change(world)
    world.targets = ["search"]
    done = world.snakemake("--dry-run")
    assert planned(done.stdout + done.stderr) == expected


def test_a_recording_that_is_added_costs_one(world):
    write(world.run / "new/four.wav", 4)
    shard = new_recordings.shard_of("four.wav", SHARDS)
    before = {path: path.read_bytes() for path in world.run.glob("results/heard/search/vectors/*.npy")}
    cached = len(list(world.run.glob("results/heard/search/cache/**/*.npy")))
    world.targets = ["search"]
    done = world.snakemake()
    assert planned(done.stdout + done.stderr) == {("embed_recordings", f"shard={shard}")} | QUERY
    for path, held in before.items():
        assert (path.read_bytes() == held) == (path.stem != shard)
    assert len(list(world.run.glob("results/heard/search/cache/**/*.npy"))) == cached + 1


def test_what_cannot_be_sought_is_one_sentence_before_any_job(world):
    world.targets = ["search"]
    write(world.run / "a;b.wav", 9)
    soundfile.write(world.run / "brief.wav", np.random.default_rng(0).normal(0, 0.1, RATE), RATE)
    for key, value, said in (
        ("like", str(world.run / "gone.wav"), "like: expected a sound file, or a folder of some"),
        ("like", str(world.run / "brief.wav"), "like: expected a sound of at least crop.window (3 s), found 1.00 s"),
        ("like", str(world.run / "a;b.wav"), "search.label: expected a label in plain text"),
    ):  # fmt: skip
        kept = dict(world.config)
        world.config[key] = value
        done = world.snakemake(check=False)
        world.config = kept
        assert done.returncode, said
        assert said in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        assert "embed_recordings shard" not in done.stdout + done.stderr
        if key == "like" and "gone" in value:
            # What seeks nothing is made all the same.
            world.config, world.targets = {**kept, key: value}, ["detections"]
            world.snakemake("--dry-run")
            world.config, world.targets = kept, ["search"]
