"""A disk that is full, data that may not be written to, and two runs in one folder."""

import os
import subprocess
from contextlib import suppress

import pytest
from background import Run, clear

pytestmark = pytest.mark.slow


@pytest.fixture
def mount(tmp_path):
    """A function that mounts something on a new folder, or skips where that is not permitted."""
    mounted = []

    def do(name, *options):
        place = tmp_path / name
        place.mkdir()
        done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield do
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(path, left):
    """Fill the disk with a file but for so many bytes, while others write to it, so that what is written next does not fit."""
    with open(path, "wb") as filler:
        while (room := os.statvfs(path.parent)).f_bavail * room.f_frsize > left:
            with suppress(OSError):
                os.posix_fallocate(filler.fileno(), filler.tell(), room.f_bavail * room.f_frsize - left // 2)
                filler.seek(0, os.SEEK_END)


def test_a_full_disk_is_said_and_what_is_finished_stays(config, mount, same_as_first):
    place = mount("disk", "-t", "tmpfs", "-o", "size=300m", "tmpfs")
    run = Run(place, config)
    assert run.until("rule crop_windows:", "localrule crop_windows:")
    fill(place / "filler", 300_000)
    assert run.wait() != 0
    assert "Make room and give the same command again" in run.output
    for array in (place / "results/small").rglob("*.npy"):
        assert array.stat().st_size > 1000
    (place / "filler").unlink()
    assert clear(place).returncode == 0
    again = Run(place, config)
    assert again.wait() == 0, again.output
    same_as_first(place)


def test_a_second_run_in_the_same_folder_is_told_so(config, tmp_path):
    targets = [
        f"results/small/examples/log_mel/{variant}/train-{shard}.npy"
        for variant in (0, 1)
        for shard in (0, 1)
    ]
    run = Run(tmp_path, config, "--", *targets)
    assert run.until("rule crop_windows:", "localrule crop_windows:")
    second = Run(tmp_path, config, "--", *targets)
    assert second.wait() != 0
    assert "cannot be locked" in second.output
    told = clear(tmp_path)
    assert told.returncode != 0
    assert "is still active here" in told.stderr
    assert run.wait() == 0, run.output
    assert clear(tmp_path).returncode == 0
    again = Run(tmp_path, config, "--", *targets)
    assert again.wait() == 0
    assert "Nothing to be done" in again.output


def test_data_that_may_not_be_written_to_are_read(folder, config, mount, tmp_path):
    place = mount("data", "--bind", "-o", "ro", str(folder))
    done = subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting read-only is not permitted here: {done.stderr.strip()}")
    with pytest.raises(OSError, match="Read-only"):
        (place / "x").touch()
    run = Run(
        tmp_path / "run",
        {**config, "data": str(place)},
        "--",
        "results/small/examples/log_mel/1/train-0.npy",
        "results/small/folds.csv",
    )
    assert run.wait() == 0, run.output
