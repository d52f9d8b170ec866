"""Digests of the code and the packages that a rule depends on, for its `params`.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import ast
import hashlib
import json
import os
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

from understory.core import files, hashing
from understory.core.hashing import digest, ordered

# Import names whose distribution has another name.
DISTRIBUTIONS = {
    "ai_edge_litert": "ai-edge-litert",
    "cv2": "opencv-python-headless",
    "google": "protobuf",
    "openjpeg": "pylibjpeg-openjpeg",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
# Starts a job and decides nothing of what the job writes, so imports of it are not followed.
STARTER = "understory.run.job"
# The memory holds at most this many source files and packages; the oldest are dropped.
MANY = 2000
# In the place of a version.
NONE = "not installed"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Memory:
    """Results computed from some content, by the content's digest; a file keeps them from run to run.

    Without the file everything is computed again. The keys cover this module, Python and the machine, so results of
    another version are not used.
    """

    def __init__(self, path: Path | None):
        self.path, self._known, self._new = path, {}, False
        # Markers of requirements depend on the machine, and machines may share the file.
        machine = sys.version, sys.implementation.name, *os.uname()
        self._maker = hashlib.sha256(repr(machine).encode())
        for module in (__file__, hashing.__file__):
            self._maker.update(Path(module).read_bytes())
        if path is not None:
            with suppress(OSError, ValueError, TypeError):
                self._known = dict(json.loads(path.read_text(encoding="utf-8")))

    def of(self, content: bytes, make):
        """The result of `make()`, a value that JSON can hold, computed once for each content."""
        total = self._maker.copy()
        total.update(content)
        key = total.hexdigest()
        if key not in self._known:
            self._known[key], self._new = make(), True
        return self._known[key]

    def keep(self):
        """Write new results to the file."""
        if self.path is None or not self._new:
            return
        self._new = False
        # If the file cannot be written, the next run computes everything again.
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            files.replace(self.path, json.dumps(dict(list(self._known.items())[-MANY:])))


_memory = _Memory(None)


def remember(path: Path | None):
    """Keep the results for source files and packages in a file, and use those that it holds."""
    global _memory
    _memory = _Memory(path)


def remembered(content: bytes, make):
    """The result of `make()`, a value that JSON can hold, computed once for each content."""
    result = _memory.of(content, make)
    _memory.keep()
    return result


def code_of(script: Path, library: Path, extra=(), *, messages: bool = False) -> dict[str, dict[str, str]]:
    """The code that decides what a script writes, as digests.

    Covers the syntax trees of the script and of the local modules that it imports, directly or not, style sheets and
    programs in JavaScript that have the name of one of these, and the versions of the third-party packages that any of
    these imports. Comments, layout, docstrings, annotations of functions, and
    modules imported for such annotations only do not count, nor does `STARTER`.

    Parameters
    ----------
    script : Path
    library : Path
        The folder that local modules are imported from.
    extra : iterable of str
        Local modules that the script imports by a name known only at run time.
    messages : bool
        Whether the words of errors count: where the script writes the messages of errors to its outputs.

    Returns
    -------
    dict
        `code`, the digest of each source file's tree, and `packages`, the version of each package and Python's.

    Raises
    ------
    ValueError
        A relative import, or a local package without `__init__.py`.
    """
    sources, packages = {}, set()
    pending = [script, *(file for name in extra for file in module_files(name, library))]
    while pending:
        file = pending.pop()
        if file in sources:
            continue
        with_messages, without_messages, imported = parsed(file)
        sources[file] = with_messages if messages else without_messages
        for name in imported:
            if f"{name}.".startswith(f"{STARTER}."):
                continue
            local = module_files(name, library)
            pending += local
            if not local:
                packages.add(name.split(".")[0])
    for file in list(sources):
        sources |= _beside(file)
    trees = {file.relative_to(library).as_posix(): tree for file, tree in sources.items()}
    python = {"python": ".".join(map(str, sys.version_info[:2]))}
    digests = ordered({"code": trees, "packages": {**python, **versions(packages - {"snakemake"})}})
    _memory.keep()
    return digests


@cache
def _beside(file):
    """The digests of the style sheet and the program in JavaScript that have a module's name."""
    paths = [file.with_suffix(suffix) for suffix in (".css", ".js")]
    return {path: digest(path.read_text(encoding="utf-8")) for path in paths if path.is_file()}


@cache
def parsed(file: Path) -> tuple[str, str, frozenset[str]]:
    """The digests of a source file's syntax tree, with the messages of errors and without, and the names it imports."""
    content = file.read_bytes()
    with_messages, without_messages, names = _memory.of(content, lambda: _parsed(file, content))
    return with_messages, without_messages, frozenset(names)


def imports(file: Path) -> frozenset[str]:
    """The full names that a source file imports, other than for annotations of functions."""
    return parsed(file)[2]


def _parsed(file, content):
    tree = ast.parse(content, str(file))
    before = _names_used(tree)
    _strip(tree)
    # An import that is never used stays: it may register something.
    tree = _DropImports(before - _names_used(tree)).visit(tree)
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{file}: expected absolute imports, found a relative one")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    with_messages = digest(ast.unparse(tree))
    _drop_messages(tree)
    return with_messages, digest(ast.unparse(tree)), sorted(names)


def _names_used(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _strip(tree):
    """Drop docstrings, and annotations of parameters and returned values; those of a class's fields may make a dataclass."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, FUNCTIONS):
            node.returns = None
        documented = isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS))
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]


class _DropImports(ast.NodeTransformer):
    """Drop the imports that bind any of `names`."""

    def __init__(self, names):
        self.names = names

    def visit_Import(self, node):
        bound = {alias: alias.asname or alias.name.split(".")[0] for alias in node.names}
        node.names = [alias for alias, name in bound.items() if name not in self.names]
        return node if node.names else None

    visit_ImportFrom = visit_Import  # noqa: N815 the name that ast calls


def _drop_messages(tree):
    """Drop the texts that exceptions are raised with; which exception is raised stays."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            node.exc.args = [argument for argument in node.exc.args if not _is_text(argument)]


def _is_text(node):
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _is_text(left) or _is_text(right)
        case ast.IfExp(body=one, orelse=other):
            return _is_text(one) and _is_text(other)
    return False


@cache
def module_files(name: str, library: Path) -> tuple[Path, ...]:
    """The local files that importing `name` runs: its packages' `__init__.py` and the module itself.

    `name` may end in something that a module defines. Empty for a module that is not local. ValueError for a folder
    without `__init__.py`: Python would import modules from it that no digest covers.
    """
    package, _, last = name.rpartition(".")
    above = module_files(package, library) if package else (library / "__init__.py",)
    if not above or above[-1].name != "__init__.py":
        return above
    above, place = above if package else (), f"{above[-1].parent}/{last}"
    if os.path.isfile(f"{place}.py"):
        return (*above, Path(f"{place}.py"))
    if not os.path.isdir(place):
        return above
    if not os.path.isfile(f"{place}/__init__.py"):
        raise ValueError(f"{place}: expected a package with an __init__.py, found none; imported as {name}")
    return (*above, Path(place, "__init__.py"))


@cache
def _installed(package: str) -> tuple[str, tuple[str, ...]]:
    """The version of a package's distribution, and the names of those that it requires, without its extras."""
    try:
        distribution = metadata.distribution(DISTRIBUTIONS.get(package, package))
    except metadata.PackageNotFoundError:
        return NONE, ()
    texts = [package, *(distribution.read_text(name) for name in ("METADATA", "PKG-INFO", "requires.txt"))]
    number, names = _memory.of(
        json.dumps(texts).encode(), lambda: [distribution.version, _required(distribution)]
    )
    return number, tuple(names)


def _required(distribution):
    # Imported here: what is remembered needs no parser.
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in distribution.requires or []]
    return sorted(
        {each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})}
    )


def version(package: str) -> str:
    """The installed version of a package's distribution, or `not installed`."""
    return _installed(package)[0]


def versions(packages) -> dict[str, str]:
    """The installed version of each third-party package, by import name, and of those that they require in turn."""
    found, pending = {}, [name for name in packages if name not in sys.stdlib_module_names]
    while pending:
        name = pending.pop()
        key = DISTRIBUTIONS.get(name, name).lower().replace("_", "-")
        if key not in found:
            found[key], names = _installed(name)
            pending += (each for each in names if version(each) != NONE)
    return dict(sorted(found.items()))
