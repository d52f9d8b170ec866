"""The jobs of photographs and of studies, one after the other."""

import json
import runpy
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from workflow import ROOT

from understory.data import store
from understory.data.dataset import Annotation, Dataset, Recording
from understory.data.quarantine import Limit
from understory.images import photographs as photograph_files
from understory.images import pixels
from understory.images import store as image_store
from understory.plan.checks import disk_space
from understory.plan.job_settings import QUALITY, Medium

SLICES = {"start": 0.25, "stop": 0.75, "step": 3, "all_below": 10}
CHAIN = [{"HorizontalFlip": {"p": 1.0}}]
SMALL = {
    "kind": "picture",
    "size": [8, 10],
    "fit": "stretch",
    "channels": None,
    "scale": "none",
    "crop_to_content": False,
    "oriented": True,
}


def job(place, script, rule_inputs, outputs, *, shard, variant="0", **params):
    """Run a script's main as its rule would."""
    found = SimpleNamespace(
        input=SimpleNamespace(**{key: place / value for key, value in rule_inputs.items()}),
        output=SimpleNamespace(**{key: place / value for key, value in outputs.items()}),
        params=SimpleNamespace(**{"recordings": None, "copies": None, **params}),
        wildcards=SimpleNamespace(shard=shard, variant=variant, features="small"),
    )
    runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))["main"](found)
    return found


class World:
    """A data folder, its tables, and the jobs of one configuration."""

    def __init__(self, place, tables, settings):
        self.place, self.settings = place, settings
        self.tables = tables

    def source(self, shard):
        return SimpleNamespace(
            path=lambda r: self.place / "data" / r.path, read_part=lambda: self.tables.part(shard, 1)
        )

    def inspect(self, shard):
        settings = {"images": {key: self.settings[key] for key in ("sequences", "slices")}}
        outputs = {"recordings": f"recordings/{shard}.csv", "quarantine": f"quarantine/{shard}.csv"}
        job(
            self.place,
            "inspect_recordings",
            {},
            outputs,
            shard=shard,
            settings=settings,
            module="understory.images.inspect",
            source=self.source(shard),
            limit=Limit("quarantine", 1.0),
        )
        return [store.read_table(self.place / path) for path in outputs.values()]

    def crop(self, shard="train-0", absent=True):
        outputs = {"windows": f"windows/{shard}.npy", "index": f"windows/{shard}.csv"}
        settings = {"crop": {"absent": absent}, "images": self._taken(), "stored": self._stored()}
        job(
            self.place,
            "crop_windows",
            {"recordings": f"recordings/{shard}.csv"},
            outputs,
            shard=shard,
            settings=settings,
            module="understory.images.crop",
            store="understory.images.store",
            source=self.source(shard),
        )
        return image_store.read(*(self.place / path for path in outputs.values()))

    def augment(self, chain=CHAIN, shard="train-0", variant="1", seed=1):
        inputs = {"windows": f"windows/{shard}.npy", "index": f"windows/{shard}.csv"}
        outputs = {key: value.replace("windows", f"augmented/{variant}") for key, value in inputs.items()}
        settings = {
            "augment": {"chain": chain},
            "seed": seed,
            "stored": self._stored(),
        }
        job(
            self.place,
            "augment_windows",
            inputs,
            outputs,
            shard=shard,
            variant=variant,
            settings=settings,
            module="understory.images.augment",
            transforms="understory.images.transforms",
            store="understory.images.store",
        )
        return image_store.read(*(self.place / path for path in outputs.values()))

    def encode(self, features, shard="train-0", variant="0"):
        outputs = {"examples": f"examples/{variant}/{shard}.npy", "index": f"examples/{variant}/{shard}.csv"}
        settings = {
            "features": {"small": features},
            "images": {"sequences": self.settings["sequences"]},
            "stored": self._stored(),
        }
        if shard.startswith("test"):
            inputs = {"recordings": f"recordings/{shard}.csv"}
            params = {"recordings": "…", "test": {"images": self._taken()}, "source": self.source(shard)}
        else:
            source = "windows" if variant == "0" else f"augmented/{variant}"
            inputs = {"windows": f"{source}/{shard}.npy", "index": f"{source}/{shard}.csv"}
            params = {"source": None}
        job(
            self.place,
            "compute_features",
            inputs,
            outputs,
            shard=shard,
            variant=variant,
            settings=settings,
            module="understory.images.compute",
            features="understory.images.features.picture",
            store="understory.images.store",
            **params,
        )
        return image_store.read(*(self.place / path for path in outputs.values()))

    def _stored(self):
        return Medium("images", {"images": self.settings}).stored

    def _taken(self):
        return {key: self.settings[key] for key in ("longest_side", "sequences")}


@pytest.fixture
def photographs(tmp_path):
    """Three to train with, one of them cut short and one with three annotations, and one to test with."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("a", (30, 40)), ("b", (40, 20)), ("c", (30, 30)), ("t", (60, 20))):
        image = cv2.GaussianBlur(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), (0, 0), 2)
        cv2.imwrite(str(folder / f"{name}.jpg"), image)
    (folder / "c.jpg").write_bytes((folder / "c.jpg").read_bytes()[:-40])
    recordings = [Recording(name, f"{name}.jpg", "test" if name == "t" else "train") for name in "abct"]
    annotations = [
        Annotation("a", "fern", "present"),
        Annotation("b", "moss", "present"),
        Annotation("b", "fern", "absent"),
        Annotation("b", "reed", "unknown"),
        Annotation("c", "fern", "present"),
    ]
    tables = Dataset(("fern", "moss", "reed"), tuple(recordings), tuple(annotations), True)
    return World(tmp_path, tables, {"longest_side": 20, "sequences": [], "slices": SLICES})


def test_photographs_from_files_to_examples(photographs):
    world = photographs
    assert world._stored() == {"quality": QUALITY}
    recordings, quarantine = world.inspect("train-0")
    assert recordings.values.tolist() == [["a", "a.jpg", 40, 30, ""], ["b", "b.jpg", 20, 40, ""]]
    assert quarantine[["kind", "recording_id", "place"]].values.tolist() == [["recording", "c", "c.jpg"]]
    windows, index = world.crop()
    assert list(index.recording_id).count("b") == len(index) - 1 == 2
    for number, row in enumerate(index.itertuples()):
        assert windows[number].shape == {"a": (15, 20, 3), "b": (20, 10, 3)}[row.recording_id]
        labels = {"a": ("fern", "", ""), "b": ("moss", "fern", "reed")}[row.recording_id]
        assert (row.present, row.absent, row.unknown) == labels
        whole = pixels.limited(photograph_files.read(world.place / "data" / f"{row.recording_id}.jpg"), 20)
        assert np.abs(windows[number].astype(int) - whole).mean() < 3
    copies, augmented = world.augment()
    assert [json.loads(draw) for draw in augmented.draw] == [{"each": [{}]}] * 3
    assert np.abs(copies[0].astype(int) - windows[0][:, ::-1]).mean() < 3
    stored, examples = world.encode(SMALL)
    assert stored.shape == (3, 8, 10, 3)
    assert examples.equals(index)
    again, _ = world.encode(SMALL, variant="1")
    assert np.abs(again[0].astype(int) - stored[0][:, ::-1]).mean() < 8


def test_each_copy_is_drawn_for_itself(photographs):
    photographs.inspect("train-0")
    photographs.crop()
    chain = [{"Rotation": {"max_angle": 20}}]
    drawn = {
        (variant, seed): photographs.augment(chain, variant=variant, seed=seed)[1].draw.tolist()
        for variant in ("1", "2")
        for seed in (1, 2)
    }
    assert len({draw for draws in drawn.values() for draw in draws}) == 4 * 3
    assert drawn["1", 1] == photographs.augment(chain, variant="1", seed=1)[1].draw.tolist()


def test_photographs_to_test_with_are_read_as_those_to_train_with(photographs):
    world = photographs
    world.inspect("test-0")
    stored, index = world.encode(SMALL, "test-0")
    assert index.recording_id.tolist() == ["t"]
    whole = pixels.limited(photograph_files.read(world.place / "data/t.jpg"), 20)
    expected = pixels.fit(whole, size=(8, 10), how="stretch")
    assert np.abs(stored[0].astype(int) - expected).mean() < 3


def test_rejected_annotations_can_be_left_out(photographs):
    photographs.inspect("train-0")
    index = photographs.crop(absent=False)[1]
    assert index.presence.unique().tolist() == ["present"]
    assert index.absent.tolist().count("fern") == 1


def test_a_shard_without_recordings_has_no_examples(photographs):
    world = photographs
    empty = Dataset(("fern",), (), (), True)
    world = World(world.place, empty, world.settings)
    for shard in ("train-0", "test-0"):
        assert [len(table) for table in world.inspect(shard)] == [0, 0]
    assert [len(part) for part in world.crop()] == [0, 0]
    assert [len(part) for part in world.augment()] == [0, 0]
    for shard in ("train-0", "test-0"):
        assert [len(part) for part in world.encode({**SMALL, "crop_to_content": True}, shard)] == [0, 0]


def test_the_same_bytes_come_out_again(photographs):
    world = photographs
    world.inspect("train-0")
    files = ("windows/train-0.npy", "augmented/1/train-0.npy", "examples/1/train-0.npy")

    def made():
        world.crop()
        world.augment([{"Rotation": {"max_angle": 20}}, {"ColourJitter": {"hue": 0.1}}])
        world.encode(SMALL, variant="1")
        return [(world.place / path).read_bytes() for path in files]

    assert made() == made()


SEQUENCES = ["T1w", "T1wCE", "FLAIR"]


def test_a_real_study_from_files_to_examples(real, tmp_path):
    (tmp_path / "data").symlink_to(real("rsna-miccai") / "layout_sample")
    recordings = tuple(Recording(f"{n}", "train/99999", subset) for n, subset in ((1, "train"), (2, "test")))
    tables = Dataset(("1",), recordings, (Annotation("1", "1", "present"),), True)
    world = World(tmp_path, tables, {"longest_side": 99, "sequences": SEQUENCES, "slices": SLICES})
    features = {**SMALL, "fit": "pad", "scale": "percentile", "crop_to_content": True}
    for shard in ("train-0", "test-0"):
        recordings, quarantine = world.inspect(shard)
        assert len(quarantine) == 0
        assert (recordings["items"][0], recordings.width[0], recordings.height[0]) == (
            "T1w-137 T1w-161 T1w-185 T1w-209 T1w-233",
            274,
            384,
        )
    windows, index = world.crop()
    assert windows.shape == (5, 384, 274, 3)
    assert [name.partition("-")[2] for name in index.example_id] == recordings["items"][0].split()
    assert not windows[0][..., 1:].any()
    stored, _ = world.encode(features)
    tests, index = world.encode(features, "test-0")
    assert index.recording_id.tolist() == ["2"] * 5
    for one, other in zip(stored, tests, strict=True):
        assert one.shape == (8, 10, 3)
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, other)
    copies, _ = world.augment()
    np.testing.assert_array_equal(copies[3], windows[3][:, ::-1])
    assert world._stored() == {"quality": None}


def configured(**images):
    settings = {"longest_side": 100, "sequences": [], "slices": SLICES, **images}
    return {
        "augment": {"copies": 3, "keep_copies": True, "random_crop": False},
        "crop": {"absent": False},
        "dataset": "herbarium2021",
        "features": {"small": {"kind": "picture", "size": [10, 20], "channels": None}},
        "images": settings,
        "models": {"m": {"features": "small", "copies": 2}, "n": {"features": "small", "copies": 0}},
        "synthetic": {"train_recordings": 5, "rejected_recordings": 2, "test_recordings": 3},
        "train": ["m", "n"],
    }


def test_what_images_need_of_the_disk(photographs, real):
    tables, source = photographs.tables, photographs.source("train-0")
    config = configured()
    # Three annotations of present labels, as recorded and in two copies, and the features of these and of the test's.
    assert disk_space.needed(config, tables, source) == (3 * 3 * 6000 + (3 * 3 + 1) * 160)
    config["augment"]["keep_copies"] = False
    assert disk_space.needed(config, tables, source) == (3 * 2 * 6000 + (3 * 3 + 1) * 160)
    assert disk_space.needed(config, None, source) == (7 * 2 * 6000 + (7 * 3 + 3) * 160)
    config = configured(sequences=SEQUENCES)
    folder = real("rsna-miccai") / "layout_sample"
    study_source = SimpleNamespace(path=lambda recording: folder / recording.path)
    given = Dataset(
        ("1",), (Recording("1", "train/99999", "train"),), (Annotation("1", "1", "present"),), True
    )
    largest = max(path.stat().st_size for path in folder.rglob("*.dcm")) // 2
    # Of 26 slices five are taken.
    expected = 5 * 3 * 1.3 * 3 * largest + 5 * 3 * 200 * 3 * 0.8
    assert disk_space.needed(config, given, study_source) == round(expected)
