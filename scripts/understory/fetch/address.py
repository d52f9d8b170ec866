"""The key `data` of the configuration: synthetic data, a folder, a URL or a competition.

Imported while the Snakefile is parsed: nothing is fetched and no network library is imported here.
"""

import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from understory.core.errors import InputError
from understory.core.hashing import stable_hash
from understory.core.untracked import Untracked

# Modules that make synthetic data sets.
REPLICAS = "understory.synthetic"
COMPETITION = re.compile(r"kaggle:([A-Za-z0-9][A-Za-z0-9-]{0,99})")
SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz")


def kind(data: str) -> str:
    """What `data` is meant for: synthetic, kaggle, url or folder, whether or not it is well-formed."""
    if data == "synthetic":
        return "synthetic"
    if data.lower().startswith("kaggle:"):
        return "kaggle"
    return "url" if re.match(r"(?i)https?:|[a-z][a-z0-9+.-]*://", data) else "folder"


def problem(data: str) -> str | None:
    """What is wrong with an address, in words that show no credentials; None where nothing is."""
    match kind(data):
        case "kaggle" if not COMPETITION.fullmatch(data):
            return (
                "expected kaggle:COMPETITION, the name that follows kaggle.com/competitions/ in its address "
                f"(letters, digits and hyphens), given {data!r}"
            )
        case "url" if not _split(data):
            return (
                "expected the address of an archive, such as https://host/data.zip (http or https, a host, "
                f"no blanks), given {shown(data)!r}; other sources have to be fetched to a folder first"
            )
    return None


def shown(data: str) -> str:
    """The address for messages: without user name and password, nor the values of a query, which may be tokens."""
    if kind(data) != "url":
        return data
    if parts := _split(data):
        return f"{parts.scheme}://{_host(parts)}{parts.path}{'?…' if parts.query else ''}"
    # Where it ends is unclear in a malformed address: better too much hidden than too little.
    hidden = re.sub(r"(?s)^([^:]*:/*).*@", r"\1", data)
    return re.sub(r"(?s)[?#].*", "", hidden)


def slug(data: str) -> str:
    """The name of the folder that a well-formed address is fetched to: a readable stem and 8 hex digits.

    Neither credentials nor a fragment make another folder.
    """
    if kind(data) == "kaggle":
        identity, stem = data, COMPETITION.fullmatch(data)[1]
    else:
        parts = _split(data)
        identity = parts._replace(netloc=_host(parts), fragment="").geturl()
        stem = PurePosixPath(parts.path).name
        while stem.lower().endswith(SUFFIXES):
            stem = stem.rpartition(".")[0]
        stem = stem or parts.hostname
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:40] or "data"
    return f"{readable}-{stable_hash(identity) % 16**8:08x}"


def place(data: str, out: str):
    """Where data lie, and the file that marks them complete; [] for a folder of the user, which is no output.

    Synthetic data belong to a run, whose folder is `out`; fetched data are shared by all runs.
    """
    match kind(data):
        case "synthetic":
            return f"{out}/data", f"{out}/downloaded.json"
        case "folder":
            return str(Path(data).expanduser()), []
        case _:
            return f"data/{slug(data)}", f"data/{slug(data)}.json"


@dataclass(frozen=True, repr=False)
class Address(Untracked):
    """A well-formed address on its way to the job that fetches it, with the digest its archive is to have.

    Another password is not another data set, and none is to be found in a log.
    """

    text: str
    sha256: str | None = None


def check(ready: Path, sha256: str | None):
    """InputError when `ready` names another archive than the one that is now configured."""
    try:
        found = json.loads(ready.read_text()).get("sha256")
    except (ValueError, AttributeError):
        raise InputError(f"{ready} cannot be read: delete it to have the data fetched again") from None
    if sha256 and found and found != sha256.lower():
        raise InputError(
            f"data_sha256: expected {sha256.lower()}, found {found} of the archive that was fetched: "
            f"delete {ready} to have it fetched again"
        )


def _host(parts):
    return parts.netloc.rpartition("@")[2].lower()


def _split(url):
    """The parts of an http(s) address; None where it is malformed."""
    if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if valid else None


def synthesizer(name: str) -> str:
    """The name of the module that makes the reader's replica; InputError where there is none."""
    module = f"{REPLICAS}.{name}"
    if find_spec(module) is None:
        raise InputError(
            f"data: expected a folder, as the reader {name} has no synthetic data set, given synthetic"
        )
    return module
