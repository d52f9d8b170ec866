"""Long recordings are scored in bounded memory, and a run that is killed within one goes on where it was."""

import re
import subprocess
import sys
import time

import long_recordings
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


def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path):
    quarter, hour = (measured(tmp_path / str(hours), hours=hours) for hours in (0.25, 1))
    day = measured(tmp_path / "day", hours=24, suffix="flac")
    print(f"a quarter of an hour: {quarter} MB, an hour: {hour} MB, a day: {day} MB")
    assert day < MOST
    assert day < hour + 100


def test_ten_thousand_small_files(tmp_path):
    assert measured(tmp_path, hours=5 / 3600, files=10_000, suffix="wav") < MOST


def test_a_run_that_is_killed_within_a_recording_goes_on_there(tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    long_recordings.write_recording(recordings / "long.flac", 0.5, 1)
    long_recordings.write_run(tmp_path / "run", "own")
    config = {"recordings": str(recordings), "models_from": str(tmp_path / "run")}
    kept = {}
    for name, killed in (("whole", False), ("killed", True)):
        place = tmp_path / name
        cache = place / "results/demo/detections/cache"
        run = Run(place, config)
        if killed:
            while len(list(cache.rglob("*.npy"))) < 2:
                time.sleep(0.05)
            assert run.kill()
            # Processes that were killed take a moment to end.
            while clear(place).returncode:
                time.sleep(0.1)
            kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
            run = Run(place, config)
        assert run.wait() == 0, run.output
    assert 2 <= len(kept) < 6
    assert all(path.stat().st_mtime_ns == date for path, date in kept.items())
    for path in ("scores/new-0.parquet", "detections.csv", "summary.csv", "gallery.html"):
        whole, other = (tmp_path / name / "results/demo/detections" / path for name in ("whole", "killed"))
        assert whole.read_bytes() == other.read_bytes()
