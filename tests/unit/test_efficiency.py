"""Jobs record what they use; a report says by rule what was wasted, and a profile asks for what is needed."""

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from understory.core import usage
from understory.core.errors import InputError
from understory.core.usage import Record
from understory.run import efficiency, job


def record(rule="crop_windows", number=0, **changes):
    wildcards = {"shard": f"train-{number}"}
    base = {"threads": 1, "mem_mb": 1000, "runtime": 10, "started": 100.0 + number, "state": "finished"}
    used = {"seconds": 300.0, "processor_seconds": 150.0, "peak_mb": 400.0}
    return Record(rule, wildcards, **{**base, **used, **changes})


def keep(results, *records):
    for each in records:
        path = usage.place(results, each.rule, each.wildcards)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(each)))


def run_as_job(main, results, rule="crop_windows", prefix="", **resources):
    """Run a function as the main function of a script in a child, as the log takes all that a process prints."""
    log = results / f"logs/{rule}/train-0.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    given = SimpleNamespace(
        log=[str(log)], rule=prefix + rule, threads=2, wildcards={"shard": "train-0"}, resources=resources
    )
    if (child := os.fork()) == 0:
        try:
            job.run(main, given)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results/small"


@pytest.mark.parametrize("prefix", ["", "sounds_"])
def test_a_job_records_what_it_was_given_and_what_it_used(results, prefix, monkeypatch):
    monkeypatch.setattr(usage, "LOOK", 0.05)

    def main(_):
        held = bytearray(300_000_000)
        assert sum(number * number for number in range(10**6))
        assert held
        time.sleep(0.2)

    run_as_job(main, results, prefix=prefix, mem_mb=800, runtime=15)
    found = usage.read(usage.place(results, "crop_windows", {"shard": "train-0"}))
    assert found.state == "finished"
    assert (found.rule, found.wildcards, found.threads) == ("crop_windows", {"shard": "train-0"}, 2)
    assert (found.mem_mb, found.runtime) == (800, 15)
    assert 300 < found.peak_mb < 2000
    assert 0.2 < found.seconds < 60
    assert 0 < found.processor_seconds < found.seconds + 1


def test_what_a_job_starts_counts_as_well(results, monkeypatch):
    monkeypatch.setattr(usage, "LOOK", 0.05)
    program = "held = bytearray(300_000_000); print('held', flush=True); input()"

    def main(_):
        child = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout.readline() == b"held\n"
        time.sleep(0.3)
        child.communicate(b"\n")

    run_as_job(main, results)
    alone = usage.read(usage.place(results, "crop_windows", {"shard": "train-0"})).peak_mb
    run_as_job(lambda _: None, results)
    assert alone > 300 + usage.read(usage.place(results, "crop_windows", {"shard": "train-0"})).peak_mb


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ValueError("wrong"), "failed"),
        (InputError("wrong"), "failed"),
        (OSError(errno.EIO, "wrong"), "failed"),
        (OSError(errno.ENOMEM, "wrong"), "running"),
        (MemoryError("wrong"), "running"),
        (BrokenProcessPool("wrong"), "running"),
    ],
    ids=repr,
)
def test_a_job_that_fails_says_so_but_for_want_of_memory(results, error, state):
    def main(_):
        raise error

    run_as_job(main, results)
    assert usage.read(usage.place(results, "crop_windows", {"shard": "train-0"})).state == state


SIBLING = "held = bytearray(300_000_000); print('held', flush=True); input()"


@pytest.mark.parametrize("script", [True, False], ids=["a job beside it", "Snakemake"])
def test_of_its_slurm_job_snakemake_counts_and_jobs_beside_it_do_not(tmp_path, monkeypatch, script):
    monkeypatch.setenv("SLURM_JOB_ID", "of this test")
    place = tmp_path / (".snakemake/scripts" if script else "snakemake")
    place.mkdir(parents=True)
    (place / "own.py").write_text(SIBLING)
    before = usage._of_slurm_job()
    # Not a child of this process: as its own, that would not count either.
    starter = f"exec setsid -f {shlex.quote(sys.executable)} {shlex.quote(str(place / 'own.py'))}"
    reading, writing = os.pipe()
    with subprocess.Popen(
        ["sh", "-c", starter], stdin=reading, stdout=subprocess.PIPE, pass_fds=[]
    ) as started:
        os.close(reading)
        assert started.stdout.readline() == b"held\n"
        counted = usage._of_slurm_job() - before
        os.write(writing, b"\n")
    os.close(writing)
    assert (counted > 300e6) != script


def test_the_time_of_attempts_that_were_killed_is_kept(results):
    keep(results, record(state="running", seconds=50.0, earlier=7.0))
    run_as_job(lambda _: None, results, mem_mb=700, runtime=20)
    path = usage.place(results, "crop_windows", {"shard": "train-0"})
    assert usage.read(path).earlier == 57
    run_as_job(lambda _: None, results, mem_mb=700, runtime=20)
    assert usage.read(path).earlier == 0


def test_a_job_that_is_killed_leaves_its_last_record(results, monkeypatch):
    monkeypatch.setattr(usage, "LOOK", 0.05)
    path = usage.place(results, "crop_windows", {"shard": "train-0"})

    def main(_):
        before = usage.read(path).peak_mb
        held = bytearray(300_000_000)
        # Long before a record without news is written.
        end = time.monotonic() + 20
        while usage.read(path).peak_mb < before + 250 and time.monotonic() < end:
            time.sleep(0.02)
        assert held
        os.kill(os.getpid(), signal.SIGKILL)

    assert run_as_job(main, results, mem_mb=700, runtime=20) == -signal.SIGKILL
    found = usage.read(path)
    assert found.state == "running"
    assert found.peak_mb > 250
    assert found.seconds < 20
    assert (found.mem_mb, found.runtime) == (700, 20)


def test_no_folder_for_records_is_no_harm(results):
    results.mkdir(parents=True)
    (results / "logs").mkdir()
    (results / "logs/usage").write_text("in the way")
    done = results / "done"
    run_as_job(lambda _: done.touch(), results)
    assert done.exists()


@pytest.mark.parametrize(
    ("log", "rule", "found"),
    [
        ("results/a/logs/crop/x.log", "crop", ("results/a", "crop")),
        ("results/a/logs/split.log", "in_split", ("results/a", "split")),
        ("results/logs/logs/train/logs/fold0.log", "train", ("results/logs", "train")),
        ("results/a/logs/train/logs/train.log", "train", ("results/a", "train")),
        ("elsewhere/x.log", "crop", None),
    ],
)
def test_the_results_are_told_by_the_log(log, rule, found):
    assert usage.results_of(log, rule) == (found and (Path(found[0]), found[1]))


@given(
    st.lists(
        st.tuples(st.integers(1, 5000), st.floats(0, 9000), st.integers(1, 100), st.floats(0, 9000)),
        min_size=1,
    )
)
def test_waste_is_what_was_asked_for_and_not_used(jobs):
    found = [
        record(number=n, mem_mb=asked, peak_mb=peak, runtime=minutes, seconds=seconds)
        for n, (asked, peak, minutes, seconds) in enumerate(jobs)
    ]
    each = efficiency.used(found)
    time_lost = sum(max(minutes * 60 - seconds, 0) for _, _, minutes, seconds in jobs)
    assert each.time_waste == pytest.approx(time_lost / sum(60 * minutes for _, _, minutes, _ in jobs))
    held = sum(asked * seconds for asked, _, _, seconds in jobs)
    lost = sum(max(asked - peak, 0) * seconds for asked, peak, _, seconds in jobs)
    assert each.memory_waste == pytest.approx(lost / held if held else 0)


def test_the_report_says_what_was_asked_used_and_wasted(results):
    keep(
        results,
        record(),
        record(number=1, seconds=60.0, peak_mb=500.0),
        record("train_fold", 2, threads=2, mem_mb=4000, peak_mb=4000.0, runtime=60, seconds=3000.0),
        record("split_folds", 3, state="running"),
    )
    shown = efficiency.lines(efficiency.records(results))
    assert [line.split()[0] for line in shown[1:5]] == [
        "crop_windows",
        "train_fold",
        "split_folds",
        "together",
    ]
    assert shown[1].split()[1:] == ["2", "1000", "500", "58%", "10", "5.0", "70%", "0.8", "of", "1"]
    assert shown[2].split()[1:] == ["1", "4000", "4000", "0%", "60", "50.0", "17%", "0.1", "of", "2"]
    assert shown[-1] == "1 jobs have not ended, or were killed: split_folds"


def test_where_nothing_was_recorded_it_says_so(tmp_path):
    with pytest.raises(InputError, match="expected the results of a run whose jobs recorded what they used"):
        efficiency.records(tmp_path)
    keep(tmp_path, record())
    (tmp_path / "logs/usage/crop_windows/broken.json").write_text("{")
    assert len(efficiency.records(tmp_path)) == 1


def test_a_profile_asks_for_somewhat_more_than_the_most_that_was_used(results, tmp_path):
    keep(
        results,
        record(),
        record(number=1, peak_mb=610.0, seconds=500.0),
        record("train_fold", 2, state="running", mem_mb=4000, peak_mb=900.0),
        record("predict_fold", 3, state="running", seconds=590.0),
        # A training goes on where it was, another job begins anew.
        record("train_round", 4, seconds=300.0, earlier=600.0),
        record("validate_fold", 5, seconds=300.0, earlier=600.0),
    )
    base = tmp_path / "base"
    base.mkdir()
    settings = {"jobs": 7, "set-resources": {"train_fold": {"gpu_model": "a100", "mem_mb": 1}}}
    (base / "profile.yaml").write_text(yaml.safe_dump(settings))
    efficiency.main([str(results), "--profile", str(tmp_path / "own"), "--base", str(base)])
    written = yaml.safe_load((tmp_path / "own/profile.yaml").read_text())
    assert written["jobs"] == 7
    asked = {
        rule: {key: eval(text, {"attempt": 1}) for key, text in own.items() if key != "gpu_model"}
        for rule, own in written["set-resources"].items()
    }
    # 1.25 times 610 MB, and 1.4 times 500 s with 20 s for the start; what was killed had too little.
    assert asked["crop_windows"] == {"mem_mb": 800, "runtime": 12}
    assert asked["train_fold"] == {"mem_mb": 5000, "runtime": 10}
    assert asked["predict_fold"] == {"mem_mb": 500, "runtime": 20}
    assert asked["train_round"] == {"mem_mb": 500, "runtime": 22}
    assert asked["validate_fold"] == {"mem_mb": 500, "runtime": 8}
    assert written["set-resources"]["train_fold"]["gpu_model"] == "a100"
    assert eval(written["set-resources"]["crop_windows"]["mem_mb"], {"attempt": 3}) == 3200
    with pytest.raises(InputError, match="expected no file there"):
        efficiency.main([str(results), "--profile", str(tmp_path / "own")])
    for text, said in (
        ("[]", None),
        ("set-resources:", None),
        ("set-resources: {crop_windows: }", None),
        ("- a", "expected a mapping of Snakemake's options"),
        ("set-resources: [a]", "set-resources: expected a mapping of rules"),
        ("set-resources: {a: 1}", "set-resources: expected a mapping of rules"),
    ):
        (base / "profile.yaml").write_text(text)
        command = [str(results), "--profile", str(tmp_path / text), "--base", str(base)]
        if said is None:
            efficiency.main(command)
            continue
        with pytest.raises(InputError, match=said):
            efficiency.main(command)
    with pytest.raises(InputError, match="--base: expected a folder with"):
        efficiency.main([str(results), "--profile", str(tmp_path / "x"), "--base", str(results)])


@pytest.mark.slow
def test_a_run_takes_the_profile(results, tmp_path, run_snakemake):
    uneven = [record(number=number, seconds=seconds) for number, seconds in enumerate((3000.0, 60.0, 60.0))]
    keep(results, *uneven, record("inspect_recordings", 1, peak_mb=260.0))
    efficiency.main([str(results), "--profile", str(tmp_path / "own")])
    done = run_snakemake(tmp_path / "run", "--dry-run", "--profile", str(tmp_path / "own"))
    asked = dict(
        re.findall(r"^rule (\w+):\n(?: .*\n)*? +resources: .*?mem_mb=(\d+)", done.stdout, flags=re.M)
    )
    assert asked["crop_windows"] == "500"
    assert asked["inspect_recordings"] == "350"
    assert asked["split_folds"] not in ("500", "350")
    minutes = re.findall(
        r"^rule crop_windows:\n(?: .*\n)*? +resources: .*?runtime=(\d+)", done.stdout, flags=re.M
    )
    # Of the demo's six shards one is known to take long and two are not, and of three nothing is known.
    assert sorted(map(int, minutes)) == [2, 2, 71, 71, 71, 71]
