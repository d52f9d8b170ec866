"""New models, from the modules in `architectures/`."""

import inspect
from types import ModuleType
from typing import Literal, get_args, get_origin

import keras

from understory.core import choices
from understory.core.errors import InputError

PACKAGE = "understory.training.architectures"


def load(architecture: str, *, name: str | None = None) -> ModuleType:
    """The module of an architecture, which registers the classes that a saved model of it needs.

    Raises
    ------
    InputError
        There is no such architecture; the message begins with `models.{name}`.
    """
    names = choices.names(PACKAGE)
    if architecture not in names:
        raise InputError(
            f"models.{name or architecture}.architecture: expected one of {', '.join(names)}, found {architecture}"
        )
    return choices.load(PACKAGE, architecture)


def build(architecture: str, shape, classes: int, options: dict, *, name: str | None = None) -> keras.Model:
    """A new model for examples of `shape`.

    Parameters
    ----------
    architecture : str
        A module in `architectures/`. A `ValueError` of its `build` is a shape, class count or option that it refuses.
    shape : sequence of int
        (height, width, channels).
    classes : int
        Number of outputs.
    options : dict
        Options of the architecture.
    name : str, optional
        The model's name in the configuration, for messages; by default the architecture's.

    Raises
    ------
    InputError
        There is no such architecture or option, or the architecture refuses the shape, the classes or a value.
    """
    place, shape = f"models.{name or architecture}", tuple(int(side) for side in shape)
    make = load(architecture, name=name).build
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(
            f"{place}: expected examples of shape (height, width, channels), found {shape}: choose other features"
        )
    if classes < 1:
        raise InputError(f"{place}: expected at least one class, found {classes}")
    _check(options, make, f"{place}.options", architecture)
    try:
        return make(shape, classes, **options)
    except (ValueError, TypeError, IndexError) as error:
        shown = ", ".join(f"{option}: {value}" for option, value in sorted(options.items())) or "no options"
        raise InputError(
            f"{place}: {architecture} cannot be built for examples of shape {shape} and {classes} classes "
            f"with {shown}: {str(error).splitlines()[0]}"
        ) from error


def _check(options, make, place, architecture):
    """Raise an `InputError` for an option that there is not, and for a word that an option does not take."""
    parameters = inspect.signature(make).parameters
    known = {name: each for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY}
    for option, value in sorted(options.items()):
        if option not in known:
            raise InputError(
                f"{place}.{option}: expected {architecture} to have {', '.join(known) or 'no options'}, found {value}"
            )
        annotation = known[option].annotation
        if get_origin(annotation) is Literal and value not in get_args(annotation):
            raise InputError(
                f"{place}.{option}: expected one of {', '.join(get_args(annotation))}, found {value}"
            )
