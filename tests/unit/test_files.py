"""Writing a file whole or not at all, beside others that write it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from understory.core import files


def test_a_file_appears_whole_and_a_failure_leaves_the_former_one(tmp_path):
    path = tmp_path / "folder/a"
    with files.replacing(path) as new:
        new.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    with suppress(RuntimeError), files.replacing(path) as new:
        new.write_text("two")
        raise RuntimeError
    assert path.read_text() == "one"
    assert os.listdir(path.parent) == ["a"]


WRITER = """
import sys
from pathlib import Path
from understory.core import files
with files.replacing(Path(sys.argv[1])) as new:
    with new.open("w") as file:
        file.write("half")
        file.flush()
        print("writing", flush=True)
        sys.stdin.readline()
        file.write(" and half")
"""


@pytest.fixture
def writer(tmp_path):
    """Another process that has written half of the file `a`."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "a")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "scripts"},
    )
    assert process.stdout.readline() == "writing\n"
    yield process
    process.kill()
    process.communicate()


def test_two_that_write_a_file_at_a_time_have_it_whole_each(tmp_path, writer):
    with files.replacing(tmp_path / "a") as new:
        new.write_text("another")
    assert (tmp_path / "a").read_text() == "another"
    writer.communicate("go on\n")
    assert writer.returncode == 0
    assert (tmp_path / "a").read_text() == "half and half"


def test_what_a_killed_process_left_is_deleted_by_the_next_that_writes_the_file(tmp_path, writer):
    writer.kill()
    writer.wait()
    with files.replacing(tmp_path / "b") as new:
        new.write_text("another file")
    assert len(os.listdir(tmp_path)) == 2
    with files.replacing(tmp_path / "a") as new:
        new.write_text("another")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_what_another_machine_may_still_write_is_left_for_a_day(tmp_path):
    fresh, old = tmp_path / ".a.other.example.7.part", tmp_path / ".a.other.example.8.part"
    for path in (fresh, old):
        path.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    with files.replacing(tmp_path / "a") as new:
        new.touch()
    assert set(os.listdir(tmp_path)) == {"a", fresh.name}


def test_a_folder_that_another_process_deletes_just_then_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda one, other: shutil.rmtree(tmp_path / "folder"))
    with files.replacing(tmp_path / "folder/a") as new:
        new.touch()
    assert not (tmp_path / "folder").exists()


def test_a_temporary_name_tells_whose_it_is(tmp_path):
    with files.replacing(tmp_path / "a") as new:
        assert re.fullmatch(rf"\.a\.{re.escape(socket.gethostname())}\.{os.getpid()}\.part", new.name)
        new.touch()
