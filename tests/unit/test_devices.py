"""Jobs on one machine share its GPUs: each has one to itself, and whatever a job dies of, its device is free again."""

import os
import queue
import signal
import subprocess
import sys
import threading

import pytest
from workflow import ROOT

from understory.core.errors import InputError
from understory.training import gpu_lock

JOB = """
import os, sys
from understory.training import gpu_lock
name = gpu_lock.take()
print("took", name, os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.readline()
"""
# Far longer than anything takes: only a failure waits so long.
LONG = 60


class Jobs:
    """Jobs that take a device, say so, and keep it until they are told to end."""

    def __init__(self, folder, **environment):
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), "TMPDIR": str(folder)}
        for variable in (gpu_lock.OVERRIDE, gpu_lock.VISIBLE, "SLURM_JOB_ID"):
            self.environment.pop(variable, None)
        self.environment.update(environment)
        self.taken, self.started = queue.Queue(), []

    def start(self):
        job = subprocess.Popen(
            [sys.executable, "-c", JOB],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.started.append(job)
        threading.Thread(target=self._follow, args=(job,), daemon=True).start()

    def _follow(self, job):
        for line in job.stdout:
            if line.startswith("took"):
                self.taken.put((job, *line.split()[1:]))

    def next(self):
        """The next job that took a device, its name, and what the job sees of devices."""
        return self.taken.get(timeout=LONG)

    def end(self, job, how):
        job.send_signal(how) if how else job.stdin.close()
        job.wait(timeout=LONG)

    def end_all(self):
        for job in self.started:
            job.kill()
            job.wait()


@pytest.fixture
def jobs(tmp_path):
    made = []

    def make(**environment):
        made.append(Jobs(tmp_path, **environment))
        return made[-1]

    yield make
    for each in made:
        each.end_all()


def test_twelve_jobs_on_three_devices(jobs):
    several = jobs(UNDERSTORY_GPUS="0,1,GPU-5f/2")
    for _ in range(12):
        several.start()
    at_work, served = {}, 0
    while served < 12:
        # Nothing is idle while work waits: there are as many takers as devices are free, or as jobs are left.
        while len(at_work) < min(3, 12 - served + len(at_work)) and served < 12:
            job, name, seen = several.next()
            assert name == seen
            assert name not in at_work, "two jobs at once on one device"
            at_work[name] = job
            served += 1
        assert len(at_work) == 3
        # No other takes what is taken.
        with pytest.raises(queue.Empty):
            several.taken.get(timeout=3 * gpu_lock.PAUSE)
        assert set(at_work) == {"0", "1", "GPU-5f/2"}
        name = sorted(at_work)[served % 3]
        # Every other job is killed, which takes back its lock as an end does.
        several.end(at_work.pop(name), signal.SIGKILL if served % 2 else None)
    assert len(several.started) == 12


def test_two_runs_share_the_devices(jobs):
    one, other = jobs(UNDERSTORY_GPUS="0"), jobs(CUDA_VISIBLE_DEVICES="0,-1,1")
    one.start()
    job, *_ = one.next()
    other.start()
    with pytest.raises(queue.Empty):
        other.taken.get(timeout=3 * gpu_lock.PAUSE)
    one.end(job, None)
    assert other.next()[1:] == ("0", "0")


@pytest.mark.parametrize("environment", [{"UNDERSTORY_GPUS": ""}, {"CUDA_VISIBLE_DEVICES": "-1"}])
def test_without_a_device_nothing_waits(jobs, environment, tmp_path):
    none = jobs(**environment)
    for _ in range(3):
        none.start()
    for _ in range(3):
        assert none.next()[1] == "None"
    assert list(tmp_path.iterdir()) == []


def test_what_slurm_gave_is_not_shared_with_other_jobs_of_slurm(jobs):
    """Where devices are fenced off, each of its jobs sees its own as number 0."""
    one, other = (jobs(SLURM_JOB_ID=job, CUDA_VISIBLE_DEVICES="0") for job in "12")
    for each in (one, other):
        each.start()
    assert one.next()[1:] == other.next()[1:] == ("0", "0")


def test_several_devices_that_slurm_gave_are_shared_within_its_job(jobs):
    one, other = (jobs(SLURM_JOB_ID=job, CUDA_VISIBLE_DEVICES="0,1") for job in "12")
    for each in (one, one, one, other):
        each.start()
    first, second = one.next(), one.next()
    assert {first[1], second[1]} == {"0", "1"}
    assert other.next()[1:] == ("0", "0")
    with pytest.raises(queue.Empty):
        one.taken.get(timeout=3 * gpu_lock.PAUSE)
    one.end(second[0], None)
    assert one.next()[1] == second[1]


def test_the_devices_of_the_machine(tmp_path, monkeypatch):
    for variable in (gpu_lock.OVERRIDE, gpu_lock.VISIBLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        gpu_lock.glob,
        "glob",
        lambda _: ["/dev/nvidia10", "/dev/nvidia2", "/dev/nvidiactl", "/dev/nvidia-uvm"],
    )
    assert gpu_lock.visible() == ["2", "10"]
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 0; echo 1\n")
    tool.chmod(0o755)
    assert gpu_lock.visible() == ["0", "1"]
    # Without a driver it fails.
    tool.write_text("#!/bin/sh\necho no driver; exit 9\n")
    assert gpu_lock.visible() == ["2", "10"]


def test_a_folder_of_anothers_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_lock.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"understory-{os.getuid()}-{gpu_lock.socket.gethostname()}").symlink_to(
        tmp_path / "elsewhere"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv(gpu_lock.OVERRIDE, "0")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(InputError, match="expected a folder of this user for the locks"):
        gpu_lock.take()
