"""Predicting with the models of another run."""

import pytest

from understory.inference import saved_run

pytestmark = pytest.mark.slow


def test_saved_models_predict_without_training_data(first, folder, run_snakemake, tmp_path):
    """In another folder, with nothing but the test recordings and the sample submission."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "sample_submission.csv").symlink_to(folder / "sample_submission.csv")
    (data / "test").symlink_to(folder / "test")
    config = {
        "name": "given",
        "data": str(data),
        "train": [],
        "models_from": str(first / "results/small"),
        "shards": {"test": 3},
    }
    done = run_snakemake(tmp_path, config=config)
    assert "train_fold" not in done.stdout + done.stderr
    one, other = (
        path.read_bytes()
        for path in (first / "results/small/submission.csv", tmp_path / "results/given/submission.csv")
    )
    assert one == other
    again = run_snakemake(tmp_path, config=config)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_models_that_are_not_there_are_missed_before_any_job(first, folder, run_snakemake, tmp_path):
    config = {"data": str(folder), "train": [], "models_from": str(tmp_path / "nothing")}
    done = run_snakemake(tmp_path, config=config, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"expected the folder of a finished run, results/NAME, which holds {saved_run.FILE}" in said
    assert "Traceback" not in said
