import hashlib
import os

import pytest

from understory.core import file_digests
from understory.core import files as files_module
from understory.core.file_digests import FileDigests


@pytest.fixture
def files(tmp_path):
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode() * 1000)
        os.utime(tmp_path / name, (1, 1))
    return [tmp_path / name for name in "abc"]


@pytest.fixture
def settled(monkeypatch):
    """Files count as settled at once: a change date cannot be set back."""
    monkeypatch.setattr(file_digests, "SETTLED", -1.0)


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_digest_is_of_the_content_never_of_the_dates(tmp_path, files):
    before = FileDigests(tmp_path / "index").identities(files)
    assert before == [sha(path) for path in files]
    os.utime(files[0])
    assert FileDigests(tmp_path / "index").identities(files) == before
    files[0].write_bytes(b"A" * 1000)
    os.utime(files[0], (1, 1))
    assert FileDigests(tmp_path / "index").identities(files)[0] == sha(files[0]) != before[0]


def test_what_is_remembered_is_not_read_again(tmp_path, files, settled, monkeypatch):
    before = FileDigests(tmp_path / "index").identities(files)
    read = []
    real = file_digests._digest
    monkeypatch.setattr(file_digests, "_digest", lambda path: read.append(path) or real(path))
    assert FileDigests(tmp_path / "index").identities(files) == before
    assert read == []
    files[1].write_bytes(b"B" * 1000)
    os.utime(files[1], (1, 1))
    assert FileDigests(tmp_path / "index").identities(files) == [before[0], sha(files[1]), before[2]]
    assert read == [str(files[1])]


def test_of_files_that_never_change_a_known_one_is_not_looked_at(tmp_path, files, settled, monkeypatch):
    index = FileDigests(tmp_path / "index")
    before = index.identities(files[:2])
    known = FileDigests(tmp_path / "index").of_files(append_only=True)
    looked = []
    real = file_digests.stamp
    monkeypatch.setattr(file_digests, "stamp", lambda path, **how: looked.append(path) or real(path, **how))
    # Replaced and deleted, which is what is not seen; added, which is.
    files[0].write_bytes(b"A" * 7)
    files[1].unlink()
    assert known.identities(files) == [*before, sha(files[2])]
    assert set(looked) == {str(files[2])}
    assert [known.size(str(path)) for path in files] == [1000, 1000, 1000]
    assert [known.is_known(str(path)) for path in (*files, tmp_path / "d")] == [True, True, True, False]
    assert known.size(str(tmp_path / "d")) == 0
    strict = index.of_files(append_only=False)
    assert strict is index
    assert not strict.is_known(str(files[2]))
    assert strict.identities(files) == [sha(files[0]), "missing", sha(files[2])]
    assert strict.size(str(files[0])) == 7


def test_much_to_read_is_told_once_and_before(tmp_path, files, settled, monkeypatch, capsys):
    monkeypatch.setattr(file_digests, "MUCH", 1500)
    index = FileDigests(tmp_path / "index")
    index.identities(files[:1], among=lambda: files)
    assert capsys.readouterr().err.startswith(
        "reading 3 files, 0.0 GB, to know what they hold; remembered in "
    )
    index.identities(files[1:], among=lambda: files)
    FileDigests(tmp_path / "index").identities(files)
    assert capsys.readouterr().err == ""


def test_a_file_that_was_just_written_is_not_remembered(tmp_path, files):
    FileDigests(tmp_path / "index").identities(files)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    "damage", ["", "{", "[1, 2]", '["a", [1], "x"]\n', "\x00\n", '["/a", [1, 2, 3, 4], "b']
)
def test_a_damaged_index_is_no_harm(tmp_path, files, settled, damage):
    (tmp_path / "index").write_text(damage)
    first = FileDigests(tmp_path / "index").identities(files)
    assert first == [sha(path) for path in files]
    again = FileDigests(tmp_path / "index")
    again.identities(files)
    assert set(again._known) >= set(map(str, files))


def test_a_line_that_two_nodes_wrote_over_each_other_does_not_count(tmp_path, files, settled):
    """A network file system may put the lines that they append in the same place."""
    expected = FileDigests(tmp_path / "index").identities(files)
    one, other, _ = (line for line in (tmp_path / "index").read_text().splitlines() if line)
    assert len(one) == len(other)
    middle = one.index(expected[0]) + 32
    (tmp_path / "index").write_text(f"{one[:middle]}{other[middle:]}\n")
    assert FileDigests(tmp_path / "index").identities(files) == expected


@pytest.mark.parametrize("fresh", [True, False])
def test_a_file_that_another_machine_wrote_just_now_is_seen_where_it_is_asked_for(
    tmp_path, files, settled, monkeypatch, fresh
):
    """A network file system tells what it knows of a name, and asks its server when the file is opened."""
    index = FileDigests(tmp_path / "index")
    before, known, stat = index.identities(files), {str(path): os.stat(path) for path in files}, os.stat
    monkeypatch.setattr(os, "stat", lambda path, **options: known.get(path) or stat(path, **options))
    files[0].write_bytes(b"other")
    index.fresh = fresh
    assert (index.identities(files) == [sha(files[0]), *before[1:]]) == fresh
    # The former content of another file of the same name is not remembered for it.
    assert FileDigests(tmp_path / "index")._remembered()[str(files[1])][1] == before[1]


def test_an_index_that_grows_is_written_anew(tmp_path, files, settled):
    index = tmp_path / "index"
    FileDigests(index).identities(files)
    line = index.read_text().splitlines()[1]
    index.write_text(f"{line}\n" * 1000)
    assert FileDigests(index).identities(files) == [sha(path) for path in files]
    assert len(index.read_text().splitlines()) < 10


def test_files_that_cannot_be_read_have_a_reason_in_place(tmp_path, files):
    folder = tmp_path / "folder"
    folder.mkdir()
    found = FileDigests(tmp_path / "index").identities(
        [tmp_path / "none", files[0] / "below", "a\0b", folder]
    )
    assert found[:3] == ["missing"] * 3
    assert found[3] == "unreadable: no regular file"
    os.mkfifo(tmp_path / "pipe")
    assert FileDigests(tmp_path / "index").identities([tmp_path / "pipe"]) == ["unreadable: no regular file"]


def test_two_machines_with_a_folder_in_common_write_to_names_of_their_own(tmp_path, monkeypatch):
    names = set()
    for host, process in (("a", 1), ("b", 1), ("b", 2)):
        monkeypatch.setattr(files_module.socket, "gethostname", lambda host=host: host)
        monkeypatch.setattr(files_module.os, "getpid", lambda process=process: process)
        names.add(files_module.own(tmp_path / "index"))
    assert len(names) == 3
    assert {name.parent for name in names} == {tmp_path}
