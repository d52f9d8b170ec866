"""Short digests of the code and the packages that a rule depends on, for its `params`."""

import ast
import hashlib
import json
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

from understory.core import files
from understory.core.hashing import digest, ordered

# Import names whose distribution is called otherwise.
DISTRIBUTIONS = {
    "annotated_types": "annotated-types",
    "cv2": "opencv-python-headless",
    "openjpeg": "pylibjpeg-openjpeg",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
# The types of options decide what the configuration may hold, and nothing of what comes of it.
UNTRACKED = "understory.core.options"
# Of more source files and packages than this, those of long ago are forgotten.
MANY = 2000


class _Memory:
    """What was worked out of some content, by the content's digest; a file keeps it from run to run.

    It is a memory, nothing more: without it, everything is worked out again. What another version of this module, of
    Python or of the machine made of a content counts for nothing.
    """

    def __init__(self, path: Path | None):
        self.path, self._known, self._new = path, {}, False
        # What requirements hang on, be they read on another machine that shares the file.
        where = json.dumps([sys.version, default_environment()], sort_keys=True)
        self._maker = hashlib.sha256(where.encode() + Path(__file__).read_bytes())
        if path is not None:
            with suppress(OSError, ValueError, TypeError):
                self._known = dict(json.loads(path.read_text(encoding="utf-8")))

    def of(self, content: bytes, make):
        """What `make()` gives, of types that JSON has, unless it is known of this content."""
        total = self._maker.copy()
        total.update(content)
        key = total.hexdigest()
        if key not in self._known:
            self._known[key], self._new = make(), True
        return self._known[key]

    def keep(self):
        """Write what is new."""
        if self.path is None or not self._new:
            return
        self._new = False
        # Where nothing can be written, everything is worked out again.
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            new = files.own(self.path)
            new.write_text(json.dumps(dict(list(self._known.items())[-MANY:])), encoding="utf-8")
            new.replace(self.path)


_memory = _Memory(None)


def remember(path: Path | None):
    """Keep in a file what source files and packages say, and take from it what is known of them."""
    global _memory
    _memory = _Memory(path)


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
        sources[file], imported = parsed(file)
        for name in imported:
            if name.startswith(UNTRACKED):
                continue
            local = module_files(name, library)
            pending += local
            if not local:
                packages.add(name.split(".")[0])
    trees = {file.relative_to(library).as_posix(): tree for file, tree in sources.items()}
    python = {"python": ".".join(map(str, sys.version_info[:2]))}
    found = ordered({"code": trees, "packages": {**python, **versions(packages - {"snakemake"})}})
    _memory.keep()
    return found


@cache
def parsed(file: Path) -> tuple[str, frozenset[str]]:
    """The digest of a source file's syntax tree, without comments, layout and docstrings, and the names it imports."""
    content = file.read_bytes()
    tree, names = _memory.of(content, lambda: _parsed(file, content))
    return tree, frozenset(names)


def _parsed(file, content):
    tree = ast.parse(content, str(file))
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
    return digest(ast.unparse(tree)), sorted(names)


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
def _told(package: str) -> tuple[str, tuple[str, ...]]:
    """The version of a package's distribution, and the names of those that it requires, without its extras."""
    try:
        found = metadata.distribution(DISTRIBUTIONS.get(package, package))
    except metadata.PackageNotFoundError:
        return "not installed", ()
    said = [package, *(found.read_text(name) for name in ("METADATA", "PKG-INFO", "requires.txt"))]
    told, names = _memory.of(json.dumps(said).encode(), lambda: [found.version, _required(found)])
    return told, tuple(names)


def _required(distribution):
    wanted = [Requirement(text) for text in distribution.requires or []]
    return sorted(
        {each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})}
    )


def version(package: str) -> str:
    """The installed version of a package's distribution, or `not installed`."""
    return _told(package)[0]


@cache
def required(package: str) -> frozenset[str]:
    """The distributions that are installed of those that a package requires, without its extras."""
    return frozenset(name for name in _told(package)[1] if version(name) != "not installed")


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
