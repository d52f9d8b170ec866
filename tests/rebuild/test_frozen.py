"""A run of heads on frozen models: from recordings to detections, and exactly the jobs that follow from each change."""

import csv
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
import stub_models
from changes import ENSEMBLE, SPLIT, copies, inspection, of_models, prediction, training, validation, windows
from workflow import planned
from world import World

from understory.data.dataset import shard_of

pytestmark = pytest.mark.slow

# By features: the file, the output, and the head.
FED = {
    "birdnet": ("birdnet.tflite", stub_models.INNER, "mlp"),
    "perch": ("perch", "embedding", "linear"),
    "perch_file": ("perch.keras", "embedding", "prototypes"),
    "yamnet": ("yamnet", "output_1", "attentive"),
}
HEADS = sorted(head for _, _, head in FED.values())
SHARDS = ("train-0", "train-1")
HELD_OUT = {
    ("score_held_out", "shard=train-0"),
    ("score_held_out", "shard=train-1"),
    ("score_probes", ""),
    ("calibrate_detections", ""),
}
DETECTED = {("score_recordings", "shard=new-0"), ("detect_events", ""), ("show_detections", "")}
AFTER = ENSEMBLE | HELD_OUT | DETECTED


# Of the features that one head is fed, copies are computed as well.
COPIED = "perch"


def embeddings(*shards, features=tuple(FED)):
    return {
        ("compute_embeddings", f"features={name}, variant={variant}, shard={shard}")
        for name in features
        for shard in shards
        for variant in ((0, 1) if name == COPIED and shard.startswith("train") else (0,))
    }


def of_heads(*heads):
    return training(*heads) | validation(*heads) | prediction(*heads)


def configuration(small, data, stubs, new):
    features, models = {}, {}
    for name, (file, output, head) in FED.items():
        rate, window, _ = stub_models.SIGNATURES[name.split("_")[0]]
        features[name] = {"kind": "embedding", "model": str(stubs / file), "output": output}
        features[name] |= {"sample_rate": rate, "window": window, "licence": "MIT"}
        models[head] = {
            "architecture": head,
            "features": name,
            "options": {"units": 8} if head in ("mlp", "attentive") else {},
            "loss": {"name": "binary_crossentropy", "unknown_weight": 0.3},
            "optimiser": {"name": "adam", "learning_rate": 0.01},
            "schedule": {"name": "constant"},
            "epochs": 2,
            "batch_size": 16,
            "select": "last",
            "threads": 1,
            "copies": int(name == COPIED),
        }
    features["yamnet"]["pooling"] = "none"
    features["perch"] |= {"remove_mean": True, "peak": 0.25}
    given = {"data": str(data), "recordings": str(new), "detect": {"calibrate": True}, "train": HEADS}
    return small(**given, features=features, models=models, report={"examples": 0})


@pytest.fixture(scope="session")
def finished(made_once, stubs, folder, small, run_snakemake):
    """The folder of a finished run of four heads, with the recordings that they detect events in."""

    def make(place):
        (place / "new").mkdir(parents=True)
        for path in sorted((folder / "test").iterdir())[:2]:
            shutil.copy(path, place / "new")
        run_snakemake(place, config=configuration(small, folder, stubs, place / "new"))

    return made_once("frozen", make)


@pytest.fixture
def world(finished, stubs, folder, small, run_snakemake, tmp_path):
    """A copy of the run, of its data and of its frozen models, elsewhere."""
    shutil.copytree(finished, tmp_path / "run")
    shutil.copytree(folder, tmp_path / "data")
    shutil.copytree(stubs, tmp_path / "stubs")
    config = configuration(small, tmp_path / "data", tmp_path / "stubs", tmp_path / "run/new")
    yield World(tmp_path, run_snakemake, config)
    for name in ("run", "data", "stubs", "gone"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)


def test_heads_are_trained_validated_and_predict_and_detect(finished):
    out = finished / "results/small"
    index = pd.read_csv(out / "examples/perch/0/train-0.csv")
    for name, (_, _, head) in FED.items():
        vectors = np.load(out / f"examples/{name}/0/train-0.npy")
        values = stub_models.SIGNATURES[name.split("_")[0]][2]
        # 4 s are covered by two windows of 3 s, and by five of 0.975 s, which stay.
        assert vectors.shape == (len(index), 5 if name == "yamnet" else 1, values)
        assert vectors.dtype == np.float16
        copied = out / f"examples/{name}/1/train-0.npy"
        assert copied.exists() == (name == COPIED)
        assert not copied.exists() or np.load(copied).shape == vectors.shape
        for fold in (0, 1):
            history = pd.read_csv(out / f"models/{head}/fold{fold}/history.csv")
            assert history.loss.iloc[1] < history.loss.iloc[0]
            oof = pd.read_csv(out / f"models/{head}/fold{fold}/oof.csv")
            assert len(oof)
    assert json.loads((out / "scores.json").read_text())["oof"] > 0
    assert (out / "calibration.json").is_file()
    assert (out / "detections/detections.csv").is_file()
    submission = pd.read_csv(out / "submission.csv")
    assert submission.iloc[:, 1:].to_numpy().max() > 0
    page = (out / "report.html").read_text()
    assert "frozen model of birdnet" in page
    assert "birdnet.tflite, SHA-256" in page
    assert "licence: MIT" in page


def head_option(world):
    world.set("models.linear.options.l2", 0.01)


def moved(world):
    (world.run / "models").mkdir()
    for name, (file, _, _) in FED.items():
        shutil.move(world.data.parent / "stubs" / file, world.run / "models")
        world.set(f"features.{name}.model", f"models/{file}")


def swapped(world):
    path = world.data.parent / "stubs/birdnet.tflite"
    path.write_bytes(path.read_bytes() + b"\0")


def swapped_within_a_folder(world):
    (world.data.parent / "stubs/perch/assets/labels.csv").write_text("other\n")


def licence(world):
    world.set("features.perch.licence", "Apache-2.0")


def pooling(world):
    world.set("features.birdnet.pooling", "max")


def label(world):
    table = world.data / "train_tp.csv"
    rows = list(csv.reader(table.open(newline="")))
    rows[1][1] = next(row[1] for row in rows[2:] if row[1] != rows[1][1])
    with table.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return shard_of(rows[1][0], "train", 2)


def of_label(shard):
    signal = windows(shard) | copies(shard) | embeddings(shard)
    return inspection(shard) | signal | SPLIT | of_models(*HEADS) | AFTER


def of_features(name):
    return embeddings(*SHARDS, "test-0", features=(name,))


ROWS = [
    ("nothing", lambda world: None, set()),
    ("the frozen model moved", moved, set()),
    ("its licence", licence, {("build_report", "")}),
    ("its file replaced", swapped, of_features("birdnet") | of_heads("mlp") | AFTER),
    ("a file in its folder replaced", swapped_within_a_folder, of_features("perch") | of_heads("linear") | AFTER),
    ("its pooling", pooling, of_features("birdnet") | of_heads("mlp") | AFTER),
    ("an option of a head", head_option, of_heads("linear") | AFTER),
    ("a label", label, of_label),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_follows_from_a_change_is_planned_and_nothing_else(change, expected, world):
    given = change(world)
    done = world.snakemake("--dry-run")
    assert planned(done.stdout + done.stderr) == (expected(given) if callable(expected) else expected)


def test_a_label_computes_no_vector_again(world):
    """The jobs of its shard run, and find the windows that they know."""
    shard = label(world)
    array = world.run / f"results/small/examples/perch/0/{shard}.npy"
    memory = list(array.parent.glob(f"{shard}-*.bin"))
    before, held = np.load(array), [path.read_bytes() for path in memory]
    assert len(memory) == 1
    world.targets = [str(array.relative_to(world.run))]
    world.snakemake()
    log = world.run / f"results/small/logs/compute_embeddings/perch/0/{shard}.log"
    # Events of the same time have the same window.
    known = len({bytes(vector) for vector in before})
    assert f"the vectors of {known} windows are remembered" in log.read_text()
    assert [path.read_bytes() for path in memory] == held
    # The example's id is of its annotation: only the order of rows may differ.
    assert sorted(map(bytes, np.load(array))) == sorted(map(bytes, before))


def test_a_wrong_model_stops_the_plan_in_one_sentence(world):
    stubs = world.data.parent / "stubs"
    for model, said in {
        "nothing": f"features.perch.model: expected the folder of a SavedModel, or a file .tflite, .keras or .onnx, found none at {stubs}/nothing: docs/embeddings.md says where to get models",
        "hostile.keras": f"features.perch.model: expected a model of Keras' own layers, found code that would be run (a Lambda layer) in {stubs}/hostile.keras",
    }.items():  # fmt: skip
        world.set("features.perch.model", str(stubs / model))
        done = world.snakemake("--dry-run", check=False)
        assert done.returncode
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_run_that_only_detects_is_told_where_the_models_are(world):
    """By the run that trained the heads, or by the user where they were moved since."""
    config = {"models_from": "results/small", "recordings": str(world.run / "new"), "name": "other"}
    saved = world.config
    world.config = config
    stubs = world.data.parent / "stubs"
    # The finished run lies elsewhere, with the models where they were.
    assert planned(world.snakemake("--dry-run").stdout) >= {("score_recordings", "shard=new-0")}
    shutil.move(stubs, stubs.with_name("gone"))
    features = {
        name: {"model": str(stubs.with_name("gone") / file), "sha256": None}
        for name, (file, _, _) in FED.items()
    }
    world.config = {**config, "features": features}
    world.snakemake("--", "detections")
    one, other = (
        pd.read_csv(world.run / f"results/{name}/detections/detections.csv") for name in ("small", "other")
    )
    pd.testing.assert_frame_equal(one, other)
    world.config = {**config, "features": {"perch": {"model": str(stubs.with_name("gone") / "yamnet")}}}
    done = world.snakemake("--dry-run", check=False)
    assert "features.perch.sha256: expected" in done.stderr
    world.config = saved


QUEUE = {("choose_queue", ""), ("build_label_page", "chosen=queue"), ("queue", "")}


def test_a_queue_offers_nothing_that_has_a_label_is_held_out_or_was_answered(world):
    """Of two test recordings, a copy of an annotated one, and one of which nothing is known."""
    with (world.data / "train_tp.csv").open(newline="") as file:
        tables = list(csv.DictReader(file))
    name = tables[0]["recording_id"]
    known = [(float(row["t_min"]), float(row["t_max"])) for row in tables if row["recording_id"] == name]
    shutil.copy(world.data / f"train/{name}.flac", world.run / "new/copy.flac")
    wave, rate = soundfile.read(world.data / f"train/{name}.flac")
    soundfile.write(world.run / "new/unknown.flac", np.tile(wave[::-1], 6), rate)
    world.targets = ["queue"]
    done = world.snakemake(check=False)
    assert "search.features: expected one of birdnet, perch, perch_file, yamnet, as several" in done.stderr
    world.set("search", {"features": "perch"})
    world.set("queue", {"size": 3})
    world.snakemake()
    path = world.run / "results/small/queue/queue.csv"

    def offered():
        found = pd.read_csv(path)
        assert set(found.path) <= {"copy.flac", "unknown.flac"}
        inside = found[found.path == "copy.flac"]
        assert not any(
            row.start < end and row.end > begin for row in inside.itertuples() for begin, end in known
        )
        return found

    first = offered()
    assert len(first) == 3
    assert first["rank"].tolist() == [1, 2, 3]
    html = path.with_name("queue.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html)[1])
    assert [item["start"] for item in data["items"]] == first.start.tolist()
    assert set(first.label) <= set(data["known"])
    said = first[["path", "start", "end", "label"]].assign(verdict="unsure", new_label="")
    said.to_csv(world.run / "verdicts.csv", index=False)
    world.set("verdicts", "verdicts.csv")
    assert planned(world.snakemake("--dry-run").stdout) == QUEUE
    world.snakemake()
    for row in offered().itertuples():
        others = first[first.path == row.path]
        assert not any((row.start < others.end) & (row.end > others.start))
    world.set("queue.strategy", "random")
    assert planned(world.snakemake("--dry-run").stdout) == QUEUE
    # What is left of the recording that no one has labelled.
    world.set("queue.held_out", str(world.run / "new"))
    world.snakemake("--forcerun", "choose_queue", "--until", "choose_queue")
    assert len(pd.read_csv(path)) == 0
