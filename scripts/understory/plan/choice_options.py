"""The options of what the configuration chooses by name, read from the source of the module that is chosen.

A plan imports neither TensorFlow nor numpy: the keyword-only parameters of a choice are read from its syntax tree. Their types
are names of `understory.core.options`, `Annotated[...]` with bounds of annotated_types, `Literal` of words, `list[...]`, `bool`,
`int`, `float` or `str`, or any of these `| None`;
their meanings stand in the docstring's section "Parameters".
"""

import ast
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_origin

from annotated_types import MinLen
from pydantic import Field, create_model

from understory.core import choices, options
from understory.core.errors import InputError
from understory.core.options import Share
from understory.plan.config_block import Block, key
from understory.plan.model_config import OPTIMISERS, SCHEDULES

# What a choice of each kind is: the package of its modules, and the function whose options it takes; without one, the
# options are those of the module's class.
PLACES = {
    "architecture": ("understory.training.architectures", "build"),
    "loss": ("understory.training.losses", "build"),
    "augmentation": ("understory.training.augmentations", "apply"),
    "transform of audio": ("understory.audio.transforms", None),
    "transform of images": ("understory.images.transforms", None),
    "features of audio": ("understory.audio.features", "compute"),
    "features of images": ("understory.images.features", "compute"),
}
# What types of options are made of.
GENERIC = {"Annotated", "Literal", "list"}
NAMES = {"bool", "float", "int", "str"} | GENERIC | set(vars(options))
# Keyword-only parameters of functions that are handed over, and are no options, unless they have the type of one.
NOT_OPTIONS = ("band", "sample_rate", "sequences")


class Combination(Block):
    """A combination of transforms."""

    transforms: Annotated[list[dict[str, Any]], MinLen(1)] = key(
        ..., "Transforms, each a name with its options"
    )
    p: Share = key(1.0, "Probability that the combination is applied")


class Compose(Combination):
    """Apply transforms one after the other."""


class OneOf(Combination):
    """Apply one of several transforms, each with the same probability."""


COMBINATIONS = {"Compose": Compose, "OneOf": OneOf}
# Choices that are no modules.
DESCRIBED = {"optimiser": OPTIMISERS, "schedule": SCHEDULES}


class Choice(NamedTuple):
    """A choice in the source: where it is, its class where it is one, its syntax tree, and its summary."""

    path: Path
    name: str
    node: ast.FunctionDef | ast.ClassDef
    summary: str


def names(kind: str) -> list[str]:
    """The choices of a kind, as the configuration names them."""
    if kind in DESCRIBED:
        return list(DESCRIBED[kind])
    package, function = PLACES[kind]
    found = _modules(package)
    if function:
        return found
    return sorted([*COMBINATIONS, *(_choice(kind, name).name for name in found)])


@cache
def block(kind: str, name: str) -> type[Block] | None:
    """The options of a choice as a block of the configuration; None where there is no such choice.

    Raises
    ------
    InputError
        Its module does not declare its options as described above.
    """
    if kind in DESCRIBED:
        return DESCRIBED[kind].get(name)
    package, function = PLACES[kind]
    if not function and name in COMBINATIONS:
        return COMBINATIONS[name]
    module = name if function else choices.module_name(name)
    if module not in _modules(package):
        return None
    choice = _choice(kind, module)
    if choice.name != name:
        return None
    fields = {
        option: (annotation, Field(default, description=description))
        for option, annotation, default, description in _options(choice)
    }
    return create_model(name, __base__=Block, __doc__=choice.summary, __module__=options.__name__, **fields)


@cache
def constant(kinds: tuple[str, ...], name: str, constant: str, *, default):
    """A constant of the module of a choice of one of some kinds, as `choices.constant` reads it."""
    package = next(PLACES[kind][0] for kind in kinds if name in _modules(PLACES[kind][0]))
    return choices.constant(package, name, constant, default=default)


@cache
def _modules(package):
    return choices.names(package)


@cache
def _choice(kind, module):
    package, function = PLACES[kind]
    path, tree = choices.source(package, module)
    wanted = f"a function {function}" if function else "a class in CamelCase of the module's name"
    for node in tree.body:
        if function and isinstance(node, ast.FunctionDef) and node.name == function:
            return Choice(path, module, node, _summary(tree, node))
        if not function and isinstance(node, ast.ClassDef) and choices.module_name(node.name) == module:
            return Choice(path, node.name, node, _summary(tree, node))
    raise InputError(f"{path}: expected {wanted}, found none")


def _summary(tree, node):
    text = ast.get_docstring(tree if isinstance(node, ast.FunctionDef) else node) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def _options(choice):
    """Name, type, default and meaning of each option."""
    function, documented = _signature(choice)
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        # Of `Rate | None`, the first.
        said = ast.unparse(argument.annotation or ast.Pass()).partition(" |")[0]
        if argument.arg in NOT_OPTIONS and said not in vars(options):
            continue
        place = f"{choice.path}: option {argument.arg} of {choice.name}"
        try:
            annotation = _annotation(argument.annotation)
        except ValueError:
            said = ast.unparse(argument.annotation) if argument.annotation else "none"
            types = [name for name, each in vars(options).items() if get_origin(each) is Annotated]
            raise InputError(
                f"{place}: expected a type of understory.core.options ({', '.join(types)}), Literal of words, or "
                f"Annotated[int, Ge(1), Le(8)] and the like, found {said}"
            ) from None
        try:
            value = ... if default is None else ast.literal_eval(default)
        except ValueError:
            raise InputError(
                f"{place}: expected a literal as its default, found {ast.unparse(default)}"
            ) from None
        yield argument.arg, annotation, value, documented.get(argument.arg, "")


def _signature(choice):
    """The function that takes the options, and their meanings."""
    if isinstance(choice.node, ast.FunctionDef):
        return choice.node, parameters(ast.get_docstring(choice.node))
    for each in choice.node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return each, parameters(ast.get_docstring(choice.node))
    raise InputError(f"{choice.path}: expected {choice.name} to have __init__ with its options, found none")


def _annotation(node):
    """An annotation as it is written, which pydantic evaluates; ValueError where it is no type of an option."""
    parts = list(ast.walk(node)) if node else []
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    generic = {ast.unparse(part.value): part.slice for part in parts if isinstance(part, ast.Subscript)}
    words = [part for part in ast.walk(generic.get("Literal", ast.Pass())) if isinstance(part, ast.Constant)]
    if (
        not names
        or names - NAMES
        or set(generic) - GENERIC
        or not all(isinstance(word.value, str) for word in words)
    ):
        raise ValueError("no type of an option")
    return ast.unparse(node)


def parameters(docstring: str | None) -> dict[str, str]:
    """The meanings in the section "Parameters" of a numpydoc docstring."""
    if not docstring or "Parameters\n----------\n" not in docstring:
        return {}
    section = inspect.cleandoc(docstring).split("Parameters\n----------\n")[1]
    section = re.split(r"\n\S[^\n]*\n-{3,}", section)[0]
    found, now = {}, ()
    for line in section.splitlines():
        if line and not line[0].isspace():
            now = [name.strip() for name in line.split(" : ")[0].split(",")]
            found |= dict.fromkeys(now, "")
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in now}
    return found
