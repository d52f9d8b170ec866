import base64
import collections
import hashlib
import io
import os
import random
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from server import send, send_file, serving
from workflow import ROOT

from understory.core.errors import InputError
from understory.fetch import address, archives, download, http

FILES = {"a.csv": b"id\n1\n", "train/x.wav": random.Random(0).randbytes(300_000), "empty": b""}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def zipped(files, *, top="", compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(top + name, content)
    return out.getvalue()


def tarred(files, mode="w", *, top=""):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def contents(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def unpacked(data, tmp_path):
    (tmp_path / "archive").write_bytes(data)
    archives.unpack(tmp_path / "archive", tmp_path / "out")
    return contents(tmp_path / "out")


def test_what_a_mac_adds_beside_the_top_folder_is_passed_over(tmp_path):
    added = {"__MACOSX/set/._a.csv": b"x", ".DS_Store": b"x", "set/.DS_Store": b"x"}
    unpacked(zipped({**added, "set/a.csv": b"a\n"}), tmp_path)
    assert archives.top(tmp_path / "out") == tmp_path / "out" / "set"
    (tmp_path / "out" / "b.csv").touch()
    assert archives.top(tmp_path / "out") == tmp_path / "out"


def refused(data, tmp_path, said):
    """The archive is refused with these words, and nothing is left of it, inside the folder or out of it."""
    place = tmp_path / "deep" / "place"
    place.mkdir(parents=True)
    (place / "archive").write_bytes(data)
    with pytest.raises(InputError) as raised:
        archives.unpack(place / "archive", place / "out")
    assert said in str(raised.value)
    assert [p.name for p in (tmp_path / "deep").rglob("*") if not p.is_dir()] == ["archive"]
    assert not (place / "out").exists()


# Addresses


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("synthetic", "synthetic"),
        ("data/rfcx", "folder"),
        ("~/a b", "folder"),
        ("C:data", "folder"),
        ("HTTPS://host/x.zip", "url"),
        ("http://127.0.0.1:8000/x?y=z", "url"),
        ("kaggle:rfcx-species-audio-detection", "kaggle"),
    ],
)
def test_what_is_meant_by_data(data, kind):
    assert address.kind(data) == kind
    assert address.problem(data) is None


@pytest.mark.parametrize(
    "data",
    [
        "http://",
        "https:///x.zip",
        "https:host/x.zip",
        "http://host:port/x.zip",
        "http://host:99999/x.zip",
        "http://[::1/x.zip",
        "http://host/a b.zip",
        "http://host\\@other/x",
        "http://host/x\n",
        "ftp://host/x.zip",
        "s3://bucket/x.zip",
        "file:///etc/passwd",
        "kaggle:",
        "kaggle:a/b",
        "kaggle:../x",
        "kaggle:a b",
        "kaggle:-x",
        "kaggle://x",
        "Kaggle:x",
    ],
)
def test_a_malformed_address_is_refused(data):
    said = address.problem(data)
    assert said.startswith(
        "expected kaggle:COMPETITION" if "aggle" in data else "expected the address of an archive"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://user:geheim@host/x.zip",
        "https://user:geheim@host:port/x.zip",
        "https://user:ge/heim@host/x.zip",
        "ftp://user:geheim@host/x.zip",
        "https://host/x.zip?token=geheim",
        "https://host /x.zip?token=geheim",
        "http://us er:gehe@im@host/",
    ],
)
def test_no_message_shows_credentials(url):
    for said in (address.shown(url), address.problem(url) or "", repr(address.Address(url))):
        assert "heim" not in said
        assert "gehe" not in said


def test_a_folder_is_named_after_its_address():
    slug = address.slug("https://host/dir/ESC-50 x.tar.gz".replace(" ", "%20"))
    assert slug.startswith("ESC-50-20x-")
    assert len(slug.rpartition("-")[2]) == 8
    same = {address.slug(f"https://{who}HOST/x.zip") for who in ("", "me:pass@", "you:other@")}
    assert len(same) == 1
    others = ["https://host/x.zip", "https://host/x.zip?v=2", "http://host/x.zip", "https://host/y/x.zip"]
    assert len({address.slug(url) for url in others}) == 4
    # The same in every version and on every machine.
    assert address.slug("kaggle:rfcx-species-audio-detection") == "rfcx-species-audio-detection-f6b767e4"
    assert address.slug("https://host").startswith("host-")


@settings(deadline=None)
@given(st.text())
def test_a_folder_is_inside_data_whatever_the_address(path):
    url = f"https://host/{path}"
    if address.problem(url) is None:
        folder, ready = address.place(url, "results/x")
        assert Path(folder).parent == Path(ready).parent == Path("data")
        assert Path(folder).name.isascii()


# Unpacking

WRITERS = [
    zipped,
    lambda files, **k: zipped(files, compression=zipfile.ZIP_STORED, **k),
    tarred,
    *(lambda files, mode=mode, **k: tarred(files, mode, **k) for mode in ("w:gz", "w:bz2", "w:xz")),
]


@pytest.mark.parametrize("write", WRITERS)
def test_every_kind_of_archive_is_unpacked(write, tmp_path):
    assert unpacked(write(FILES), tmp_path) == FILES


@pytest.mark.parametrize("write", WRITERS)
def test_an_archive_cut_short_is_refused(write, tmp_path):
    whole = write(FILES)
    for number, share in enumerate((0.3, 0.7, 0.97)):
        refused(whole[: int(len(whole) * share)], tmp_path / str(number), "expected a")


@pytest.mark.parametrize("kind", ["w", "w:gz"])
def test_a_tar_cut_between_members_or_with_a_damaged_header_is_refused(kind, tmp_path):
    """Both are the end of the archive to tarfile."""
    import gzip

    plain = tarred(dict.fromkeys("abc", b"x" * 512))
    packed = gzip.compress if kind == "w:gz" else bytes
    refused(packed(plain[:2048]), tmp_path / "cut", "cut short or damaged after 2 members")
    damaged = plain[:2048] + b"\1" + plain[2049:]
    refused(packed(damaged), tmp_path / "damaged", "cut short or damaged after 2 members")


def test_a_flipped_byte_is_noticed(tmp_path):
    for number, write in enumerate([zipped, WRITERS[3]]):
        data = bytearray(write({"x": FILES["train/x.wav"]}))
        data[len(data) // 2] ^= 1
        refused(bytes(data), tmp_path / str(number), "expected a zip")


@pytest.mark.parametrize(
    "data", [b"", b"<html>log in</html>", b"PK\3\4 no", b"\x1f\x8b no", bytes(10240), zipped({})]
)
def test_what_is_no_archive_is_refused(data, tmp_path):
    refused(data, tmp_path, "expected a zip, tar, tar.gz, tar.bz2 or tar.xz archive, found")


def test_rights_are_not_kept(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("run")
        member.mode = 0o6777
        archive.addfile(member)
    unpacked(out.getvalue(), tmp_path)
    assert not stat.S_IMODE((tmp_path / "out" / "run").stat().st_mode) & 0o7111


NAMES = {
    "../out of it": "a way out",
    "a/../../b": "a way out",
    "/etc/passwd": "an absolute path",
    "//host/share": "an absolute path",
    "C:/x": "a drive letter",
    "c:x": "a drive letter",
    "a\\..\\b": "a backslash",
    "a\x07b": "a control character",
    "a\nb": "a control character",
    "a\x85b": "a control character",
    "é" * 128: "a name longer",
    "/".join(["abcdefgh"] * 120): "a name longer",
}


@pytest.mark.parametrize(("name", "said"), NAMES.items())
@pytest.mark.parametrize("write", [zipped, tarred])
def test_a_name_that_is_not_plain_is_refused(write, name, said, tmp_path):
    refused(write({"before": b"1", name: b"2"}), tmp_path, said)


def test_a_name_with_a_nul_is_refused(tmp_path):
    data = zipped({"before": b"1", "a#b": b"2"}).replace(b"a#b", b"a\0b")
    refused(data, tmp_path / "zip", "a control character")
    # In a tar, by a record of pax; the old field ends at a NUL.
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a")
        member.pax_headers = {"path": "a\0b"}
        archive.addfile(member)
    refused(out.getvalue(), tmp_path / "tar", "a control character")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("a", "./a"),
        ("a", "A"),
        ("ß", "SS"),
        ("\u00e9", "e\u0301"),
        ("ﬁ", "fi"),
        ("x/a", "X/b"),
        ("a", "a/b"),
        ("a/b", "a"),
    ],
)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_names_that_collide_are_refused(form, names, tmp_path):
    out = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            for name in names:
                archive.writestr(name, b"1")
    else:
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name))
    refused(out.getvalue(), tmp_path, "found in member")


def test_folders_may_be_named_before_or_after_what_is_in_them(tmp_path):
    assert unpacked(zipped({"a/b": b"1", "a/": b"", "c/": b"", "c/d": b"2"}), tmp_path) == {
        "a/b": b"1",
        "c/d": b"2",
    }


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CONTTYPE,
        b"Z",
    ],
)
def test_a_tars_links_and_devices_are_refused(kind, tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("before"))
        member = tarfile.TarInfo("odd")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused(out.getvalue(), tmp_path, "'odd' a link, a device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_zips_links_and_devices_are_refused(kind, tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("odd")
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    refused(out.getvalue(), tmp_path, "'odd' a link, a device")


def test_an_encrypted_member_is_refused(tmp_path):
    data = bytearray(zipped({"secret": b"x"}))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    refused(bytes(data), tmp_path, "'secret' encryption")


def test_a_member_longer_than_it_declares_is_refused(tmp_path):
    data = bytearray(zipped({"bomb": bytes(10_000)}))
    for place in (22, data.index(b"PK\1\2") + 24):
        data[place : place + 4] = struct.pack("<I", 100)
    refused(bytes(data), tmp_path, "expected a")
    target = archives._Target(tmp_path)
    with pytest.raises(InputError, match="more than the 3 bytes it declares"):
        target.write("x", 3, io.BytesIO(b"12345"))
    with pytest.raises(InputError, match="2 bytes instead of the 3"):
        target.write("y", 3, io.BytesIO(b"12"))


def test_a_header_that_wants_all_memory_is_refused(tmp_path):
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    refused(member.tobuf(tarfile.GNU_FORMAT) + bytes(10240), tmp_path, "found a header of 8589934592 bytes")


def test_a_header_of_negative_size_does_not_hang(tmp_path):
    for number, kind in enumerate((tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME)):
        head = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
        head[156:157] = kind
        head[124:136] = b"\xff" * 10 + b"\xfc\x00"
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        refused(bytes(head) + bytes(10240), tmp_path / str(number), "found")


Disk = collections.namedtuple("Disk", "total used free")


@pytest.mark.parametrize("write", [zipped, WRITERS[3]])
def test_a_bomb_does_not_fill_the_disk(write, tmp_path, monkeypatch):
    data = write({"before": b"1", "bomb": bytes(50_000_000)})
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: Disk(10**10, 0, 1_040_000_000))
    refused(data, tmp_path, "found 1.0 GB free: free some")
    # A share of a large disk.
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: Disk(10**12, 0, 50_010_000_000))
    refused(data, tmp_path / "large", "while 50.0 GB stay free")


def test_the_room_is_asked_for_while_writing(tmp_path, monkeypatch):
    """Others fill the disk meanwhile."""
    asked = iter([3e9, 2e9, 1.5e9, 1e9])
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: Disk(10**10, 0, next(asked)))
    refused(tarred({"long": bytes(5_000_000)}), tmp_path, "found 1.0 GB free")


@pytest.mark.parametrize("write", [zipped, tarred])
def test_the_number_of_members_is_bounded(write, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MEMBERS", 10)
    refused(
        write({str(n): b"" for n in range(11)}), tmp_path / "many", "expected at most 10 files and folders"
    )
    refused(write({"a/b/c/d/e/f/g/h/i/j/k": b""}), tmp_path / "deep", "expected at most 10 files and folders")


def test_the_number_of_files_the_disk_can_hold_is_asked_for(tmp_path, monkeypatch):
    few = collections.namedtuple("Few", "f_files f_favail")(100, 10)
    monkeypatch.setattr(archives.os, "statvfs", lambda _: few)
    refused(zipped({str(n): b"" for n in range(11)}), tmp_path, "found 10 inodes free")


NAME = st.text(st.sampled_from("aAbß./\\:C\0\n\u0301é\udc80 "), min_size=1, max_size=12) | st.text(
    max_size=20
)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(deadline=None)
@given(st.lists(NAME, max_size=4), st.sampled_from(["zip", "tar"]))
@example(["../x"], "tar")
@example(["a/../../x"], "zip")
def test_nothing_is_ever_written_outside(names, form):
    out = io.BytesIO()
    try:
        if form == "zip":
            with zipfile.ZipFile(out, "w") as archive:
                for name in names:
                    member = zipfile.ZipInfo("x")
                    member.filename = name
                    archive.writestr(member, b"1")
        else:
            with tarfile.open(fileobj=out, mode="w", errors="surrogateescape") as archive:
                for name in names:
                    archive.addfile(tarfile.TarInfo(name))
    except (UnicodeError, ValueError):
        return
    with tempfile.TemporaryDirectory() as top:
        place = Path(top, "a", "b")
        place.mkdir(parents=True)
        (place / "archive").write_bytes(out.getvalue())
        try:
            archives.unpack(place / "archive", place / "out")
        except InputError:
            assert not (place / "out").exists()
        outside = [p for p in Path(top).rglob("*") if p.is_file() and place / "out" not in p.parents]
        assert outside == [place / "archive"]


# Fetching by URL

ARCHIVE = zipped(FILES, top="set-main/")


def get(url, tmp_path, **options):
    download.fetch(url, tmp_path / "data" / "set", pause=0, **options)
    return contents(tmp_path / "data" / "set")


def nothing_is_there(tmp_path):
    return not (tmp_path / "data" / "set").exists()


def test_an_archive_is_fetched_and_its_top_folder_left_out(tmp_path, capfd):
    digest = hashlib.sha256(ARCHIVE).hexdigest()
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (url, requests):
        assert get(f"{url.replace('//', '//me:geheim@')}/x.zip?token=geheim", tmp_path) == FILES
        assert get(f"{url}/x.zip", tmp_path, sha256=digest.upper()) == FILES
    assert len(requests) == 2
    assert requests[0][2]["Authorization"] == "Basic " + base64.b64encode(b"me:geheim").decode()
    assert not any((tmp_path / "data" / ".part").iterdir())
    said = capfd.readouterr().out
    assert f"to pin it, set data_sha256: {digest}" in said
    assert "geheim" not in said


def test_a_cut_download_goes_on_where_it_was_cut(tmp_path):
    cuts = iter([200_000, 50_000, None])
    with serving(lambda handler: send_file(handler, ARCHIVE, cut=next(cuts))) as (url, requests):
        assert get(url, tmp_path) == FILES
    ranges = [headers.get("Range") for _, _, headers in requests]
    assert ranges[0] is None
    starts = [int(r.removeprefix("bytes=").removesuffix("-")) for r in ranges[1:]]
    assert 100_000 < starts[0] <= 200_000
    assert starts[0] <= starts[1] <= 250_000
    assert all(headers["If-Range"] == '"1"' for _, _, headers in requests[1:])


@pytest.mark.parametrize("disturb", [lambda path: path.open("ab").write(b"other"), Path.unlink])
def test_a_download_that_another_process_disturbed_starts_again(tmp_path, monkeypatch, capfd, disturb):
    """As a job may go on whose node Slurm has given up."""
    check, disturbed = http.archives.check_room, []

    def checked(folder, size):
        if (folder / "archive.part").exists() and not disturbed:
            disturbed.append(disturb(folder / "archive.part"))
        check(folder, size)

    monkeypatch.setattr(http.archives, "check_room", checked)
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (url, requests):
        assert get(url, tmp_path) == FILES
    assert len(requests) == 2
    assert disturbed
    assert "another process wrote to archive.part" in capfd.readouterr().out


OTHER = """
import sys
from pathlib import Path
from understory.fetch import download
download.fetch(sys.argv[1], Path(sys.argv[2]), pause=0)
"""


@pytest.mark.parametrize("unpacked", [False, True])
def test_a_job_whose_data_another_one_has_put_in_place_leaves_them_alone(tmp_path, monkeypatch, unpacked):
    """It was given up while it unpacked them, or when it had: the other one has unpacked them meanwhile, and they are being read."""
    folder, place, unpack, found = tmp_path / "data/set", archives._Target.place, archives.unpack, []

    def other():
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
        subprocess.run([sys.executable, "-c", OTHER, url, str(folder)], check=True, env=environment)
        found.append(contents(folder))
        (folder / "read").touch()

    def placed(target, name, **options):
        if name.endswith("empty") and not unpacked:
            other()
        return place(target, name, **options)

    def unpacking(*paths):
        unpack(*paths)
        other()

    monkeypatch.setattr(archives._Target, "place", placed)
    if unpacked:
        monkeypatch.setattr(archives, "unpack", unpacking)
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (url, _):
        assert download.fetch(url, folder, pause=0) == hashlib.sha256(ARCHIVE).hexdigest()
    assert found == [FILES]
    assert contents(folder) == {**FILES, "read": b""}
    assert not any((tmp_path / "data/.part").iterdir())


def test_another_run_goes_on_where_the_first_was_cut_for_good(tmp_path):
    first = lambda handler: send_file(handler, ARCHIVE, cut=0 if handler.headers.get("Range") else 200_000)  # noqa: E731
    with (
        serving(first) as (url, requests),
        pytest.raises(InputError, match=r"found after 3 tries that the connection was cut.*data=FOLDER"),
    ):
        get(url, tmp_path, tries=3)
    assert len(requests) == 3
    assert nothing_is_there(tmp_path)
    assert not (tmp_path / "data/.part/set/archive").exists()
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (url, requests):
        assert get(url, tmp_path) == FILES
    assert [headers.get("Range") for _, _, headers in requests] == ["bytes=200000-"]


def test_a_server_that_knows_no_parts_starts_again(tmp_path):
    cuts = iter([200_000, None])
    answer = lambda handler: send(handler, ARCHIVE, headers={"ETag": '"1"'}, cut=next(cuts))  # noqa: E731
    with serving(answer) as (url, requests):
        assert get(url, tmp_path) == FILES
    assert "Range" in requests[1][2]


def test_another_version_is_not_put_to_the_half_of_the_first(tmp_path):
    other = zipped({**FILES, "train/x.wav": FILES["train/x.wav"][::-1]})
    answers = iter([(ARCHIVE, '"1"', 200_000), (other, '"2"', None)])

    def answer(handler):
        content, tag, cut = next(answers)
        send_file(handler, content, tag=tag, cut=cut)

    with serving(answer) as (url, requests):
        assert get(url, tmp_path)["train/x.wav"] == FILES["train/x.wav"][::-1]
    assert len(requests) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"2"', "Content-Range": "bytes {have}-{last}/{length}"},
        {"ETag": '"1"', "Content-Range": "bytes 7-{last}/{length}"},
        {"ETag": '"1"', "Content-Range": "bytes {have}-{last}/9999999"},
        {"ETag": '"1"', "Content-Range": "nonsense"},
    ],
)
def test_a_part_of_something_else_is_not_taken(headers, tmp_path):
    """A server that answers If-Range with a part of whatever it has."""
    asked = []

    def answer(handler):
        asked.append(handler.headers.get("Range"))
        if len(asked) != 2:
            return send_file(handler, ARCHIVE, cut=200_000 if len(asked) == 1 else None)
        have = int(asked[1].removeprefix("bytes=").removesuffix("-"))
        facts = {"have": have, "last": len(ARCHIVE) - 1, "length": len(ARCHIVE)}
        told = {name: value.format(**facts) for name, value in headers.items()}
        return send(handler, b"!" * (len(ARCHIVE) - have), status=206, headers=told)

    with serving(answer) as (url, _):
        assert get(url, tmp_path) == FILES
    assert asked[2] is None


@pytest.mark.parametrize("tag", ['W/"1"', None])
def test_without_a_strong_validator_nothing_goes_on(tag, tmp_path):
    cuts = iter([200_000, None])
    answer = lambda handler: send(handler, ARCHIVE, headers={"ETag": tag}, cut=next(cuts))  # noqa: E731
    with serving(answer) as (url, requests):
        assert get(url, tmp_path) == FILES
    assert "Range" not in requests[1][2]


def test_an_archive_of_another_digest_is_deleted(tmp_path):
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (url, requests):
        with pytest.raises(InputError) as raised:
            get(f"{url.replace('//', '//me:geheim@')}/x.zip", tmp_path, sha256="0" * 64)
        assert not (tmp_path / "data/.part/set").exists()
        assert get(url, tmp_path) == FILES
    assert "Range" not in requests[1][2]
    said = str(raised.value)
    assert "0" * 64 in said
    assert hashlib.sha256(ARCHIVE).hexdigest() in said
    assert "geheim" not in said


def test_without_a_length_half_could_be_taken_for_whole(tmp_path):
    answer = lambda handler: send(handler, ARCHIVE, headers={"Content-Length": None}, cut=200_000)  # noqa: E731
    with serving(answer) as (url, _), pytest.raises(InputError, match="says how long it is"):
        get(url, tmp_path)
    assert nothing_is_there(tmp_path)


def chunked(handler, content, *, ended):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for start in range(0, len(content), 50_000):
        piece = content[start : start + 50_000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    if ended:
        handler.wfile.write(b"0\r\n\r\n")
    handler.close_connection = True


def test_an_answer_in_chunks_is_whole_with_its_last_one(tmp_path):
    with serving(lambda handler: chunked(handler, ARCHIVE, ended=True)) as (url, _):
        assert get(url, tmp_path) == FILES
    with (
        serving(lambda handler: chunked(handler, ARCHIVE[:200_000], ended=False)) as (url, _),
        pytest.raises(InputError, match="after 2 tries"),
    ):
        download.fetch(url, tmp_path / "data" / "half", pause=0, tries=2)
    assert not (tmp_path / "data" / "half").exists()


@pytest.mark.parametrize(
    ("status", "said"), [(404, "nothing at this address"), (403, "does not let you"), (418, "418")]
)
def test_a_refusal_is_said_at_once(status, said, tmp_path):
    with (
        serving(lambda handler: send(handler, b"no", status=status)) as (url, requests),
        pytest.raises(InputError, match=said),
    ):
        get(url, tmp_path)
    assert len(requests) == 1


def test_a_busy_server_is_asked_again(tmp_path):
    answers = iter([503, 429, 200])

    def answer(handler):
        status = next(answers)
        send(handler, ARCHIVE if status == 200 else b"", status=status)

    with serving(answer) as (url, requests):
        assert get(url, tmp_path) == FILES
    assert len(requests) == 3


def test_nobody_there(tmp_path):
    with serving(lambda handler: None) as (url, _):
        pass
    with pytest.raises(
        InputError, match=r"found after 2 tries that the server could not be reached.*Check the network"
    ):
        get(url, tmp_path, tries=2)


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(http, "READ_TIMEOUT", 0.1)
    with (
        serving(lambda handler: time.sleep(0.5)) as (url, _),
        pytest.raises(InputError, match="nothing came"),
    ):
        get(url, tmp_path, tries=1)


def test_a_redirect_is_followed_without_the_credentials_to_another_host(tmp_path):
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (goal, asked):
        where = {"Location": goal.replace("127.0.0.1", "localhost") + "/y.zip"}
        with serving(lambda handler: send(handler, b"", status=302, headers=where)) as (url, _):
            assert get(url.replace("//", "//me:geheim@"), tmp_path) == FILES
    assert asked[0][1] == "/y.zip"
    assert "Authorization" not in asked[0][2]


@pytest.mark.parametrize("goal", ["file:///etc/passwd", "ftp://me:geheim@host/x", "gopher:x", "data:,x"])
def test_a_redirect_elsewhere_is_refused(goal, tmp_path):
    with (
        serving(lambda handler: send(handler, b"", status=302, headers={"Location": goal})) as (url, _),
        pytest.raises(InputError, match="expected a redirect to https:// or http://, found one to") as raised,
    ):
        get(url, tmp_path)
    assert "geheim" not in str(raised.value)


def test_a_redirect_from_https_to_http_is_refused():
    import requests

    def response(url, goal):
        found = requests.Response()
        found.url, found.status_code, found.headers["location"] = url, 302, goal
        return found

    session = http.Session()
    for goal in ("http://host/x", "//host/x", "HTTP://host/x", "/x", "https://other/x"):
        if goal.lower().startswith("http:"):
            with pytest.raises(InputError, match="expected a redirect to https://, found one to http"):
                session.get_redirect_target(response("https://host/a", goal))
        else:
            assert session.get_redirect_target(response("https://host/a", goal)) == goal


def test_a_circle_of_redirects_ends(tmp_path):
    with (
        serving(lambda handler: send(handler, b"", status=302, headers={"Location": "/x"})) as (url, _),
        pytest.raises(InputError, match="TooManyRedirects"),
    ):
        get(url, tmp_path)


def test_a_hostile_archive_is_deleted_and_named(tmp_path):
    with (
        serving(lambda handler: send_file(handler, zipped({"../x": b"1"}))) as (url, _),
        pytest.raises(InputError, match=r"127\.0\.0\.1.*'\.\./x' a way out.*It was deleted"),
    ):
        get(url, tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_too_small_a_disk_is_said_before_the_download(tmp_path, monkeypatch):
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: Disk(10**10, 0, 10**9 + 1000))
    with (
        serving(lambda handler: send_file(handler, ARCHIVE)) as (url, _),
        pytest.raises(InputError, match=r"expected room for 0\.00 GB more while 1\.0 GB stay free"),
    ):
        get(url, tmp_path)
    assert nothing_is_there(tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
from understory.fetch import {module}
step = {module}.{target}
count = 0
def dies(*args, **options):
    global count
    count += 1
    if count == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*args, **options)
{module}.{target} = dies
from understory.fetch.download import fetch
fetch(sys.argv[1], Path(sys.argv[2]), pause=0)
"""


@pytest.mark.parametrize(
    ("module", "target", "number", "again"),
    [
        ("archives", "check_room", 4, True),  # while it comes
        ("archives", "_Target.place", 2, False),  # while it is unpacked
        ("archives", "top", 1, False),  # when it is unpacked
    ],
)
def test_a_process_killed_at_any_moment_leaves_nothing_half(module, target, number, again, tmp_path):
    program = KILLED.format(module=module, target=target, number=number)
    folder = tmp_path / "data" / "set"
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (url, requests):
        command = [sys.executable, "-c", program, url, str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
        assert subprocess.run(command, env=environment).returncode == -signal.SIGKILL
        assert not folder.exists()
        assert any((tmp_path / "data/.part/set").iterdir())
        assert get(url, tmp_path) == FILES
    assert len(requests) == 1 + again
    if again:
        assert "Range" in requests[1][2]
    assert not any((tmp_path / "data/.part").iterdir())


# Kaggle


@pytest.fixture
def kaggle(tmp_path, monkeypatch):
    """A function that sends Kaggle's package to a server of ours, as http://localhost by way of a proxy."""
    for name in list(os.environ):
        if name.startswith("KAGGLE"):
            monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # Settled when the package was imported, from the home folder of then.
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home/.kaggle"))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")

    def there(url, *, token="token"):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        if token:
            monkeypatch.setenv("KAGGLE_API_TOKEN", token)
        return "kaggle:rfcx-species-audio-detection"

    return there


def test_a_competition_is_fetched_by_kaggles_package(kaggle, tmp_path):
    with serving(lambda handler: send_file(handler, ARCHIVE)) as (url, requests):
        assert get(kaggle(url), tmp_path) == FILES
    method, path, headers = requests[0]
    assert (method, path) == (
        "POST",
        "http://localhost/api/v1/competitions.CompetitionApiService/DownloadDataFiles",
    )
    assert headers["Authorization"] == "Bearer token"


def test_a_cut_competition_goes_on(kaggle, tmp_path):
    large = zipped({"x": random.Random(0).randbytes(4_000_000)})
    answer = lambda handler: send_file(handler, large, cut=2_500_000 if len(requests) == 1 else None)  # noqa: E731
    with serving(answer) as (url, requests):
        assert len(get(kaggle(url), tmp_path)["x"]) == 4_000_000
    assert [headers.get("Range") for _, _, headers in requests][:2] == [None, None]
    assert requests[2][2]["Range"].startswith("bytes=")


def test_without_an_access_token_one_error_says_what_to_set(kaggle, tmp_path):
    with (
        serving(lambda handler: send_file(handler, ARCHIVE)) as (url, requests),
        pytest.raises(InputError) as raised,
    ):
        get(kaggle(url, token=None), tmp_path)
    said = str(raised.value)
    assert requests == []
    assert all(
        word in said for word in ("~/.kaggle/access_token", "KAGGLE_API_TOKEN", "--config data=FOLDER")
    )
    assert "\n" not in said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "does not know the access token"),
        (403, "its rules are not accepted: accept them at https://www.kaggle.com/competitions/rfcx-"),
        (404, "no such competition"),
        (400, "status 400"),
    ],
)
def test_what_kaggle_refuses_is_said_in_a_sentence(status, said, kaggle, tmp_path):
    body = b'{"code": %d, "message": "no"}' % status
    answer = lambda handler: send(handler, body, status=status, headers={"Content-Type": "application/json"})  # noqa: E731
    with serving(answer) as (url, requests), pytest.raises(InputError, match=said) as raised:
        get(kaggle(url), tmp_path)
    assert len(requests) == 1
    assert "\n" not in str(raised.value)
    assert nothing_is_there(tmp_path)


def test_a_silent_kaggle_is_given_up(kaggle, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "READ_TIMEOUT", 0.1)
    with (
        serving(lambda handler: time.sleep(0.5)) as (url, _),
        pytest.raises(InputError, match="nothing came"),
    ):
        get(kaggle(url), tmp_path, tries=1)


def test_no_network_to_kaggle(kaggle, tmp_path):
    with serving(lambda handler: None) as (url, _):
        pass
    with pytest.raises(InputError, match="after 2 tries that the proxy could not be reached"):
        get(kaggle(url), tmp_path, tries=2)


def test_an_archive_damaged_on_its_way_from_kaggle_starts_again(kaggle, tmp_path):
    digest = base64.b64encode(hashlib.md5(ARCHIVE).digest()).decode()
    bodies = iter([ARCHIVE[:-1] + b"!", ARCHIVE])
    answer = lambda handler: send(handler, next(bodies), headers={"X-Goog-Hash": f"md5={digest}"})  # noqa: E731
    with serving(answer) as (url, requests):
        assert get(kaggle(url), tmp_path) == FILES
    assert len(requests) == 2
