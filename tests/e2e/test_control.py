"""With labels shuffled the score falls to chance, and only then."""

import json

import pandas as pd
import pytest
from nearest_centroid import nearest_centroid
from workflow import planned

from understory.evaluation.intervals import chance_interval
from understory.evaluation.metric import Metric

pytestmark = pytest.mark.slow


def judged(out):
    """The score against the truth, and the interval that chance gives."""
    truth = pd.read_csv(out / "truth.csv").set_index("recording_id")
    predictions = (
        pd.read_csv(out / "ensemble/predictions.csv")
        .set_index("recording_id")
        .loc[truth.index, truth.columns]
    )
    score = json.loads((out / "scores.json").read_text())["truth"]
    assert score == pytest.approx(Metric("lwlrap").score(truth.to_numpy(), predictions.to_numpy()))
    return score, chance_interval(
        Metric("lwlrap"), truth.to_numpy(), predictions.to_numpy(), seed=1, permutations=1000, level=0.99
    )


def test_shuffled_labels_score_chance_and_true_labels_do_not(run_snakemake, small, tmp_path):
    config = small(
        name="control",
        synthetic={
            "train_recordings": 192,
            "rejected_recordings": 0,
            "test_recordings": 60,
            "test_duration": 8,
        },
        augment={"copies": 1, "random_crop": True, "chain": []},
        features={"log_mel": {"hop": 1024, "n_mels": 64}},
        report={"examples": 0},
        models={
            "sed_cnn": {
                "options": {"filters": [8, 16, 32], "dense": 32},
                "epochs": 6,
                # All that draws examples anew, or mixes them, or averages what was learned of them.
                "augment": [{"time_roll": {}}, {"time_mask": {}}, {"frequency_mask": {"spare_event": True}}],
                "mixup": 0.5,
                "mixup_labels": "union",
                "average_weights": 0.8,
                "shifts": 2,
            }
        },
    )
    out = tmp_path / "results/control"
    run_snakemake(tmp_path, config=config)
    score, (_, high) = judged(out)
    assert score > high
    assert nearest_centroid(out) < 0.75
    again = run_snakemake(tmp_path, config=config)
    assert "Nothing to be done" in again.stdout + again.stderr
    done = run_snakemake(tmp_path, config={**config, "control": "shuffled_labels"})
    ran = {rule for rule, _ in planned(done.stdout + done.stderr)}
    of_models = {"train_fold", "validate_fold", "predict_fold"}
    assert ran == of_models | {"ensemble_folds", "write_submission", "build_report"}
    score, (low, high) = judged(out)
    assert low <= score <= high
    assert "control run (shuffled_labels)" in (out / "report.html").read_text()
    # Synthetic data that are gone are missed, with what to do about it.
    (out / "data/train_tp.csv").unlink()
    lost = run_snakemake(tmp_path, "--dry-run", config=config, check=False)
    assert "delete results/control/downloaded.json to have them again" in lost.stdout + lost.stderr
    assert "Traceback" not in lost.stdout + lost.stderr
    (out / "downloaded.json").unlink()
    assert ("download_data", "") in planned(run_snakemake(tmp_path, "--dry-run", config=config).stdout)
