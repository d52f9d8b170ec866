"""Unpacking archives of others: nothing is written but regular files and folders inside one folder.

The rules are checked here, member by member, and not left to `extractall`, whose filters have had holes.
"""

import bz2
import gzip
import lzma
import os
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
from contextlib import contextmanager, nullcontext
from pathlib import Path

from understory.core.errors import InputError

CHUNK = 1 << 18  # bytes; a header of a tar's member that is longer is no honest name
MEMBERS = 1_000_000  # files and folders, those included that are named only as part of a path
KEPT_FREE = 10**9  # bytes
KEPT_SHARE = 0.05  # of the disk
# How files begin: of a zip, full or empty, and of a tar that is compressed.
ZIP = b"PK\3\4", b"PK\5\6"
COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
ADDED = ("__MACOSX", ".DS_Store")
EXPECTED = "expected a zip, tar, tar.gz, tar.bz2 or tar.xz archive"


class NoRoom(InputError):  # noqa: N818
    """The disk has no room. The archive itself may be good."""


def check_room(folder: Path, wanted: int):
    """NoRoom where `wanted` bytes more leave less free under `folder` than 1 GB or a twentieth of the disk."""
    disk = shutil.disk_usage(folder)
    kept = max(KEPT_FREE, KEPT_SHARE * disk.total)
    if disk.free - wanted < kept:
        raise NoRoom(
            f"expected room for {wanted / 1e9:.2f} GB more while {kept / 1e9:.1f} GB stay free on the disk of "
            f"{folder}, found {disk.free / 1e9:.1f} GB free: free some, or work in a folder on another disk"
        )


def check_inodes(folder: Path, wanted: int):
    """NoRoom where `wanted` files more are too many for the file system; some have no such bound and say 0."""
    disk = os.statvfs(folder)
    if disk.f_files and wanted > disk.f_favail * (1 - KEPT_SHARE):
        raise NoRoom(
            f"expected room for {wanted} files more on the disk of {folder}, found {disk.f_favail} inodes free"
        )


@contextmanager
def writing(path):
    """What the disk objects to, in words."""
    try:
        yield
    except OSError as error:
        raise NoRoom(f"{path}: could not be written ({error.strerror})") from None


def unpack(archive: Path, folder: Path):
    """Unpack an archive into a folder that is not there yet; upon any failure none is there afterwards.

    Permissions, owners and times are not kept.

    Parameters
    ----------
    archive : Path
        A zip (stored or deflated), or a tar, plain or compressed by gzip, bzip2 or xz, told by its content.
    folder : Path

    Raises
    ------
    NoRoom
        The disk would be filled.
    InputError
        It is no such archive, it is damaged or cut short, or a member is a link, a device, encrypted, named
        so that it might lie elsewhere or collide with another, or longer than it declares.
    """
    folder.mkdir()
    try:
        with open(archive, "rb") as file:
            magic = file.read(6)
            file.seek(0)
            target = _Target(folder)
            opened = next(
                (each for start, each in COMPRESSED.items() if magic.startswith(start)), nullcontext
            )
            with opened(file) as stream:
                (_unzip if magic.startswith(ZIP) else _untar)(stream, target)
            if not target.files:
                raise InputError(f"{EXPECTED}, found one without files")
    except BaseException as error:
        # Another job that fetched the same may have deleted it.
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, InputError) or not isinstance(error, Exception):
            raise
        # Whatever the parsers make of bytes that someone else wrote.
        raise InputError(f"{EXPECTED}, found none that is whole ({type(error).__name__}: {error})") from None


def top(folder: Path) -> Path:
    """The folder that holds the data: the single folder in it, where there is nothing else but what a Mac adds, or itself."""
    inside = [path for path in folder.iterdir() if path.name not in ADDED]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


class _Target:
    """The folder that members are written to, and the names it has."""

    def __init__(self, folder):
        self.folder = folder
        self.members = 0
        self.spelling = {}
        self.files = set()

    def place(self, name, *, directory):
        """The path of a member, and of no other; InputError where its name is not plain."""
        self.members += 1
        parts = _parts(name)
        path = self.folder.joinpath(*parts)
        key = ""
        for part in parts:
            key += f"/{_folded(part)}"
            if self.spelling.setdefault(key, part) != part:
                _refuse(name, f"a name that differs from {self.spelling[key]!r} only in case or coding")
            if key in self.files:
                _refuse(name, "a name that appears twice")
        if not directory:
            if path.exists():
                _refuse(name, "a name that appears twice" if parts else "a file without a name")
            self.files.add(key)
        if max(self.members, len(self.spelling)) > MEMBERS:
            raise InputError(f"expected at most {MEMBERS} files and folders in an archive, found more")
        check_inodes(self.folder, len(parts))
        return path

    def write(self, name, size, stream):
        """Write a file of `size` bytes, as declared, from a stream."""
        path = self.place(name, directory=False)
        check_room(self.folder, size)
        written = 0
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                while chunk := _read(stream, min(CHUNK, size - written + 1)):
                    written += len(chunk)
                    if written > size:
                        _refuse(name, f"more than the {size} bytes it declares")
                    check_room(self.folder, len(chunk))
                    file.write(chunk)
        if written != size:
            _refuse(name, f"{written} bytes instead of the {size} it declares")

    def make(self, name):
        path = self.place(name, directory=True)
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)


def _read(stream, size):
    """Bytes of a member; what is wrong with them is not the disk's fault."""
    try:
        return stream.read(size)
    except OSError as error:
        raise InputError(f"{EXPECTED}, found one that is damaged ({error})") from None


def _refuse(name, found):
    raise InputError(
        f"expected an archive of plain files and folders, found in member {name!r} {found}; nothing of it was kept"
    )


def _parts(name):
    if "\\" in name:
        _refuse(name, "a backslash")
    if any(unicodedata.category(character) == "Cc" for character in name):
        _refuse(name, "a control character in its name")
    try:
        raw = name.encode()
    except UnicodeEncodeError:
        _refuse(name, "a name that is not text in UTF-8")
    if name.startswith("/"):
        _refuse(name, "an absolute path")
    if re.match(r"[A-Za-z]:", name):
        _refuse(name, "a drive letter")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        _refuse(name, "a way out of its folder (..)")
    if len(raw) > 1000 or any(len(part.encode()) > 255 for part in parts):
        _refuse(name[:60] + "…", "a name longer than 255 bytes, or a path longer than 1000")
    return parts


def _folded(part):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", part).casefold())


def _unzip(file, target):
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        check_inodes(target.folder, len(members))
        check_room(target.folder, sum(member.file_size for member in members))
        for member in members:
            name = member.orig_filename
            # Unix keeps the kind of file in the upper half; 0 where the archive was made elsewhere.
            form = stat.S_IFMT(member.external_attr >> 16)
            if form not in (0, stat.S_IFREG, stat.S_IFDIR):
                _refuse(name, "a link, a device or a pipe")
            # Encrypted by the old scheme or by the strong one, or with the central directory hidden.
            if member.flag_bits & 0x2041:
                _refuse(name, "encryption: decrypt it, and give the folder")
            if name.endswith("/"):
                target.make(name)
                continue
            if form == stat.S_IFDIR:
                _refuse(name, "a folder named as a file")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                _refuse(name, f"compression method {member.compress_type}; deflate is read")
            _parts(name)  # before zipfile compares it with the name beside the data
            with archive.open(member) as stream:
                target.write(name, member.file_size, stream)


class _Headers:
    """A stream for tarfile that gives no more at once than a header or a chunk has.

    tarfile reads a long name, whose length the archive declares, in one piece into memory.
    """

    def __init__(self, stream):
        self.stream = stream
        self.last = b""
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size):
        if not 0 <= size <= CHUNK:
            raise InputError(f"{EXPECTED}, found a header of {size} bytes")
        self.last = self.stream.read(size)
        return self.last


def _untar(stream, target):
    headers = _Headers(stream)
    with tarfile.open(fileobj=headers, mode="r:") as archive:
        for member in archive:
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.issparse():
                _refuse(member.name, "a link, a device, a pipe or a sparse file")
            if member.size < 0:
                _refuse(member.name, "a negative size")
            if member.isdir():
                target.make(member.name)
            else:
                with archive.extractfile(member) as data:
                    target.write(member.name, member.size, data)
            archive.members.clear()  # of a million members none is needed again
        # tarfile takes a damaged or missing header for the end; a whole archive ends in blocks of zeros.
        if headers.last != bytes(tarfile.BLOCKSIZE):
            raise InputError(
                f"{EXPECTED}, found one that is cut short or damaged after {target.members} members"
            )
        stream.read(CHUNK)  # on to the end, where the compression keeps a checksum
