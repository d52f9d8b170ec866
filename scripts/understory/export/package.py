"""Exported models with their description inside: of LiteRT in a ZIP archive after the model, as TensorFlow Lite appends associated
files, of ONNX among its metadata.

Nothing but Python's own library is imported here.
"""

import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError
from understory.core.files import replacing

# The name of the description, and what tells it from others.
MEMBER, FORMAT = "understory.json", 1
LITERT = ".tflite"
# What is raised of archives that are damaged somewhere.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


def describe(path: Path, content: bytes, description: dict):
    """Write a LiteRT model with its description, wholly or not at all; the same bytes of the same.

    Parameters
    ----------
    path : Path
    content : bytes
        The model.
    description : dict
        Plain values.
    """
    with replacing(path) as new:
        new.write_bytes(content)
        with zipfile.ZipFile(new, "a") as archive:
            archive.writestr(zipfile.ZipInfo(MEMBER), text(content, description) + "\n")


def text(model: bytes, description: dict) -> str:
    """The description of a model as JSON, with what tells whether the model is whole."""
    held = {"bytes": len(model), "format": FORMAT, "sha256": hashlib.sha256(model).hexdigest()}
    return json.dumps({**description, **held}, ensure_ascii=False, sort_keys=True, indent=1)


def read(path: Path) -> tuple[bytes, dict]:
    """A LiteRT model and its description.

    Raises
    ------
    InputError
        There is no such file, it is no exported model, or it is damaged.
    """
    whole = content(path, LITERT)
    try:
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            description = archive.read(MEMBER)
    except (*UNREADABLE, KeyError, ValueError, OSError):
        raise InputError(not_whole(path, LITERT)) from None
    model, known = checked(path, LITERT, whole, description)
    if model[4:8] != b"TFL3":
        raise InputError(f"{_wanted(path, LITERT)}, found a model of another kind")
    return model, known


def content(path: Path, ending: str) -> bytes:
    """What an exported file holds.

    Raises
    ------
    InputError
        There is no such file, or it cannot be read.
    """
    if other := files.other(path):
        raise InputError(f"{_wanted(path, ending)}, found {other}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{_wanted(path, ending)}, found that it cannot be read ({error.strerror})"
        ) from None


def checked(path: Path, ending: str, whole: bytes, description) -> tuple[bytes, dict]:
    """The model at the begin of an exported file, and its description.

    Parameters
    ----------
    path : Path
    ending : str
        Of files of its format.
    whole : bytes
        What the file holds.
    description : str or bytes or None
        As `text` gives it; None where there is none.

    Raises
    ------
    InputError
        It is no exported model, one of another version, or damaged.
    """
    try:
        known = json.loads(description)
        found, size, digest = known["format"], known["bytes"], known["sha256"]
        model = whole[:size]
    except (KeyError, TypeError, ValueError):
        raise InputError(not_whole(path, ending)) from None
    if found != FORMAT:
        raise InputError(
            f"{path}: expected a model of format {FORMAT}, found format {found}: export it again"
        )
    if hashlib.sha256(model).hexdigest() != digest:
        raise InputError(f"{_wanted(path, ending)}, found one that is damaged: copy it again")
    return model, known


def not_whole(path: Path, ending: str) -> str:
    """What is said of a file that is none, or not all of one."""
    return (
        f"{_wanted(path, ending)}, found one that is cut short, or a file of another program: copy it again"
    )


def _wanted(path, ending):
    return f"{path}: expected a model that was exported as {ending}"
