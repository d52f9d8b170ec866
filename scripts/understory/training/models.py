"""New models, from the modules in `architectures/`."""

import keras

from understory.core import choices
from understory.core.errors import InputError

PACKAGE = "understory.training.architectures"


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
        The architecture refuses the shape, the classes or an option.
    """
    place, shape = f"models.{name or architecture}", tuple(int(side) for side in shape)
    make = choices.load(PACKAGE, architecture).build
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(
            f"{place}: expected examples of shape (height, width, channels), found {shape}: choose other features"
        )
    if classes < 1:
        raise InputError(f"{place}: expected at least one class, found {classes}")
    try:
        return make(shape, classes, **options)
    except (ValueError, TypeError, IndexError) as error:
        shown = ", ".join(f"{option}: {value}" for option, value in sorted(options.items())) or "no options"
        raise InputError(
            f"{place}: {architecture} cannot be built for examples of shape {shape} and {classes} classes "
            f"with {shown}: {str(error).splitlines()[0]}"
        ) from error
