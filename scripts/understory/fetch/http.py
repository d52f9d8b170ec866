"""Downloading a file over HTTP, on from where an earlier try was cut."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin

import requests
import urllib3

from understory.core.errors import InputError
from understory.core.files import replacing
from understory.fetch import archives
from understory.fetch.address import shown

CONNECT_TIMEOUT = 15  # s
READ_TIMEOUT = 60  # s without a byte
CHUNK = 1 << 16  # bytes
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
FOLDER = "`--config data=FOLDER` takes a copy of your own"


class Interrupted(Exception):  # noqa: N818
    """A try that failed and may succeed the next time. The message is for the user."""


class Session(requests.Session):
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


def download(url: str, growing: Path):
    """Download a file to `growing`, on from where an earlier try was cut.

    Raises
    ------
    Interrupted
        Another try may succeed.
    InputError
        None will.
    """
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
            Session() as session,
            session.get(
                url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
            ) as response,
        ):
            if response.status_code == 206 and have:
                length = _continued(response, state, have)
                if length is None:
                    growing.unlink()
                    raise Interrupted("the server went on with something else, so that it starts again")
            elif response.status_code == 200:
                # In this order: at no moment do bytes of one version lie beside the name of another.
                growing.unlink(missing_ok=True)
                have, length = 0, content_length(response)
                with replacing(known) as path:
                    path.write_text(json.dumps({"validator": _validator(response), "length": length}))
            elif response.status_code == 416 and have:
                growing.unlink()
                raise Interrupted("the server has no more of it, so that it starts again")
            else:
                complain(url, response.status_code)
            _receive(response, growing, have, length)
    except requests.exceptions.SSLError:
        raise InputError(
            f"{shown(url)}: expected a server whose certificate can be verified, found one whose cannot. "
            f"Check the address and the clock of this machine; {FOLDER}"
        ) from None
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise Interrupted(reason(error)) from None
    except urllib3.exceptions.HTTPError as error:
        raise Interrupted(f"the connection was cut ({type(error).__name__})") from None
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
        raise Interrupted(f"the connection was cut after {have} of {length} bytes")
    if (found := growing.stat().st_size if growing.exists() else 0) != have:
        growing.unlink(missing_ok=True)
        raise Interrupted(
            f"another process wrote to {growing.name} ({found} bytes instead of {have}), so that it starts again"
        )


def content_length(response) -> int | None:
    """The number of bytes that a response announces."""
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


def complain(address: str, status: int):
    """Raise InputError or `Interrupted` for a status without an archive."""
    if status in TRANSIENT:
        raise Interrupted(f"the server answered {status}")
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


def reason(error: requests.RequestException) -> str:
    """Why there is no connection, without the address, which the libraries put into their messages."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection was made within {CONNECT_TIMEOUT} s"
    if isinstance(error, requests.Timeout):
        return f"nothing came for {READ_TIMEOUT} s"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be reached"
    return "the server could not be reached, or cut the connection"
