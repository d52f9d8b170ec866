"""Choices that the configuration makes by name: each is a module in a folder of its own kind.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import ast
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules


def names(package: str) -> list[str]:
    """The choices there are: the modules in the folder of a package, such as `understory.datasets`."""
    return sorted(found.name for found in iter_modules(import_module(package).__path__))


def load(package: str, name: str):
    """The module of a choice, one of `names`."""
    return import_module(f"{package}.{name}")


def module_name(class_name: str) -> str:
    """The module of a choice that is a class, in snake case: GaussianNoiseSNR is in `gaussian_noise_snr`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()


def defined(package: str, name: str) -> set[str]:
    """The names that a choice's module defines at its top level, read from the source without importing it."""
    names = set()
    for node in source(package, name)[1].body:
        targets = node.targets if isinstance(node, ast.Assign) else [node]
        names.update(getattr(each, "id", getattr(each, "name", "")) for each in targets)
    return names


def source(package: str, name: str) -> tuple[Path, ast.Module]:
    """The file of a choice's module, and its syntax tree."""
    path = Path(find_spec(f"{package}.{name}").origin)
    return path, ast.parse(path.read_bytes(), str(path))


def constant(package: str, name: str, constant: str, *, default):
    """A constant of a choice's module, a literal such as `FIGURES = ("roc",)`, read from the source without importing it."""
    for node in source(package, name)[1].body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [constant]:
            return ast.literal_eval(node.value)
    return default
