"""SIGKILL to the whole run, at any moment: the same command goes on, and ends with the same bytes."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from background import ENVIRONMENT, Run, clear

from understory.data import store

pytestmark = pytest.mark.slow

# How long after the start of a stage's job it may be killed, in seconds: as long as the job takes, about.
STAGES = {
    "inspect_recordings": 0.3,
    "list_quarantined": 0.3,
    "crop_windows": 0.4,
    "augment_windows": 0.7,
    "split_folds": 0.6,
    "compute_features": 0.6,
    "train_fold": 2.5,
    "validate_fold": 1.2,
    "predict_fold": 1.2,
    "ensemble_folds": 0.5,
    "write_submission": 0.4,
    "build_report": 1.5,
}


def killed_and_gone_on_with(place, config, kills, rng):
    """Kill a run so many times, at stages in turn; how often it was at work when it was killed, by stage."""
    hit = dict.fromkeys(STAGES, 0)
    for number in range(kills):
        # A stage that is done already is not waited for.
        awaited = list(STAGES)[number * len(STAGES) // kills :]
        run = Run(place, config)
        run.until(*(f"{kind} {stage}:" for kind in ("rule", "localrule") for stage in awaited))
        stage = next((s for s in awaited if {f"rule {s}:", f"localrule {s}:"} & set(run.lines)), awaited[0])
        time.sleep(rng.uniform(0, STAGES[stage]))
        hit[stage] += run.kill()
        for _ in range(100):
            done = clear(place)
            if done.returncode == 0:
                break
            time.sleep(0.1)
        assert done.returncode == 0, done.stderr
    last = Run(place, config)
    assert last.wait() == 0, last.output
    return hit


def test_a_run_that_is_killed_at_every_second_stage_ends_as_if_it_had_not_been(
    config, tmp_path, same_as_first
):
    """`make soak` kills at each."""
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    kills = len(STAGES) // 2
    hit = killed_and_gone_on_with(tmp_path, config, kills, rng)
    assert sum(hit.values()) >= kills - 2, hit
    same_as_first(tmp_path)
    again = Run(tmp_path, config)
    assert again.wait() == 0
    assert "Nothing to be done" in again.output


@pytest.mark.soak
def test_two_hundred_kills(config, tmp_path, same_as_first):
    for part in range(10):
        rng = np.random.default_rng([part, int.from_bytes(os.urandom(4))])
        killed_and_gone_on_with(tmp_path / str(part), config, 20, rng)
        same_as_first(tmp_path / str(part))


WRITER = """
import sys, numpy as np, pandas as pd
from understory.data import store
print("ready", flush=True)
while True:
    array = np.full((200, 100_000), int(sys.stdin.readline()), dtype=np.int32)
    store.write(sys.argv[1], sys.argv[2], array, pd.DataFrame({"example_id": [str(array[0, 0])] * 200}))
    print("written", flush=True)
"""


def size(folder, process):
    """Bytes of the array that a process has written; None where it is not there, or is renamed just now."""
    for path in folder.glob(f".a.npy.*.{process}.part"):
        with suppress(FileNotFoundError):
            return path.stat().st_size
    return None


def test_a_file_that_is_killed_in_the_writing_is_the_former_one_or_the_new_one(tmp_path):
    array, index = tmp_path / "a.npy", tmp_path / "a.csv"
    rng = np.random.default_rng(0)
    for number in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(array), str(index)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        writer.stdout.readline()
        writer.stdin.write("1\n")
        writer.stdin.flush()
        if number == 0:
            assert writer.stdout.readline() == "written\n"
            writer.stdin.write("2\n")
            writer.stdin.flush()
        # The size of 80 MB that has been written by then says where in the writing it is.
        wanted = rng.uniform(0, 8e7)
        while ((written := size(tmp_path, writer.pid)) or 0) < wanted and writer.poll() is None:
            if number and written is None and array.stat().st_mtime > time.time() - 0.2:
                break
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        found = np.load(array)
        assert len(np.unique(found)) == 1
        assert found.shape == (200, 100_000)
        assert len(store.read_table(index)) == 200
