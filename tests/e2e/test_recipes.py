"""Every recipe that makes synthetic data, from these to the report, at a small size."""

import json

import pandas as pd
import pytest
from birdclef_format import check as check_birds

from understory.run import summary

pytestmark = pytest.mark.slow

SMALL = {
    "birdclef2021": {
        "synthetic": {
            "train_recordings": 8,
            "rejected_recordings": 24,
            "test_recordings": 2,
            "train_duration": 20,
            "test_duration": 20,
        },
        "models": {"sed_cnn": {"options": {"filters": [4], "dense": 8}, "epochs": 1}},
    },
    "herbarium2021": {
        "synthetic": {"train_recordings": 80, "test_recordings": 12},
        "features": {"photo": {"size": [48, 48]}},
        "models": {"herbarium_cnn": {"options": {"filters": [8, 16]}, "epochs": 1}},
        "predictions": {"top_k": 5},
    },
    "rsna_miccai": {
        "synthetic": {"train_recordings": 8, "test_recordings": 3},
        "features": {"brain": {"size": [32, 32]}},
        "models": {"scan_cnn": {"options": {"filters": [4]}, "epochs": 1}},
    },
}
SETTINGS = {
    "shards": {"train": 1, "test": 1},
    "split": {"n_splits": 2, "rare_classes": "allow"},
    "augment": {"copies": 1},
    "report": {"examples": 1},
}


def merged(base, over):
    return {**base, **{k: {**base[k], **v} if isinstance(base.get(k), dict) else v for k, v in over.items()}}


@pytest.fixture(scope="session")
def runs(run_snakemake, tmp_path_factory):
    """A function that gives the results of a recipe's small run, made once."""
    made = {}

    def run(name):
        if name not in made:
            place = tmp_path_factory.mktemp(name)
            run_snakemake(place, recipe=name, config=merged(SETTINGS, SMALL[name]))
            made[name] = place / "results" / name
        return made[name]

    return run


def check_plants(submission, sample):
    """Integers of classes, as the real submission has them."""
    submission, sample = (pd.read_csv(path, dtype=str) for path in (submission, sample))
    assert list(submission.columns) == list(sample.columns) == ["Id", "Predicted"]
    assert list(submission.Id) == list(sample.Id)
    assert submission.Predicted.astype(int).ge(0).all()


def check_scans(submission, sample):
    submission, sample = (pd.read_csv(path, dtype=str) for path in (submission, sample))
    assert list(submission.columns) == list(sample.columns) == ["BraTS21ID", "MGMT_value"]
    assert list(submission.BraTS21ID) == list(sample.BraTS21ID)
    assert submission.MGMT_value.astype(float).between(0, 1).all()


CHECKS = {"birdclef2021": check_birds, "herbarium2021": check_plants, "rsna_miccai": check_scans}


@pytest.mark.parametrize("name", SMALL)
def test_a_recipe_runs_from_its_replica_to_a_submission_of_the_right_form(runs, name):
    out = runs(name)
    CHECKS[name](out / "submission.csv", out / "data/sample_submission.csv")
    scores = json.loads((out / "scores.json").read_text())
    labels = json.loads((out / "labels.json").read_text())
    assert scores["metric"] == labels["metric"]
    for score in (scores["oof"], scores["truth"], *(entry["score"] for entry in scores["folds"])):
        assert 0 <= score <= 1
    low, high = scores["oof_interval"]["low"], scores["oof_interval"]["high"]
    assert low <= scores["oof"] <= high
    assert (out / "report.html").stat().st_size
    assert len([line for line in summary.lines(out, tested=True) if not line.startswith("warning")]) == 5


def test_folds_are_of_soundscapes_and_clips_only_train(runs):
    folds = pd.read_csv(runs("birdclef2021") / "folds.csv")
    clips = folds.recording_id.str.startswith("XC")
    assert set(folds.fold[clips]) == {-1}
    assert set(folds.fold[~clips]) == {0, 1}
    assert (folds[~clips].groupby("recording_id").fold.nunique() == 1).all()
    oof = pd.read_csv(runs("birdclef2021") / "ensemble/oof.csv")
    assert set(oof.example_id) == set(folds.example_id[~clips])


def test_the_slices_of_a_subject_share_a_fold_unless_they_are_asked_not_to(runs, run_snakemake, tmp_path):
    folds = pd.read_csv(runs("rsna_miccai") / "folds.csv", dtype=str)
    by_subject = folds.groupby("recording_id")
    assert by_subject.size().max() > 1
    assert (by_subject.fold.nunique() == 1).all()
    config = merged(merged(SETTINGS, SMALL["rsna_miccai"]), {"split": {"group": "none"}})
    run_snakemake(tmp_path, "results/rsna_miccai/folds.csv", recipe="rsna_miccai", config=config)
    leaking = pd.read_csv(tmp_path / "results/rsna_miccai/folds.csv", dtype=str)
    assert set(leaking.example_id) == set(folds.example_id)
    assert leaking.groupby("recording_id").fold.nunique().max() > 1
