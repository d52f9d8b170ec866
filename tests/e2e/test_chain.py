"""The real Snakefile from recordings to the report."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow import copy_source, planned

from understory.run import summary

pytestmark = pytest.mark.slow


def state(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in [folder, *folder.rglob("*")]}


def test_a_run_writes_nothing_into_the_data(run_snakemake, folder, small, tmp_path):
    before = state(folder)
    run_snakemake(
        tmp_path,
        "results/small/examples/log_mel/0/train-0.npy",
        "results/small/examples/log_mel/0/test-0.npy",
        config=small(data=str(folder)),
    )
    assert state(folder) == before


def test_a_run_writes_what_it_says(first, folder):
    out = first / "results" / "small"
    sample = pd.read_csv(folder / "sample_submission.csv")
    submission = pd.read_csv(out / "submission.csv")
    assert list(submission.columns) == list(sample.columns)
    assert list(submission.recording_id) == list(sample.recording_id)
    values = submission.drop(columns="recording_id").to_numpy()
    assert (np.isfinite(values) & (values >= 0) & (values <= 1)).all()
    scores = json.loads((out / "scores.json").read_text())
    assert list(scores) == ["name", "metric", "folds", "oof", "oof_interval", "caveats", "truth"]
    assert [(entry["model"], entry["fold"]) for entry in scores["folds"]] == [("sed_cnn", 0), ("sed_cnn", 1)]
    assert scores["truth"] is None
    page = (out / "report.html").read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "url(" not in page
    for kind in ("last.keras", "best.keras", "history.csv", "oof.csv"):
        assert (out / "models/sed_cnn/fold0" / kind).stat().st_size
    assert not (out / "resume").exists() or not any((out / "resume").iterdir())
    log = (out / "logs/train_fold/sed_cnn/fold0.log").read_text()
    assert re.search(r"^epoch 1/1 .*val_lwlrap 0\.\d+ \d+ examples/s, ", log, flags=re.M)


def test_a_run_ends_with_five_lines_and_the_warnings_of_its_report(first):
    shown = summary.lines(first / "results" / "small", tested=True)
    heads = [line.split()[0] for line in shown]
    assert heads[:5] == ["submission", "report", "folds", "out-of-fold", "truth"]
    page = (first / "results/small/report.html").read_text()
    assert set(heads[5:]) <= {"warning"}
    assert all(line.removeprefix("warning").strip() in page for line in shown[5:])
    scores = json.loads((first / "results/small/scores.json").read_text())
    low, high = (scores["oof_interval"][side] for side in ("low", "high"))
    assert shown[3].endswith(f"lwlrap {scores['oof']:.3f} (95 % interval {low:.3f} to {high:.3f})")
    assert shown[4].endswith("unknown")
    assert "quarantined" not in shown[0]
    assert all(Path(line.split()[1]).exists() for line in shown[:2])


def test_a_second_run_has_nothing_to_do(first, run_snakemake, folder, small, tmp_path):
    shutil.copytree(first, tmp_path / "run")
    done = run_snakemake(tmp_path / "run", config=small(data=str(folder)))
    assert "Nothing to be done" in done.stdout + done.stderr


def test_neither_cores_nor_shards_change_the_submission(first, run_snakemake, folder, small, tmp_path):
    """Two cores and 2 shards of training recordings, against one core and 4; of the test shards some are empty."""
    config = small(data=str(folder), shards={"train": 4, "test": 7}, report={"examples": 0})
    run_snakemake(tmp_path, config=config, cores=1)
    assert "" in [path.read_text().partition("\n")[2] for path in tmp_path.rglob("recordings/test-*.csv")]
    for name in (
        "submission.csv",
        "scores.json",
        "models/sed_cnn/fold1/last.keras",
        "predictions/sed_cnn/fold1.csv",
        "folds.csv",
    ):
        one, other = ((place / "results/small" / name).read_bytes() for place in (first, tmp_path))
        assert one == other, name


def test_a_clone_can_be_inspected_before_there_are_any_data(run_snakemake, tmp_path):
    done = run_snakemake(tmp_path, "--dry-run")
    for rule in ("download_data", "crop_windows", "train_fold", "build_report"):
        assert re.search(rf"^{rule} +\d+$", done.stdout, flags=re.M)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"split": {"n_split": 5}}, "split.n_split: no such key; did you mean split.n_splits?"),
        ({"data": "nowhere"}, "data: expected a folder, found none at /"),
        (
            {"crop": {"hop": 11}},
            "crop.hop: expected at least one sample and at most crop.window (5), given 11",
        ),
        ({"dataset": "esc50", "shards": {"test": 0}}, "the reader esc50 has no synthetic data set"),
    ],
)
def test_what_is_wrong_with_the_configuration_is_said_before_any_job(run_snakemake, tmp_path, config, said):
    done = run_snakemake(tmp_path, config=config, check=False)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "results").exists()


def test_a_folder_that_snakemake_cannot_work_from_is_said(run_snakemake, tmp_path):
    copy_source(tmp_path / "{x}")
    done = run_snakemake(tmp_path / "run", "--dry-run", source=tmp_path / "{x}", check=False)
    assert done.returncode != 0
    assert (
        "expected a folder without braces, which Snakemake takes for wildcards" in done.stdout + done.stderr
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_the_files_and_the_command_line_are_read_as_they_are_written(run_snakemake, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("crop:\n  window: 4\n  hop: 1\n  window: 5\n")
    done = run_snakemake(tmp_path / "run", "--dry-run", "--configfile", str(path), check=False)
    assert f"{path}, line 4: window comes twice, first in line 2" in done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    nested = "models={sed_cnn: {epochs: 11, optimiser: {learning_rate: 1e-5}}}"
    run_snakemake(tmp_path / "run", "--dry-run", "--config", nested, "train=sed_cnn")


def test_too_small_a_disk_is_noticed_before_any_job(run_snakemake, folder, small, tmp_path):
    done = run_snakemake(
        tmp_path, config=small(data=str(folder), augment={"copies": 1000}, crop={"window": 3600}), check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(r"expected room for about \d+\.\d GB of windows and features, found", said)
    assert "Traceback" not in said
    assert not list((tmp_path / "results").rglob("*.npy"))


def test_features_of_copies_that_are_not_kept_have_the_same_bytes(
    run_snakemake, folder, small, first, tmp_path
):
    """No copy is written, and the job that computes its features depends on all that the copy does."""
    config, target = small(data=str(folder), augment={"keep_copies": False}), "results/small/examples/log_mel"
    targets = [f"{target}/{variant}/train-0.npy" for variant in (0, 1)]
    done = run_snakemake(tmp_path, *targets, config=config)
    assert "augment_windows" not in done.stdout + done.stderr
    for path in [*targets, *(path.replace(".npy", ".csv") for path in targets)]:
        assert (tmp_path / path).read_bytes() == (first / path).read_bytes(), path
    assert not (tmp_path / "results/small/augmented").exists()
    again = run_snakemake(tmp_path, "--dry-run", *targets, config=config)
    assert planned(again.stdout) == set()
    copy = {("compute_features", "features=log_mel, variant=1, shard=train-0")}
    chain = [{"PitchShift": {"max_steps": 4}}]
    other = small(data=str(folder), augment={"keep_copies": False, "chain": chain})
    assert planned(run_snakemake(tmp_path, "--dry-run", *targets, config=other).stdout) == copy
    source = tmp_path / "source"
    copy_source(source)
    for module in ("transforms/time_shift", "vocoder"):
        with open(source / f"scripts/understory/audio/{module}.py", "a") as file:
            file.write("\n\nADDED = 1\n")
        changed = run_snakemake(tmp_path, "--dry-run", *targets, config=config, source=source)
        assert planned(changed.stdout) == copy, module


def test_a_data_set_with_folds_of_its_own_and_no_test_recordings(run_snakemake, tmp_path):
    """ESC-50's layout: two classes, and folds of its own. The hop of test windows does not matter: it is longer than the window."""
    rng, rate = np.random.default_rng(0), 22_050
    data = tmp_path / "data"
    (data / "meta").mkdir(parents=True)
    (data / "audio").mkdir()
    rows = []
    for fold in (1, 2):
        for take in range(4):
            for target, category in enumerate(("dog", "rain")):
                name = f"{fold}-{take}-A-{target}.wav"
                t = np.arange(rate * 5) / rate
                wave = np.sin(2 * np.pi * (400 + 3000 * target) * t) * 0.3 + rng.normal(size=len(t)) * 0.02
                soundfile.write(data / "audio" / name, wave, rate)
                rows.append(f"{name},{fold},{target},{category},True")
    (data / "meta" / "esc50.csv").write_text("filename,fold,target,category,esc10\n" + "\n".join(rows) + "\n")
    config = {
        "data": str(data),
        "crop": {"window": 4, "hop": 5},
        "split": {"n_splits": 2},
        "augment": {"copies": 0},
        "models": {"sed_cnn": {"options": {"filters": [4], "dense": 8}, "epochs": 1}},
    }
    run_snakemake(tmp_path, recipe="esc50", config=config)
    out = tmp_path / "results/esc50"
    folds = pd.read_csv(out / "folds.csv")
    assert (folds.fold == folds.recording_id.str[0].astype(int) - 1).all()
    scores = json.loads((out / "scores.json").read_text())
    assert scores["metric"] == "accuracy"
    assert len(scores["folds"]) == 2
    assert (out / "report.html").exists()
    assert not (out / "submission.csv").exists()


def test_the_real_recordings_that_are_there_are_cut_and_transformed(run_snakemake, real, tmp_path):
    """Four of the competition's recordings, with all of their events and no others."""
    config = {
        "data": str(real("rfcx")),
        "subset": "available",
        "shards": {"train": 2, "test": 1},
        "split": {"n_splits": 2},
        "augment": {"copies": 1},
    }
    targets = [
        f"results/rfcx/examples/log_mel/{variant}/train-{shard}.csv" for variant in (0, 1) for shard in (0, 1)
    ]
    run_snakemake(tmp_path, *targets, recipe="rfcx", config=config)
    names = {path.stem for path in (real("rfcx") / "train").iterdir()}
    events = pd.concat(
        [pd.read_csv(real("rfcx") / f"train_{kind}.csv").assign(kind=kind) for kind in ("tp", "fp")]
    )
    events = events[events.recording_id.isin(names)]
    for variant in (0, 1):
        index = pd.concat(pd.read_csv(tmp_path / target) for target in targets if f"/{variant}/" in target)
        arrays = [
            np.load((tmp_path / target).with_suffix(".npy")) for target in targets if f"/{variant}/" in target
        ]
        assert sum(map(len, arrays)) == len(index) == len(events)
        assert {array.shape[1:] for array in arrays} == {(128, 938)}
        assert all(np.isfinite(array).all() and array.dtype == np.float16 for array in arrays)
        found = sorted(zip(index.recording_id, index.label, index.t_min.round(4), strict=True))
        assert found == sorted(
            zip(events.recording_id, "s" + events.species_id.astype(str), events.t_min.round(4), strict=True)
        )


def test_the_absent_recordings_of_a_real_data_set_are_set_aside_by_name(run_snakemake, real, tmp_path):
    config = {"data": str(real("rfcx")), "max_quarantined": 1.0, "shards": {"train": 2, "test": 1}}
    run_snakemake(tmp_path, "results/rfcx/quarantine.csv", recipe="rfcx", config=config)
    found = pd.read_csv(tmp_path / "results/rfcx/quarantine.csv", dtype=str)
    tables = [pd.read_csv(real("rfcx") / f"train_{kind}.csv", dtype=str) for kind in ("tp", "fp")]
    absent = set(pd.concat(tables).recording_id) - {p.stem for p in (real("rfcx") / "train").iterdir()}
    train = found[found.subset == "train"]
    assert len(train) == len(absent) == 4723
    assert set(train.recording_id) == absent
    assert set(found.reason) == {"expected an audio file, found none"}
