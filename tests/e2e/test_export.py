"""The models of a finished run as one file, and what that finds in new recordings."""

import csv
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import export_parity
import numpy as np
import pytest
from workflow import ROOT, planned

from understory.audio import read
from understory.data import calibration
from understory.export import package, request
from understory.inference import recording_scores, window_scores

pytestmark = pytest.mark.slow

WANTED = {("export_models", ""), ("export", "")}
# The packages that an ONNX file needs are optional.
ONNX = all(find_spec(name) for name in request.NEEDED)
FILES = ["model.keras", *(["model.onnx"] if ONNX else []), "model.tflite"]
# Of each seed the folds of the finished run that its folds are, and its weight.
MEMBERS, WEIGHTS = {1: (0, 1), 2: (1, 1)}, (0.25, 0.75)
# `understory-detect` on a machine that has nothing of the workflow.
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(["keras", "librosa", "pandas", "pyarrow", "scipy", "sklearn", "snakemake", "tensorflow"]))
from understory.export import detect
detect.main()
"""


def detect_alone(*arguments):
    """Run `understory-detect` where only LiteRT, NumPy, soundfile and soxr are installed."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
    )


def calibrated(label, number):
    """Of every second class, a map and a threshold; low, as models of one epoch are not sure of anything."""
    if number % 2:
        return calibration.ClassCalibration(label, "none", (), (), None, None, None, 3, "not enough data")
    knots = (0.03, 0.045, 0.0475, 0.06)
    shares = (0.1, 0.2, 0.85, 0.9)
    return calibration.ClassCalibration(label, "isotonic", knots, shares, 0.0475, 0.9, (0.7, 0.95), 600, None)


@pytest.fixture(scope="module")
def models(first, tmp_path_factory):
    """What is needed of a finished run, with a calibration; and with a second seed of its model, with a weight of its own.

    Both folds of that are what fold 1 is of the first.
    """
    place, own = tmp_path_factory.mktemp("models") / "small", first / "results/small"
    shutil.copytree(own / "windows", place / "windows")
    for seed, folds in MEMBERS.items():
        for fold, of in enumerate(folds):
            shutil.copytree(own / f"models/sed_cnn/fold{of}", place / f"models/sed_cnn-seed{seed}/fold{fold}")
    (place / "ensemble").mkdir()
    for name in ("labels.json", "scores.json"):
        shutil.copy(own / name, place / name)
    members = json.loads((own / "ensemble/members.json").read_text())
    block, names = members["run"]["models"]["sed_cnn"], [f"sed_cnn-seed{seed}" for seed in MEMBERS]
    members["run"] |= {"models": dict.fromkeys(names, block), "train": names}
    members["run"]["ensemble"]["weights"] = "greedy"
    members["weights"] = {"all": dict(zip(names, WEIGHTS, strict=True)), "folds": {}}
    (place / "ensemble/members.json").write_text(json.dumps(members))
    classes = json.loads((place / "labels.json").read_text())["classes"]
    settings = {
        "hop": 2.0,
        "low": 0.75,
        "merge_gap": 0.0,
        "min_duration": 0.0,
        "precision": 0.9,
        "smoothing": 1,
    }
    calibration.write(
        place / "calibration.json", [calibrated(label, n) for n, label in enumerate(classes)], settings
    )
    return place


@pytest.fixture(scope="module")
def recordings(folder, tmp_path_factory):
    """Recordings, one of another rate with two channels, and one that cannot be read."""
    place = tmp_path_factory.mktemp("new")
    (place / "a").mkdir()
    paths = sorted((folder / "test").iterdir())
    for path in paths[:3]:
        shutil.copy(path, place / path.name)
    for path in paths[3:5]:
        shutil.copy(path, place / "a" / path.name)
    (place / "a/damaged.flac").write_bytes(paths[0].read_bytes()[:-5000])
    return place


def exporting(run, place, models, recordings, *targets, **more):
    given = [f"recordings={recordings}", f"models_from={models}"]
    settings = {"detect": {"merge_gap": 0.0}, "export": {"onnx": ONNX}}
    return run(place, *targets, "--config", *given, config=settings, **more)


@pytest.fixture(scope="module")
def exported(run_snakemake, models, recordings, tmp_path_factory):
    """The results of a run that exports, and detects as the workflow does."""
    place = tmp_path_factory.mktemp("exported")
    exporting(run_snakemake, place, models, recordings, "export", "detections")
    return place / "results/demo"


def windows_of(exported, recordings):
    """The windows that the workflow scored, and their scores."""
    waves, scores = [], []
    for each in window_scores.read((exported / "detections/scores").glob("*.parquet")):
        starts = np.round(each.starts * 48_000).astype(int)
        waves += read.read_windows(recordings / each.path, starts, samples=192_000, sample_rate=48_000)
        scores.append(each.scores)
    return np.stack(waves), np.concatenate(scores)


def test_scores_and_probabilities_are_those_of_the_workflow(exported, recordings):
    waves, expected = windows_of(exported, recordings)
    assert len(waves) >= 15
    likely = export_parity.probabilities(expected, package.read(exported / "export/model.tflite")[1])
    assert np.isnan(likely).any(axis=0).mean() == 0.5
    for name in FILES:
        outputs, _ = export_parity.of_file(exported / "export" / name, waves, rounds=1)
        assert outputs["scores"] == pytest.approx(expected, abs=1e-6), name
        assert outputs["probabilities"] == pytest.approx(likely, abs=1e-4, nan_ok=True), name
    outputs, _ = export_parity.of_file(exported / "export/model-int8.tflite", waves, rounds=1)
    assert outputs["scores"] == pytest.approx(expected, abs=1e-3)


def test_weights_of_the_run_are_those_of_the_detections(exported, models, recordings):
    """Of two folds: the mean of a quarter of the model of fold 0 with three of fold 1, and of fold 1 alone."""
    from understory.training import predict

    scoring = {"window": 4, "hop": 2, "sample_rate": 48_000, "combine": "mean", "folds": 1}
    run = json.loads((models / "ensemble/members.json").read_text())["run"]
    scoring["features"] = run["features"]["log_mel"]
    found = next(window_scores.read((exported / "detections/scores").glob("*.parquet")))
    zero, one = (
        recording_scores.score_recording(
            recordings / found.path,
            [predict.load(models / f"models/sed_cnn-seed1/fold{fold}/last.keras", "sed_cnn")],
            scoring,
        )[1]
        for fold in (0, 1)
    )
    np.testing.assert_allclose(found.scores, zero / 8 + 7 * one / 8, atol=1e-6)
    assert np.abs(zero - one).max() > 1e-4


def test_no_operation_needs_more_than_the_runtime(exported):
    """By the operator codes of the files: a custom one has a code and a name of its own."""
    from ai_edge_litert import schema_py_generated as schema

    for name in ("model.tflite", "model-int8.tflite"):
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(package.read(exported / "export" / name)[0]))
        assert len(model.operatorCodes) > 10
        for code in model.operatorCodes:
            assert code.builtinCode != schema.BuiltinOperator.CUSTOM, code.customCode
            assert code.customCode is None
        for graph in model.subgraphs:
            assert all(min(tensor.shape, default=1) > 0 for tensor in graph.tensors)


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_file_alone_finds_what_the_workflow_finds(exported, recordings, tmp_path):
    done = detect_alone(exported / "export/model.tflite", recordings, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a/damaged.flac: expected " in done.stderr
    own, other = rows(exported / "detections/detections.csv"), rows(tmp_path / "detections.csv")
    assert len(own) == len(other) > 10
    # Of classes with a calibration, and of no others, there are probabilities.
    assert any(row[5] for row in own[1:])
    for one, another in zip(own, other, strict=True):
        assert one[:4] + one[7:] == another[:4] + another[7:]
        for mine, theirs in zip(one[4:7], another[4:7], strict=True):
            assert mine == theirs or float(mine) == pytest.approx(float(theirs), abs=1e-5)
    for name in ("failed", "recordings", "summary", "thresholds"):
        assert rows(exported / "detections" / f"{name}.csv") == rows(tmp_path / f"{name}.csv")
    tracks = sorted(path.relative_to(tmp_path) for path in tmp_path.glob("audacity/**/*.txt"))
    assert tracks
    for path in tracks:
        assert (exported / "detections" / path).read_bytes() == (tmp_path / path).read_bytes()


def test_what_reruns_and_that_the_same_gives_the_same_bytes(
    exported, run_snakemake, models, recordings, tmp_path
):
    place = exported.parents[1]
    text = (exported / "export/README.md").read_text()
    assert "4 models (sed_cnn-seed1, sed_cnn-seed2) that score windows of 4 s" in text
    assert "Weights of the models: sed_cnn-seed1 0.25, sed_cnn-seed2 0.75." in text
    assert "| 0.0475 | chosen out of fold | 0.900 | 0.700 to 0.950 | 600 |" in text

    def jobs(**changes):
        given = [f"models_from={models}"]
        settings = {
            "detect": {"merge_gap": 0.0, **changes.pop("detect", {})},
            "export": {"onnx": ONNX},
            **changes,
        }
        done = run_snakemake(place, "export", "--dry-run", "--config", *given, config=settings)
        return planned(done.stdout + done.stderr)

    assert jobs(report={"title": "Other"}, review={"items": 3}) == set()
    assert jobs(detect={"threshold": 0.3}) == WANTED
    text = (models / "calibration.json").read_text()
    (models / "calibration.json").write_text(text.replace("0.0475", "0.048", 1))
    assert jobs() == WANTED
    (models / "calibration.json").write_text(text)
    trained = models / "models/sed_cnn-seed1/fold0/last.keras"
    content = trained.read_bytes()
    shutil.copy(models / "models/sed_cnn-seed1/fold1/last.keras", trained)
    assert jobs() == WANTED
    trained.write_bytes(content)

    before = {path.name: path.read_bytes() for path in (exported / "export").iterdir() if path.suffix}
    assert sorted(before) == ["README.md", "model-int8.tflite", *FILES]
    shutil.rmtree(exported / "export")
    exporting(run_snakemake, place, models, recordings, "export")
    assert {name: (exported / "export" / name).read_bytes() for name in before} == before
