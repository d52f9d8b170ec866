"""Short digests of what a rule depends on besides its input files, for its `params`."""

import ast
import hashlib
import json
import os
import re
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from understory.contents import Contents
from understory.tables import Tables

# Import names whose distribution is called otherwise.
DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "openjpeg": "pylibjpeg-openjpeg",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}


def ordered(value):
    """The value with every mapping sorted by key and made of builtins: Snakemake compares params by their repr."""
    return json.loads(json.dumps(value, sort_keys=True))


def digest(value) -> str:
    """16 hex digits of a value that JSON can hold, whatever the order of its mappings."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def annotations_digest(tables: Tables) -> str:
    """What folds are dealt from: every annotation, the classes, and the data set's own folds."""
    return digest(
        [
            sorted(tables.annotations),
            tables.classes,
            tables.folds,
            tables.exhaustive,
            tables.shared_windows,
            sorted(tables.unvalidated),
        ]
    )


def rows_digest(tables: Tables) -> str:
    """What a reader set aside, on whatever line of its table."""
    return digest(sorted([re.sub(r"line \d+", "line", text) for text in item] for item in tables.quarantined))


def shard_digest(tables: Tables, source, shard: str, count: int, contents: Contents) -> str:
    """What a shard, of `count`, is made of: its recordings, their annotations and the content of their files.

    `source` is the `understory.datasets.Source` of the tables.
    """
    own = tables.shard(shard, count)
    found = [source.files(recording) for recording in own]
    identities = iter(
        contents.identities(
            (os.path.join(source.folder, path) for paths in found for path in paths),
            among=lambda: (
                os.path.join(source.folder, path)
                for recording in tables.recordings
                for path in source.files(recording)
            ),
        )
    )
    return digest(
        [
            shard.split("-")[0],
            [
                [
                    recording,
                    [[path, next(identities)] for path in paths],
                    tables.annotations_of.get(recording.recording_id, []),
                ]
                for recording, paths in zip(own, found, strict=True)
            ],
        ]
    )


def code_of(script: Path, library: Path, extra=()) -> dict[str, dict[str, str]]:
    """What decides over what a script does: its syntax tree, those of the local modules it imports, directly
    or not, and the versions of the third-party packages any of these import.

    Parameters
    ----------
    script : Path
    library : Path
        The folder local modules are imported from.
    extra : iterable of str
        Local modules that are imported by a name known only at run time.

    Returns
    -------
    dict
        `code`, the digest of each source file's tree, and `packages`, the version of each package and Python's.
    """
    sources, packages = {}, set()
    pending = [script, *(file for name in extra for file in module_files(name, library))]
    while pending:
        file = pending.pop()
        if file in sources:
            continue
        sources[file] = parsed(file)[0]
        for name in parsed(file)[1]:
            local = module_files(name, library)
            pending += local
            if not local:
                packages.add(name.split(".")[0])
    trees = {file.relative_to(library).as_posix(): digest(tree) for file, tree in sources.items()}
    python = {"python": ".".join(map(str, sys.version_info[:2]))}
    return ordered({"code": trees, "packages": {**python, **versions(packages - {"snakemake"})}})


@cache
def parsed(file: Path):
    """A source file's syntax tree as text, without comments, layout and docstrings, and the names it imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{file}: expected absolute imports, found a relative one")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree), frozenset(names)


@cache
def module_files(name: str, library: Path) -> tuple[Path, ...]:
    """The local files that importing `name` runs: its packages' `__init__.py` and the module itself.

    `name` may end in something that a module defines. Empty for a module that is not local.
    """
    files = []
    for depth, _ in enumerate(parts := name.split(".")):
        place = library.joinpath(*parts[: depth + 1])
        if place.with_suffix(".py").is_file():
            files.append(place.with_suffix(".py"))
        elif (place / "__init__.py").is_file():
            files.append(place / "__init__.py")
        else:
            break
    return tuple(files)


@cache
def version(package: str) -> str:
    try:
        return metadata.version(DISTRIBUTIONS.get(package, package))
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def required(package: str) -> frozenset[str]:
    """The distributions that are installed of those that a package requires, without its extras."""
    try:
        told = metadata.requires(DISTRIBUTIONS.get(package, package)) or []
    except metadata.PackageNotFoundError:
        return frozenset()
    wanted = [Requirement(text) for text in told]
    names = {each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})}
    return frozenset(name for name in names if version(name) != "not installed")


def versions(packages) -> dict[str, str]:
    """The installed version of each third-party package, by import name, and of those that they require in turn."""
    found, pending = {}, [name for name in packages if name not in sys.stdlib_module_names]
    while pending:
        name = pending.pop()
        key = DISTRIBUTIONS.get(name, name).lower().replace("_", "-")
        if key not in found:
            found[key] = version(name)
            pending += required(name)
    return dict(sorted(found.items()))
