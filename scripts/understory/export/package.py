"""Exported models with their description inside: a ZIP archive after the model, as TensorFlow Lite appends associated files.

Nothing but Python's own library is imported here.
"""

import hashlib
import json
import zipfile
import zlib
from pathlib import Path

from understory.core import files
from understory.core.errors import InputError
from understory.core.files import replacing

# The name of the description, and what tells it from others.
MEMBER, FORMAT = "understory.json", 1
# What is raised of archives that are damaged somewhere.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


def describe(path: Path, content: bytes, description: dict):
    """Write a model with its description, wholly or not at all; the same bytes of the same.

    Parameters
    ----------
    path : Path
    content : bytes
        The model: a LiteRT file, or a `.keras` file.
    description : dict
        Plain values.
    """
    held = {"bytes": len(content), "format": FORMAT, "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps({**description, **held}, ensure_ascii=False, sort_keys=True, indent=1)
    with replacing(path) as new:
        new.write_bytes(content)
        with zipfile.ZipFile(new, "a") as archive:
            archive.writestr(zipfile.ZipInfo(MEMBER), text + "\n")


def read(path: Path) -> tuple[bytes, dict]:
    """A LiteRT model and its description.

    Raises
    ------
    InputError
        There is no such file, it is no exported model, or it is damaged.
    """
    wanted = f"{path}: expected a model that was exported as .tflite"
    if other := files.other(path):
        raise InputError(f"{wanted}, found {other}")
    try:
        with zipfile.ZipFile(path) as archive:
            description = json.loads(archive.read(MEMBER))
        if description["format"] != FORMAT:
            raise InputError(
                f"{path}: expected a model of format {FORMAT}, found format {description['format']}: export it again"
            )
        with open(path, "rb") as file:
            content = file.read(description["bytes"])
    except (*UNREADABLE, KeyError, TypeError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{wanted}, found one that is cut short, or a file of another program: copy it again"
        ) from None
    if hashlib.sha256(content).hexdigest() != description["sha256"]:
        raise InputError(f"{wanted}, found one that is damaged: copy it again")
    if content[4:8] != b"TFL3":
        raise InputError(f"{wanted}, found a model of another kind")
    return content, description
