"""Choices that the configuration makes by name: each is a module in a folder of its own kind.

Plain Python only: the Snakefile imports this module each time it is parsed.
"""

import re
from importlib import import_module
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
