"""From a folder of sound clips to a submission; what moving the folder, and replacing a clip, runs again."""

import ablation
import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow import planned

from understory.datasets import rfcx

pytestmark = [pytest.mark.slow, pytest.mark.soak]

RATE = 44_100
# Hz
CLASSES = {"ant": 1000.0, "bee": 2000.0, "cow": 4000.0, "elk": 7000.0, "wind": 300.0}


TARGET = "results/small/submission.csv"


def tone(pitch):
    t = np.arange(RATE) / RATE
    return 0.3 * np.sin(2 * np.pi * pitch * t)


def test_clips_sing_and_what_changes_runs_again(run_snakemake, small, tmp_path):
    for name, pitch in CLASSES.items():
        (tmp_path / "clips" / name).mkdir(parents=True)
        for number in range(3):
            soundfile.write(
                tmp_path / "clips" / name / f"{number}.wav", tone(pitch * (1 + number / 20)), RATE
            )

    def config(clips):
        return small(
            synthetic={
                "clips": str(clips),
                "background": ["wind"],
                "train_recordings": 24,
                "test_recordings": 6,
            },
            augment={"copies": 0},
        )

    def jobs(clips):
        done = run_snakemake(tmp_path / "run", "--dry-run", "--", TARGET, config=config(clips))
        return planned(done.stdout + done.stderr)

    run_snakemake(tmp_path / "run", "--", TARGET, config=config(tmp_path / "clips"))
    out = tmp_path / "run" / "results" / "small"
    submission = pd.read_csv(out / "submission.csv")
    truth = pd.read_csv(out / "truth.csv")
    assert list(submission.columns) == list(truth.columns) == ["recording_id", "s0", "s1", "s2", "s3"]
    assert set(submission.recording_id) == set(truth.recording_id)
    assert list(pd.read_csv(out / "data" / "species.csv").name) == ["ant", "bee", "cow", "elk"]

    # All that sounds in the same recordings, annotated, and all else rejected.
    synthetic = config(tmp_path / "clips")["synthetic"]
    events = ablation.annotated_whole(out / "data", tmp_path / "whole", {"synthetic": synthetic, "seed": 27})
    sparse, whole = (rfcx.read(place) for place in (out / "data", tmp_path / "whole"))
    there = {(a.recording_id, a.label) for a in whole.annotations if a.presence == "present"}
    known = {(a.recording_id, a.label) for a in sparse.annotations if a.presence == "present"}
    rejected = [a for a in whole.annotations if a.presence == "absent"]
    assert known < there
    assert events > len(there)
    full = {(a.recording_id, a.label) for a in rejected if a.t_max - a.t_min == synthetic["train_duration"]}
    assert len(full | there) == 4 * (24 + 10 - 1)
    assert not full & there

    (tmp_path / "clips").rename(tmp_path / "moved")
    assert jobs(tmp_path / "moved") == set()
    soundfile.write(tmp_path / "moved" / "bee" / "1.wav", tone(2500.0), RATE)
    assert {("download_data", ""), ("train_fold", "model=sed_cnn, fold=0"), ("write_submission", "")} <= jobs(
        tmp_path / "moved"
    )
    gone = run_snakemake(tmp_path / "run", "--dry-run", config=config(tmp_path / "clips"), check=False)
    assert gone.returncode != 0
    assert "synthetic.clips: expected a folder, found none" in gone.stdout + gone.stderr
    assert "Traceback" not in gone.stdout + gone.stderr
