"""Frozen models that give embeddings: what a plan has to know of their files.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from understory.core import files, hashing
from understory.core.errors import InputError
from understory.core.file_digests import FileDigests
from understory.core.text import listed
from understory.core.untracked import Untracked

KIND = "embedding"
FROZEN = "understory.inference.embeddings.frozen"
FORMATS = "understory.inference.embeddings.formats"
EXPECTED = "expected the folder of a SavedModel, or a file .tflite, .keras or .onnx"
# Of a folder, the file that makes it a SavedModel.
SAVED_MODEL = "saved_model.pb"
# Whose classes a .keras file may name.
OWN = ("builtins", "keras", "understory")
# Keys of a block that change no vector.
UNTRACKED = ("licence", "model")


@dataclass(frozen=True, repr=False)
class Places(Untracked):
    """Where the models are, by their SHA-256; by the name of their features, what a saved run tells of them; and the file that
    remembers the digests of files."""

    paths: dict
    told: dict
    contents: str


class FrozenModels:
    """The frozen models of a configuration.

    Parameters
    ----------
    config : dict
        The whole configuration.
    contents : FileDigests
        What their files hold.

    Attributes
    ----------
    config : dict
        The configuration, in which the embeddings that models are fed name the `format` and the actual `sha256` of their model, and
        neither its path nor its licence.
    places : Places

    Raises
    ------
    InputError
        There is no model at a path, it is damaged, another one than was expected, or one that would run code.
    """

    def __init__(self, config: dict, contents: FileDigests):
        fed = {config["models"][name]["features"] for name in config["train"]}
        blocks = {name: config["features"][name] for name in sorted(fed)}
        features, self.places = {}, Places({}, {}, str(contents.index))
        for name, block in blocks.items():
            if block["kind"] != KIND:
                continue
            told, path, sha256 = self.found(name, block, contents)
            if block["sha256"] and block["sha256"].lower() != sha256:
                raise InputError(
                    f"features.{name}.sha256: expected {block['sha256']}, found {sha256} of {block['model']}: it is another model, "
                    "or damaged"
                )
            kept = {key: value for key, value in block.items() if key not in UNTRACKED}
            features[name] = {**kept, **told, "sha256": sha256}
            self.places.paths[sha256] = path
            self.places.told[name] = {key: block.get(key) for key in UNTRACKED}
        self.config = {**config, "features": {**config["features"], **features}} if features else config

    def found(self, name: str, block: dict, contents: FileDigests) -> tuple[dict, str | list[str], str]:
        """The format of a model with what else its files say of it, its path or the paths of its files, and its SHA-256."""
        path = Path(block["model"]).expanduser()
        form, sha256 = format_of(path, name), digest(path, contents)
        if len(sha256) != 64:
            raise InputError(f"features.{name}.model: {EXPECTED}, found {path} {sha256}")
        if missing := [key for key in ("sample_rate", "window") if block[key] is None]:
            raise InputError(
                f"features.{name}.{missing[0]}: expected a number, as only a finished run tells it by itself, given null"
            )
        return {"format": form}, str(path), sha256

    def shown(self, config: dict) -> dict:
        """A configuration with the paths and the licences that `config` of this object has not, as the user wrote it."""
        features = dict(config["features"])
        for name in self.places.told.keys() & features.keys():
            block = {key: value for key, value in features[name].items() if key != "format"}
            features[name] = {**block, **self.places.told[name]}
        return {**config, "features": features}

    def facts(self) -> list[list[str]]:
        """The name, SHA-256 and licence of each model, for the report."""
        return [
            [
                f"frozen model of {name}",
                f"{Path(told['model']).name}, SHA-256 {self.config['features'][name]['sha256']}, licence: "
                f"{told['licence'] or 'not given'}",
            ]
            for name, told in self.places.told.items()
        ]


def placed(settings: dict, places: Places, memory: Path | None = None, key=None) -> dict:
    """Settings of a job, of which the blocks of `features` that are embeddings have the path of their `model` again.

    Parameters
    ----------
    settings : dict
    places : Places
    memory : Path, optional
        A file without its suffix: beside it the vectors of windows are remembered, for as long as the settings of the block and
        `key` stay the same; what was remembered before is deleted.
    key : optional
        A value that JSON can hold.

    Raises
    ------
    InputError
        A model has changed since the plan.
    """
    contents = FileDigests(Path(places.contents))

    def here(block):
        if block["kind"] != KIND:
            return block
        path = places.paths[block["sha256"]]
        if (found := digest(path, contents)) != block["sha256"]:
            raise InputError(
                f"{path if isinstance(path, str) else path[0]}: expected the model of SHA-256 {block['sha256']}, which the plan found there, found {found}: give the same "
                "command again"
            )
        own = {} if memory is None else {"memory": f"{memory}-{hashing.digest([block, key])}.bin"}
        return {**block, "model": path, **own}

    blocks = settings["features"]
    named = blocks if isinstance(blocks, dict) else dict(enumerate(blocks))
    found = {name: here(block) for name, block in named.items()}
    if memory is not None:
        wanted = {block.get("memory") for block in found.values()}
        for path in memory.parent.glob(f"{memory.name}-*.bin"):
            if str(path) not in wanted:
                path.unlink()
    return {**settings, "features": found if isinstance(blocks, dict) else list(found.values())}


def paths_of(path: Path) -> list[Path]:
    """The files of a model: the file itself, or all below a folder, in the order of their paths."""
    if not path.is_dir():
        return [path]
    found = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sorted(found, key=lambda each: each.relative_to(path).as_posix())


def digest(path: str | Path | list[str], contents: FileDigests) -> str:
    """The SHA-256 of a file; of a folder, that of the lines that sha256sum prints of its files, sorted by their paths.

    Of a list of files, which lie in folders of one folder, it is as if they were all that is in that one. Where a file cannot be
    read, why.
    """
    listed = isinstance(path, list)
    folder = Path(path[0]).parents[1] if listed else Path(path)
    paths = sorted(map(Path, path)) if listed else paths_of(folder)
    held = contents.identities(paths)
    if not listed and not folder.is_dir():
        return held[0]
    if unread := next((each for each in held if len(each) != 64), None):
        return unread
    lines = (
        f"{each}  ./{file.relative_to(folder).as_posix()}\n" for each, file in zip(held, paths, strict=True)
    )
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def format_of(path: Path, name: str) -> str:
    """The format of a model, one of the modules in `formats`, told by its content.

    Parameters
    ----------
    path : Path
    name : str
        The name of the features, for messages.
    """
    place = f"features.{name}.model"
    if (other := files.other(path)) == files.FOLDER:
        if files.other(path / SAVED_MODEL):
            raise InputError(
                f"{place}: {EXPECTED}, or a finished run, found a folder without {SAVED_MODEL} and without ensemble/members.json "
                f"at {path}: of a run, make everything first (snakemake without a target)"
            )
        return "saved_model"
    if other:
        raise InputError(
            f"{place}: {EXPECTED}, found {other} at {path}: docs/embeddings.md says where to get models"
        )
    with open(path, "rb") as file:
        head = file.read(8)
    if head[4:] == b"TFL3":
        return "tflite"
    if head[:4] == b"PK\x03\x04":
        _check_keras(path, place)
        return "keras_file"
    # ONNX has no mark: its first field is the version of the format, a small number.
    if head[:1] == b"\x08" and 0 < head[1] < 64:
        if find_spec("onnxruntime") is None:
            raise InputError(
                f"{place}: expected onnxruntime for {path}, found that it is not installed: pip install onnxruntime"
            )
        return "onnx_file"
    raise InputError(f"{place}: {EXPECTED}, found another file, or a damaged one, at {path}")


def _check_keras(path, place):
    """InputError where a .keras file is not whole, or would run code of its own."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError):
        raise InputError(
            f"{place}: expected a whole .keras file, found {path} damaged: copy the file again"
        ) from None
    classes = list(_classes(config))
    if "Lambda" in {name for _, name in classes}:
        raise InputError(
            f"{place}: expected a model of Keras' own layers, found code that would be run (a Lambda layer) in {path}"
        )
    if others := sorted({f"{module}.{name}" for module, name in classes if module.split(".")[0] not in OWN}):
        raise InputError(
            f"{place}: expected a model of Keras' own layers, found {listed(others, 3)} in {path}"
        )


def _classes(config):
    """The module and the name of each class that a saved Keras model names, at any depth."""
    if isinstance(config, list):
        for each in config:
            yield from _classes(each)
    if isinstance(config, dict):
        if "class_name" in config:
            yield str(config.get("module") or "keras"), str(config["class_name"])
        yield from _classes(list(config.values()))
