"""Events in new recordings, detected with the models of a finished run."""

import csv
import filecmp
import re
import shutil

import numpy as np
import pytest
from workflow import planned

from understory.data import store
from understory.inference import new_recordings, window_scores

pytestmark = pytest.mark.slow

# Low, as models of one epoch are not sure of anything.
SETTINGS = {"threshold": 0.0475, "merge_gap": 0.0}
SCORING = {("score_recordings", f"shard=new-{number}") for number in range(3)}
EVENTS = {("detect_events", ""), ("show_detections", ""), ("detections", "")}


def detecting(run, folder, recordings, first, *options, config=None, **changes):
    """Detect, as a user does who has nothing but recordings and the folder of a finished run."""
    settings = {"detect": {**SETTINGS, **changes}}
    given = [f"recordings={recordings}", f"models_from={first / 'results/small'}"]
    return run(folder, "detections", "--config", *given, *options, config={**settings, **(config or {})})


@pytest.fixture(scope="module")
def recordings(folder, tmp_path_factory):
    """Five recordings in nested folders, and two files that cannot be read."""
    place = tmp_path_factory.mktemp("new")
    for number, path in enumerate(sorted((folder / "test").iterdir())[:5]):
        name = [path.name, "a/Käuz\n2.flac", "a/20240503_041500.flac", "b/c/x.flac", "b/y.flac"][number]
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / name)
    (place / "b/damaged.flac").write_bytes((place / "b/y.flac").read_bytes()[:-5000])
    (place / "empty.WAV").touch()
    return place


@pytest.fixture(scope="module")
def detected(run_snakemake, first, recordings, tmp_path_factory):
    """The folder of a run of three shards, and what it said."""
    place = tmp_path_factory.mktemp("detected")
    return place, detecting(run_snakemake, place, recordings, first, shards=3)


def results(place):
    return place / "results/demo/detections"


def test_scores_are_those_of_the_workflow_and_a_bad_file_costs_one(detected, first, folder, recordings):
    place, done = detected
    assert planned(done.stdout + done.stderr) == SCORING | EVENTS
    said = done.stdout
    assert "2 recordings, see results/demo/detections/failed.csv: b/damaged.flac: expected " in said
    assert "0.0475" not in said
    found = {each.path: each for each in window_scores.read((results(place) / "scores").glob("*.parquet"))}
    assert len(found) == 5
    folds = [
        store.read_table(first / f"results/small/predictions/sed_cnn/fold{fold}.csv") for fold in range(2)
    ]
    paths = sorted((folder / "test").iterdir())[:5]
    names = [paths[0].name, "a/Käuz\n2.flac", "a/20240503_041500.flac", "b/c/x.flac", "b/y.flac"]
    for path, name in zip(paths, names, strict=True):
        own = [fold[fold.recording_id == path.stem] for fold in folds]
        assert found[name].starts.tolist() == own[0].start.tolist()
        values = np.mean([each.iloc[:, 3:].to_numpy() for each in own], axis=0)
        assert found[name].scores == pytest.approx(values, abs=1e-6)
    rows = list(csv.DictReader((results(place) / "detections.csv").open()))
    assert list(rows[0])[:7] == ["path", "start", "end", "label", "score", "probability", "threshold"]
    assert {row["path"] for row in rows} <= set(names)
    assert any("2024-05-03 04:00" in line for line in (results(place) / "summary.csv").open())
    failed = list(csv.DictReader((results(place) / "failed.csv").open()))
    assert [row["path"] for row in failed] == ["b/damaged.flac", "empty.WAV"]
    page = (results(place) / "gallery.html").read_text()
    assert "data:image/webp" in page
    assert len(page) < 700_000


SAME = ("activity.svg", "detections.csv", "failed.csv", "gallery.html", "recordings.csv", "summary.csv")


def files_below(place):
    return {path.relative_to(place): path for path in place.rglob("*") if path.is_file()}


def test_shards_and_interruptions_make_no_difference(detected, run_snakemake, first, recordings, tmp_path):
    """What a killed job leaves is its cache: half of it is there, and is not computed again."""
    before = results(detected[0])
    kept = sorted(files_below(before / "cache"))[::2]
    for path in kept:
        (results(tmp_path) / "cache" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(before / "cache" / path, results(tmp_path) / "cache" / path)
    after = results(tmp_path)
    # Of a run with more shards.
    for path in (after / "scores/new-7.parquet", after / "failed/new-7.csv"):
        path.parent.mkdir(parents=True)
        path.touch()
    detecting(run_snakemake, tmp_path, recordings, first, shards=1)
    assert [path.name for path in (after / "failed").iterdir()] == ["new-0.csv"]
    # The only job has two cores, each of three has one.
    logs = [
        (place / "results/demo/logs/score_recordings/new-0.log").read_text()
        for place in (tmp_path, detected[0])
    ]
    assert [re.findall(r"scored at once: (\d+)", log) for log in logs] == [["2"], ["1"]]
    assert filecmp.cmpfiles(before, after, SAME, shallow=False)[0] == list(SAME)
    for name in ("raven", "audacity", "cache"):
        own, others = files_below(before / name), files_below(after / name)
        assert sorted(own) == sorted(others)
        assert all(own[path].read_bytes() == others[path].read_bytes() for path in own)
    touched = {
        path
        for path, file in files_below(after / "cache").items()
        if file.stat().st_mtime_ns != files_below(before / "cache")[path].stat().st_mtime_ns
    }
    assert touched == set(files_below(before / "cache")) - set(kept)
    scores = [sorted((place / "scores").glob("*.parquet")) for place in (before, after)]
    assert [len(paths) for paths in scores] == [3, 1]
    one, other = (list(window_scores.read(paths)) for paths in scores)
    assert [each.path for each in one] == [each.path for each in other]
    for a, b in zip(one, other, strict=True):
        assert a.scores.tobytes() == b.scores.tobytes()


# Last, as it changes the recordings.
def test_only_what_changed_is_detected_again(detected, run_snakemake, first, recordings):
    place, _ = detected

    def plan(**changes):
        done = detecting(run_snakemake, place, recordings, first, "-n", **{"shards": 3, **changes})
        return planned(done.stdout + done.stderr)

    assert plan() == set()
    assert plan(smoothing=3) == EVENTS
    assert plan(hop=1.0) == SCORING | EVENTS
    shutil.copy(recordings / "b/y.flac", recordings / "b/z.flac")
    with open(recordings / "b/z.flac", "r+b") as file:
        # Another file: the vendor's name in its header.
        file.seek(60)
        file.write(b"x")
    shard = new_recordings.shard_of("b/z.flac", 3)
    before = files_below(results(place) / "cache")
    dates = {path: file.stat().st_mtime_ns for path, file in before.items()}
    done = detecting(run_snakemake, place, recordings, first, shards=3)
    assert planned(done.stdout + done.stderr) == {("score_recordings", f"shard={shard}")} | EVENTS
    after = files_below(results(place) / "cache")
    assert len(set(after) - set(before)) == 1
    assert all(after[path].stat().st_mtime_ns == date for path, date in dates.items())


def test_a_run_that_only_detects_asks_for_recordings(run_snakemake, first, tmp_path):
    done = run_snakemake(tmp_path, "detections", check=False)
    assert done.returncode
    assert (
        "recordings: expected the folder of the recordings to detect events in" in done.stdout + done.stderr
    )
    assert "Traceback" not in done.stdout + done.stderr
    done = detecting(
        lambda *given, **more: run_snakemake(*given, check=False, **more), tmp_path, tmp_path / "no", first
    )
    assert done.returncode
    assert "recordings: expected a folder with sound files" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
