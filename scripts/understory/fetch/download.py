"""Fetching a data set: the archive at a URL, or that of a Kaggle competition.

What is on its way lies in `.part` beside the folder it is for: `archive.part`, from which a cut download
goes on; `archive`, once it is whole; `unpacked`. A rename ends each step, so that a process killed at any
moment leaves nothing that is taken for whole.
"""

import hashlib
import json
import re
import shutil
import time
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import requests
import urllib3

from understory.core.errors import InputError
from understory.fetch import archives
from understory.fetch.address import COMPETITION, kind, shown

CONNECT_TIMEOUT = 15  # s
READ_TIMEOUT = 60  # s without a byte
CHUNK = 1 << 16  # bytes
TRIES = 7
LONGEST_PAUSE = 60  # s
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
FOLDER = "`--config data=FOLDER` takes a copy of your own"


class _Interrupted(Exception):  # noqa: N818
    """A try that may go better next time. The message is for people."""


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
    whole, growing, unpacked = part / "archive", part / "archive.part", part / "unpacked"
    if not whole.exists():
        attempt = partial(_ask_kaggle if kind(address) == "kaggle" else _ask, address, growing)
        try:
            _persist(attempt, address, tries=tries, pause=pause)
        except archives.NoRoom as error:
            raise InputError(f"{shown(address)}: {error}. What came of it is kept, as {growing}") from None
        growing.replace(whole)
    with open(whole, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and found != sha256.lower():
        shutil.rmtree(part)
        raise InputError(
            f"{shown(address)}: expected an archive of SHA-256 {sha256.lower()} (data_sha256), found {found}; it was deleted. "
            "If the address is right and the archive was replaced on purpose, give its digest as data_sha256"
        )
    note = "as expected" if sha256 else f"not verified; to pin it, set data_sha256: {found}"
    print(f"{shown(address)}: {whole.stat().st_size} bytes, SHA-256 {found} ({note})", flush=True)
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        archives.unpack(whole, unpacked)
    except archives.NoRoom as error:
        raise InputError(f"{shown(address)}: {error}. The archive is kept, as {whole}") from None
    except InputError as error:
        shutil.rmtree(part)
        raise InputError(f"{shown(address)}: {error}. It was deleted; {FOLDER}") from None
    if folder.exists():
        shutil.rmtree(folder)
    archives.top(unpacked).replace(folder)
    shutil.rmtree(part)
    return found


def _persist(attempt, address, *, tries, pause):
    """Call `attempt` until it is not interrupted any more, up to `tries` times."""
    for number in range(1, tries + 1):
        try:
            return attempt()
        except _Interrupted as error:
            print(f"{shown(address)}: {error} (try {number} of {tries})", flush=True)
            reason = str(error)
        if number < tries:
            time.sleep(min(pause * 2 ** (number - 1), LONGEST_PAUSE))
    raise InputError(
        f"{shown(address)}: expected the whole archive, found after {tries} tries that {reason}. "
        f"Check the network and run again, which goes on where it was cut; {FOLDER}"
    )


class _Session(requests.Session):
    """Follows redirects, but neither from https to http nor to anything else."""

    def get_redirect_target(self, resp):
        target = super().get_redirect_target(resp)
        if target is not None:
            goal = urljoin(resp.url, target)
            safe = ("https://",) if resp.url.lower().startswith("https:") else ("https://", "http://")
            if not goal.lower().startswith(safe):
                raise InputError(
                    f"{shown(resp.url)}: expected a redirect to {' or '.join(safe)}, found one to {shown(goal)}; "
                    f"give a trustworthy address, or fetch the archive by other means. {FOLDER}"
                )
        return target


def _ask(url, growing):
    """Have the whole archive in `growing`, going on where a former try was cut."""
    known = growing.with_suffix(".json")
    try:
        state = json.loads(known.read_text())
    except (FileNotFoundError, ValueError):
        state = {"validator": None, "length": None}
    have = growing.stat().st_size if growing.exists() and state["validator"] else 0
    if have and have == state["length"]:
        return
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": state["validator"]}
    try:
        with (
            _Session() as session,
            session.get(
                url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
            ) as response,
        ):
            if response.status_code == 206 and have:
                length = _continued(response, state, have)
                if length is None:
                    growing.unlink()
                    raise _Interrupted("the server went on with something else, so that it starts again")
            elif response.status_code == 200:
                # In this order: at no moment do bytes of one version lie beside the name of another.
                growing.unlink(missing_ok=True)
                have, length = 0, _length(response)
                _note(known, {"validator": _validator(response), "length": length})
            elif response.status_code == 416 and have:
                growing.unlink()
                raise _Interrupted("the server has no more of it, so that it starts again")
            else:
                _complain(url, response.status_code)
            _receive(response, growing, have, length)
    except requests.exceptions.SSLError:
        raise InputError(
            f"{shown(url)}: expected a server whose certificate can be verified, found one whose cannot. "
            f"Check the address and the clock of this machine; {FOLDER}"
        ) from None
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise _Interrupted(_reason(error)) from None
    except urllib3.exceptions.HTTPError as error:
        raise _Interrupted(f"the connection was cut ({type(error).__name__})") from None
    except requests.RequestException as error:
        raise InputError(
            f"{shown(url)}: expected an archive, found no valid answer ({type(error).__name__}); {FOLDER}"
        ) from None


def _receive(response, growing, have, length):
    """Append what comes to `growing`, which holds `have` bytes of `length`, if that is known."""
    archives.check_room(growing.parent, (length or have) - have)
    with archives.writing(growing), open(growing, "ab") as file:
        for chunk in response.raw.stream(CHUNK, decode_content=False):
            archives.check_room(growing.parent, len(chunk))
            have += len(chunk)
            file.write(chunk)
    if length is None and not response.raw.chunked:
        growing.unlink()
        raise InputError(
            f"{shown(response.url)}: expected an answer that says how long it is (Content-Length), found none, so that half "
            f"an archive could be taken for a whole one; {FOLDER}"
        )
    if length is not None and have != length:
        if have > length:
            growing.unlink()
        raise _Interrupted(f"the connection was cut after {have} of {length} bytes")


def _length(response):
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _validator(response):
    """What tells versions of a file apart for certain: a strong ETag, or a date (RFC 9110, section 13.1.5)."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _continued(response, state, have):
    """The whole length, where a partial answer goes on with the same file; None where it does not."""
    told = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    same = _validator(response) in (None, state["validator"])
    if not told or not same or int(told[1]) != have or state["length"] not in (None, int(told[2])):
        return None
    return int(told[2])


def _note(path, state):
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(state))
    draft.replace(path)


def _complain(address, status):
    """InputError or `_Interrupted` for a status that brings no archive."""
    if status in TRANSIENT:
        raise _Interrupted(f"the server answered {status}")
    meaning = {
        401: "it wants credentials, which are best kept in ~/.netrc",
        403: "it does not let you have it",
        404: "there is nothing at this address",
        410: "there is nothing at this address any more",
    }
    raise InputError(
        f"{shown(address)}: expected an archive, found status {status}: "
        f"{meaning.get(status, 'the server gives none')}. Check the address; {FOLDER}"
    )


def _reason(error):
    """Why there is no connection, without the address, which the libraries put into their messages."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection was made within {CONNECT_TIMEOUT} s"
    if isinstance(error, requests.Timeout):
        return f"nothing came for {READ_TIMEOUT} s"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be reached"
    return "the server could not be reached, or cut the connection"


class _Patient(requests.adapters.HTTPAdapter):
    """Gives up on a silent server, for which Kaggle's package waits for ever."""

    def send(self, request, *, timeout=None, **options):
        return super().send(request, timeout=timeout or (CONNECT_TIMEOUT, READ_TIMEOUT), **options)


def _ask_kaggle(address, growing):
    """Have the archive of all files of a competition in `growing`, by Kaggle's own package.

    That goes on where a former try was cut, and compares the MD5 sum that Kaggle sends.
    """
    # Imported here: an archive at a URL needs nothing of it.
    import kagglehub.clients
    import kagglehub.config
    import kagglehub.exceptions
    import kagglehub.handle
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

    competition = COMPETITION.fullmatch(address)[1]
    page = f"https://www.kaggle.com/competitions/{competition}"
    try:
        if kagglehub.config.get_kaggle_credentials() is None:
            raise InputError(
                f"{address}: expected an access token of Kaggle's in ~/.kaggle/access_token or in the variable "
                f"KAGGLE_API_TOKEN (https://www.kaggle.com/settings makes one), found none; {FOLDER}"
            )
        request = ApiDownloadDataFilesRequest()
        request.competition_name = competition
        with kagglehub.clients.build_kaggle_client() as client:
            for scheme in ("https://", "http://"):
                client.http_client()._session.mount(scheme, _Patient())
            response = client.competitions.competition_api_client.download_data_files(request)
            length = _length(response)
            archives.check_room(growing.parent, length or 0)
            kagglehub.clients.download_file(
                response, str(growing), kagglehub.handle.parse_competition_handle(competition)
            )
        if length is not None and (have := growing.stat().st_size) != length:
            growing.unlink()
            raise _Interrupted(f"{have} of {length} bytes came, so that it starts again")
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise _Interrupted(_reason(error)) from None
    except requests.HTTPError as error:
        status = error.response.status_code
        said = {
            401: "found that Kaggle does not know the access token: make another at https://www.kaggle.com/settings",
            403: f"found that its rules are not accepted: accept them at {page}/rules",
            404: f"found that there is no such competition: look up its name at {page}",
        }
        if status in said:
            raise InputError(f"{address}: expected its data, {said[status]}; {FOLDER}") from None
        _complain(address, status)
    except kagglehub.exceptions.DataCorruptionError:
        growing.unlink(missing_ok=True)
        raise _Interrupted("the archive was damaged on its way, so that it starts again") from None
    except InputError:
        raise
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(
            f"{address}: expected its data, found {type(error).__name__}: {error}; {FOLDER}"
        ) from None
