"""Predicting with the models of another run."""

import shutil

import pytest
from workflow import copy_source

from understory.data import store
from understory.inference import saved_run

pytestmark = pytest.mark.slow


def predicting(data, first, **changes):
    """Settings of a run that predicts with the models of another."""
    base = {"name": "given", "data": str(data), "shards": {"test": 1}, "train": []}
    return {**base, "models_from": str(first / "results/small"), **changes}


def test_saved_models_predict_without_training_data(first, folder, run_snakemake, tmp_path):
    """In another folder, with nothing but the test recordings and the sample submission."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "sample_submission.csv").symlink_to(folder / "sample_submission.csv")
    (data / "test").symlink_to(folder / "test")
    config = predicting(data, first, shards={"test": 3})
    done = run_snakemake(tmp_path, config=config)
    assert "train_fold" not in done.stdout + done.stderr
    one, other = (
        path.read_bytes()
        for path in (first / "results/small/submission.csv", tmp_path / "results/given/submission.csv")
    )
    assert one == other
    again = run_snakemake(tmp_path, config=config)
    assert "Nothing to be done" in again.stdout + again.stderr

    # The hop and the pooling may differ from those of the run.
    changed = {**config, "crop": {"hop": 0.5}, "ensemble": {"windows": "mean"}}
    run_snakemake(tmp_path, config=changed)
    windows, before = (
        store.read_table(place / "predictions/sed_cnn/fold0.csv")
        for place in (tmp_path / "results/given", first / "results/small")
    )
    assert len(windows) > len(before)
    assert (tmp_path / "results/given/submission.csv").read_bytes() != other
    # What the models were fed may not.
    refused = run_snakemake(tmp_path, config={**config, "crop": {"window": 1}}, check=False)
    assert refused.returncode
    assert "crop.window: expected" in refused.stderr
    assert "Traceback" not in refused.stderr


READER = '''
"""Test recordings named like those of rfcx, with a submission of windows."""

from understory.datasets import rfcx

MEDIUM, METRIC, UNIT, SCORED, PARTS = "audio", "lwlrap", "window", "example", ()
read = rfcx.read
COLUMNS = ["likeliest"]


def submission_template(folder):
    # Of recordings of 7 s, windows of 4 s every 2 s.
    _, names, _ = rfcx.submission_template(folder)
    return "row_id", [f"{name}_{start}" for name in names for start in (0, 2, 3)], COLUMNS


def submission(template, predictions, decisions):
    # A recording that could not be read has one row, without a time.
    rows = predictions.recording_id + "_" + predictions.start.fillna(0).astype(int).astype(str)
    classes = predictions.columns.drop(["recording_id", "start", "stop"])
    table = predictions.assign(row_id=rows, likeliest=predictions[classes].idxmax(axis=1)).set_index("row_id")
    return table.reindex(template[1])[COLUMNS].ffill().reset_index()
'''


def test_rows_are_those_that_the_reader_of_the_recordings_wants(first, folder, run_snakemake, tmp_path):
    """A reader of windows predicts with models of a reader of recordings."""
    copy_source(tmp_path / "workflow")
    reader = tmp_path / "workflow/scripts/understory/datasets/windows.py"
    reader.write_text(READER)
    config = predicting(folder, first, name="windows", dataset="windows")
    run_snakemake(tmp_path / "work", config=config, source=tmp_path / "workflow")
    written = store.read_table(tmp_path / "work/results/windows/submission.csv")
    assert list(written) == ["row_id", "likeliest"]
    windows = store.read_table(first / "results/small/predictions/sed_cnn/fold0.csv")
    assert len(written) == len(windows) > windows.recording_id.nunique()


def test_new_recordings_that_cannot_be_read_never_stop_the_others(first, folder, run_snakemake, tmp_path):
    """Half of them, far more than max_quarantined."""
    data = tmp_path / "data"
    shutil.copytree(folder / "test", data / "test")
    shutil.copy(folder / "sample_submission.csv", data)
    bad = sorted((data / "test").iterdir())[:3]
    for path in bad:
        path.write_bytes(b"no audio")
    config = predicting(data, first)
    done = run_snakemake(tmp_path, config=config)
    assert "3 of 6 test recordings could not be read and have no predictions of their own" in done.stdout
    written = store.read_table(tmp_path / "results/given/submission.csv").set_index("recording_id")
    unread = written.index.isin([path.stem for path in bad])
    assert unread.sum() == 3
    assert (written[unread].max() <= written[~unread].min() + 1e-9).all()


def test_models_that_are_not_there_are_missed_before_any_job(first, folder, run_snakemake, tmp_path):
    config = {"data": str(folder), "train": [], "models_from": str(tmp_path / "nothing")}
    done = run_snakemake(tmp_path, config=config, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"expected the folder of a finished run, results/NAME, which holds {saved_run.FILE}" in said
    assert "Traceback" not in said
