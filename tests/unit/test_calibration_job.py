"""What the job that fits thresholds takes for background."""

import json
import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from workflow import ROOT

from understory.data import store
from understory.data.dataset import Annotation, Dataset, Quarantined, Recording
from understory.evaluation.detections import thresholds as detection_thresholds
from understory.inference import window_scores

NAMES = ("good", "late", "lost")


class Seen(BaseException):
    """What the thresholds would be fitted to."""


@pytest.fixture
def job(tmp_path):
    """Of three annotated recordings of 9 s, the reader quarantined a row of `lost`; the event of `late` is after its end."""
    table = pd.DataFrame({"recording_id": NAMES, "path": [f"{name}.wav" for name in NAMES]})
    table = table.assign(sample_rate=8000, channels=1, frames=72_000)
    store.write_table(tmp_path / "recordings.csv", table)
    store.write_table(tmp_path / "folds.csv", pd.DataFrame({"recording_id": NAMES, "fold": [0, 1, 0]}))
    settings = {"classes": ["owl"], "exhaustive": True, "metric": "lwlrap", "unit": "recording"}
    (tmp_path / "labels.json").write_text(json.dumps({**settings, "scored": "example", "none": None}))
    for file, names in (("scores", NAMES), ("probes", ())):
        writer = window_scores.Writer(tmp_path / f"{file}.parquet", ["owl"])
        for name in names:
            starts = np.arange(0.0, 9.0, 3.0)
            writer.add(name, starts, starts + 3, np.full((3, 1), 0.5, np.float32))
        writer.close()
    annotations = tuple(Annotation(name, "owl", "present", 1.0, 2.0) for name in NAMES)
    tables = Dataset(
        ("owl",),
        tuple(Recording(name, f"{name}.wav", "train") for name in NAMES),
        (*annotations, Annotation("late", "owl", "present", 20.0, 21.0)),
        True,
        quarantined=(Quarantined("train", "annotation", "lost", "a.csv, line 2", "are these kHz?"),),
    )
    detect = {"smoothing": 1, "low": 0.75, "merge_gap": 1.0, "min_duration": 0.0}
    params = {"name": "own", "n_splits": 2, "detect": detect, "precision": 0.9, "seed": 1, "threshold": 0.7}
    return SimpleNamespace(
        input=SimpleNamespace(
            labels=tmp_path / "labels.json",
            recordings=[tmp_path / "recordings.csv"],
            folds=tmp_path / "folds.csv",
            scores=[tmp_path / "scores.parquet"],
            probes=tmp_path / "probes.parquet",
        ),
        params=SimpleNamespace(settings=params, source=SimpleNamespace(read=lambda: tables)),
    )


def test_recordings_of_which_a_row_is_quarantined_have_no_background(job, monkeypatch):
    def seen(held_out, *others, **options):
        assert options["fixed"] == 0.7
        raise Seen({each.name: each.exhaustive for each in held_out})

    monkeypatch.setattr(detection_thresholds, "calibrate", seen)
    with pytest.raises(Seen) as found:
        runpy.run_path(str(ROOT / "scripts/calibrate_detections.py"))["main"](job)
    assert found.value.args[0] == {"good": True, "late": False, "lost": False}
