"""Calibration of detections in the finished small run, which does not ask for it: by its name."""

import json
import shutil

import numpy as np
import pytest
from workflow import planned

from understory.data import calibration, store
from understory.inference import probes, window_scores

pytestmark = pytest.mark.slow

SCORING = {("score_held_out", f"shard=train-{number}") for number in range(2)} | {("score_probes", "")}
FITTING = {("calibrate_detections", "")}


@pytest.fixture(scope="module")
def calibrated(run_snakemake, first, folder, small, tmp_path_factory):
    """The folder of the run, and a function that says what would run in it for other settings."""
    place = tmp_path_factory.mktemp("calibrated") / "run"
    shutil.copytree(first, place)
    config = small(data=str(folder))
    done = run_snakemake(place, "calibrate_detections", config=config)
    assert planned(done.stdout + done.stderr) == SCORING | FITTING

    def again(*targets, **changes):
        done = run_snakemake(place, "-n", *targets, config=config | changes)
        return planned(done.stdout + done.stderr)

    return place, again


def test_each_recording_is_scored_by_the_models_of_its_fold(calibrated, folder):
    from understory.inference import recording_scores
    from understory.training import predict

    run = calibrated[0] / "results/small"
    settings = json.loads((run / "ensemble/members.json").read_text())["run"]
    scoring = {"window": 4, "hop": 2, "sample_rate": 48_000, "combine": "mean", "folds": 1}
    scoring["features"] = settings["features"]["log_mel"]
    folds = store.read_table(run / "folds.csv").groupby("recording_id").fold.first()
    found = {
        each.path: each for each in window_scores.read(sorted((run / "held_out").glob("train-*.parquet")))
    }
    assert set(found) == set(folds.index)
    for fold in (0, 1):
        model = predict.load(run / f"models/sed_cnn/fold{fold}/last.keras", "sed_cnn")
        for name in list(folds.index[folds == fold])[:2]:
            starts, scores = recording_scores.score_recording(
                folder / "train" / f"{name}.flac", [model], scoring
            )
            np.testing.assert_array_equal(found[name].starts, starts)
            np.testing.assert_allclose(found[name].scores, scores, atol=1e-6)


def test_what_is_written_has_every_class_and_every_probe(calibrated):
    run = calibrated[0] / "results/small"
    classes = json.loads((run / "labels.json").read_text())["classes"]
    found = calibration.read(run / "calibration.json")
    assert list(found) == classes
    # One epoch teaches little, and few events are known to be absent.
    assert any("not enough data" in (each.reason or "") for each in found.values())
    assert calibration.read_settings(run / "calibration.json")["hop"] == 2
    scores = json.loads((run / "detection_scores.json").read_text())
    assert scores["exhaustive"] is False
    assert set(scores["probes"]) == set(probes.KINDS)
    assert scores["background"] is None
    said = (calibrated[0] / "results/small/logs/calibrate_detections.log").read_text()
    assert all(f"{label}: " in said for label in classes)


def test_only_what_depends_on_a_setting_is_made_again(calibrated):
    _, again = calibrated
    assert again("calibrate_detections") == set()
    assert again("calibrate_detections", detect={"precision": 0.8}) == FITTING
    assert again("calibrate_detections", detect={"smoothing": 3}) == FITTING
    # Precision, recall and false alarms are those at the threshold that new recordings are searched with.
    assert again("calibrate_detections", detect={"threshold": 0.7}) == FITTING
    assert again("calibrate_detections", detect={"hop": 1}) == SCORING | FITTING
    # A run that does not ask for it has nothing to do with it, whatever these settings.
    assert again() == again(detect={"precision": 0.8, "hop": 1}) == set()
    # One that does shows it in its report.
    assert again(detect={"calibrate": True}) == {("build_report", "")}


def test_a_row_that_is_quarantined_fits_again(calibrated, folder, tmp_path):
    """What is not annotated in its recording may be its event, so that nothing there is a false alarm."""
    _, again = calibrated
    shutil.copytree(folder, tmp_path / "data")
    data = str(tmp_path / "data")
    assert again("calibrate_detections", data=data) == set()
    table = tmp_path / "data/train_tp.csv"
    first = table.read_text().splitlines()[1].partition(",")[0]
    with table.open("a") as file:
        file.write(f"{first},3,1,nan,1000,2,2000\n")
    assert again("calibrate_detections", data=data) == FITTING
