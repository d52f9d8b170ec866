"""Long recordings are scored in bounded memory, and a run that is killed within one goes on where it was."""

import re
import subprocess
import sys
import time

import pytest
from background import Run, clear
from workflow import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.soak]

# MB
MOST = 1200


def measured(folder, **options):
    """The peak memory of the job that scores (MB), as the benchmark prints it."""
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, str(ROOT / "benchmarks/long_recordings.py"), str(folder), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(done.stdout)
    assert re.search(r"^all: \d+ s for .* times real time$", done.stdout, flags=re.M)
    return int(re.search(r"^score_recordings: .* (\d+) MB at most$", done.stdout, flags=re.M)[1])


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A folder with a day of sound in one file, models and what was detected with them, and the peak memory (MB)."""
    place = tmp_path_factory.mktemp("day")
    return place, measured(place, hours=24, suffix="flac")


def test_memory_does_not_grow_with_the_length_of_a_recording(day, tmp_path):
    most, hour = day[1], measured(tmp_path, hours=1, suffix="flac")
    print(f"an hour: {hour} MB, a day: {most} MB")
    assert most < MOST
    assert most < hour + 100


def test_ten_thousand_small_files(tmp_path):
    assert measured(tmp_path, hours=5 / 3600, files=10_000, suffix="wav") < MOST


def test_a_run_that_is_killed_half_way_through_a_day_goes_on_there(day, tmp_path):
    of_whole = day[0] / "work/results/demo/detections"
    parts = len(list((of_whole / "cache").rglob("*.npy")))
    config = {
        name: str(day[0] / folder) for name, folder in (("recordings", "recordings"), ("models_from", "run"))
    }
    config["detect"] = {"threshold": 0.5}
    found = tmp_path / "results/demo/detections"
    run = Run(tmp_path, config)
    while len(list((found / "cache").rglob("*.npy"))) < parts // 2:
        time.sleep(0.1)
    assert run.kill()
    # Processes that were killed take a moment to end.
    while clear(tmp_path).returncode:
        time.sleep(0.1)
    kept = {path: path.stat().st_mtime_ns for path in (found / "cache").rglob("*.npy")}
    assert parts // 2 <= len(kept) < parts
    run = Run(tmp_path, config)
    assert run.wait() == 0, run.output
    assert all(path.stat().st_mtime_ns == date for path, date in kept.items())
    for path in ("scores/new-0.parquet", "detections.csv", "summary.csv", "gallery.html"):
        assert (found / path).read_bytes() == (of_whole / path).read_bytes()
