"""Fetching a data set: the archive at a URL, or that of a Kaggle competition.

Work in progress lies in `.part` beside the folder that it is for: `archive.part`, from which a cut download continues;
`archive`, once it is whole; `unpacked` and the name of the process. A rename ends each step, so that a process killed at any moment
leaves nothing that is taken for whole. Two jobs may fetch the same at once, as Slurm starts one while a node does not answer.
"""

import hashlib
import shutil
import time
from functools import partial
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError
from understory.fetch import archives, http
from understory.fetch.address import kind, shown

TRIES = 7
LONGEST_PAUSE = 60  # s


def fetch(
    address: str, folder: Path, *, sha256: str | None = None, tries: int = TRIES, pause: float = 1.0
) -> str:
    """Fetch an archive and unpack it; a single folder at its top is left out.

    Parameters
    ----------
    address : str
        A URL or kaggle:COMPETITION, well-formed (`understory.fetch.address.problem`).
    folder : Path
        Where the data go. What is there is replaced.
    sha256 : str, optional
        The archive's digest, 64 hex digits; None where it is not to be verified. What it is is printed.
    tries : int
        How often a connection is made at most.
    pause : float
        Seconds before the second try; twice as many before each further one, up to a minute.

    Returns
    -------
    str
        The archive's SHA-256, 64 hex digits.

    Raises
    ------
    InputError
        Nothing was fetched; the message says why, and what to do.
    """
    part = folder.parent / ".part" / folder.name
    part.mkdir(parents=True, exist_ok=True)
    whole, growing, unpacked = part / "archive", part / "archive.part", files.own(part / "unpacked")
    if not whole.exists():
        try:
            _persist(partial(_downloader(address), address, growing), address, tries=tries, pause=pause)
        except archives.NoRoom as error:
            raise InputError(f"{shown(address)}: {error}. What came of it is kept, as {growing}") from None
        growing.replace(whole)
    digest = _verified(whole, address, sha256)
    former = _inode(folder)
    for left in part.iterdir():
        if files.abandoned(left, part / "unpacked"):
            shutil.rmtree(left, ignore_errors=True)
    try:
        archives.unpack(whole, unpacked)
    except archives.NoRoom as error:
        raise InputError(f"{shown(address)}: {error}. The archive is kept, as {whole}") from None
    except InputError as error:
        # Another job, which has put the data in their place, took the folder away that this one unpacked to.
        elsewhere = not whole.exists() and _inode(folder) not in (None, former)
        shutil.rmtree(part, ignore_errors=True)
        if elsewhere:
            return digest
        raise InputError(f"{shown(address)}: {error}. It was deleted; {http.FOLDER}") from None
    # If it is gone, another job has put the data in their place, where they may be read by now.
    if whole.exists():
        if folder.exists():
            shutil.rmtree(folder)
        archives.top(unpacked).replace(folder)
    shutil.rmtree(part, ignore_errors=True)
    return digest


def _inode(folder):
    """What tells a folder from another one of its name; None where there is none."""
    return folder.stat().st_ino if folder.exists() else None


def _downloader(address):
    if kind(address) == "kaggle":
        # Imported here: an archive at a URL needs none of Kaggle's packages.
        from understory.fetch import kaggle

        return kaggle.download
    return http.download


def _verified(whole, address, sha256):
    """The SHA-256 of an archive; InputError, and the archive is deleted, where another one is expected."""
    with open(whole, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and digest != sha256.lower():
        shutil.rmtree(whole.parent)
        raise InputError(
            f"{shown(address)}: expected an archive of SHA-256 {sha256.lower()} (data_sha256), found {digest}; it was deleted. "
            "If the address is right and the archive was replaced on purpose, give its digest as data_sha256"
        )
    note = "as expected" if sha256 else f"not verified; to pin it, set data_sha256: {digest}"
    print(f"{shown(address)}: {whole.stat().st_size} bytes, SHA-256 {digest} ({note})", flush=True)
    return digest


def _persist(attempt, address, *, tries, pause):
    """Call `attempt` until it is not interrupted any more, up to `tries` times."""
    for number in range(1, tries + 1):
        try:
            return attempt()
        except http.Interrupted as error:
            print(f"{shown(address)}: {error} (try {number} of {tries})", flush=True)
            reason = str(error)
        if number < tries:
            time.sleep(min(pause * 2 ** (number - 1), LONGEST_PAUSE))
    raise InputError(
        f"{shown(address)}: expected the whole archive, found after {tries} tries that {reason}. "
        f"Check the network and run again, which goes on where it was cut; {http.FOLDER}"
    )
