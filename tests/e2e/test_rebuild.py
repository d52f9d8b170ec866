"""One change to a finished run, and exactly the jobs that follow from it; by dry runs."""

import csv
import os
import shutil

import pytest
import soundfile
from workflow import planned

from understory.tables import shard_of

pytestmark = pytest.mark.slow

FOLDS = ("model=sed_cnn, fold=0", "model=sed_cnn, fold=1")
TRAINING = {("train_fold", fold) for fold in FOLDS}
PREDICTION = {("predict_fold", fold) for fold in FOLDS} | {
    ("ensemble_folds", ""),
    ("write_submission", ""),
    ("build_report", ""),
}


def inspection(shard):
    """What follows from what a shard holds before any signal is read."""
    return {("inspect_recordings", f"shard={shard}"), ("list_quarantined", "")}


def signal(shard, *, windows=True, variants=(0, 1)):
    """The signal jobs of a training shard."""
    jobs = {("crop_windows", f"shard={shard}")} if windows else set()
    jobs |= {("augment_windows", f"variant={v}, shard={shard}") for v in variants if v}
    return jobs | {("compute_spectrograms", f"variant={v}, shard={shard}") for v in variants}


@pytest.fixture
def finished(first, folder, tmp_path):
    """A copy of a finished run and of its data, elsewhere."""
    shutil.copytree(first, tmp_path / "run")
    shutil.copytree(folder, tmp_path / "data")
    return tmp_path / "run", tmp_path / "data"


@pytest.fixture
def plan(run_snakemake, small, finished):
    """A function that gives the jobs that settings changed so would run."""

    def jobs(**changes):
        done = run_snakemake(finished[0], "--dry-run", config=small(data=str(finished[1]), **changes))
        return planned(done.stdout + done.stderr)

    return jobs


def test_nothing_follows_from_a_copy_elsewhere_nor_from_a_touch(plan, finished):
    assert plan() == set()
    for path in [*finished[0].glob("results/**/*"), *finished[1].rglob("*")]:
        if path.is_file():
            os.utime(path)
    assert plan() == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"augment": {"copies": 2}},
            signal("train-0", windows=False, variants=(2,))
            | signal("train-1", windows=False, variants=(2,))
            | TRAINING
            | PREDICTION,
        ),
        ({"crop": {"hop": 1}}, {("compute_spectrograms", "variant=0, shard=test-0")} | PREDICTION),
        ({"split": {"seed": 1}}, {("split_folds", "")} | TRAINING | PREDICTION),
        (
            {"models": {"sed_cnn": {"options": {"filters": [4, 8], "dense": 8}, "epochs": 2}}},
            TRAINING | PREDICTION,
        ),
        (
            {
                "models": {
                    "sed_cnn": {"options": {"filters": [4, 8], "dense": 8}, "epochs": 1, "select": "best"}
                }
            },
            PREDICTION,
        ),
        (
            {"ensemble": {"folds": "rank"}},
            {("ensemble_folds", ""), ("write_submission", ""), ("build_report", "")},
        ),
        ({"report": {"title": "Other"}}, {("build_report", "")}),
        (
            {
                "models": {
                    "resnet50": {"epochs": 3},
                    "sed_cnn": {"options": {"filters": [4, 8], "dense": 8}, "epochs": 1},
                }
            },
            set(),
        ),
        ({"subset": "available"}, {("build_report", "")}),
        (
            {"max_quarantined": 0.5},
            {
                ("list_quarantined", ""),
                ("ensemble_folds", ""),
                ("write_submission", ""),
                ("build_report", ""),
            },
        ),
    ],
)
def test_a_setting_changes_what_follows_from_it(plan, changes, expected):
    assert plan(**changes) == expected


@pytest.mark.parametrize("subset", ["train", "test"])
def test_a_recording_replaced_under_an_older_date_changes_its_shard(plan, finished, subset):
    path = sorted((finished[1] / subset).iterdir())[0]
    wave, rate = soundfile.read(path)
    soundfile.write(path, wave * 0.9, rate)
    os.utime(path, (1, 1))
    if subset == "test":
        assert (
            plan()
            == inspection("test-0") | {("compute_spectrograms", "variant=0, shard=test-0")} | PREDICTION
        )
    else:
        shard = shard_of(path.stem, "train", 2)
        assert plan() == inspection(shard) | {("split_folds", "")} | signal(shard) | TRAINING | PREDICTION


def test_an_annotation_corrected_changes_its_shard_and_the_split(plan, finished):
    path = finished[1] / "train_tp.csv"
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    rows[1][3] = str(float(rows[1][3]) - 0.01)
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    shard = shard_of(rows[1][0], "train", 2)
    assert plan() == inspection(shard) | {("split_folds", "")} | signal(shard) | TRAINING | PREDICTION


def test_the_order_of_rows_does_not_matter(plan, finished):
    for name in ("train_tp.csv", "train_fp.csv"):
        lines = (finished[1] / name).read_text().splitlines()
        (finished[1] / name).write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    assert plan() == set()
