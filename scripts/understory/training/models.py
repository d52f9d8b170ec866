"""New models, from the modules in `architectures/`, and their optimisers."""

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


def optimiser(settings: dict, steps: int) -> keras.optimizers.Optimizer:
    """The optimiser of a model's settings, its learning rate scheduled over `steps` steps."""
    options = dict(settings["optimiser"])
    chosen = options.pop("name")
    rate = options.pop("learning_rate")
    schedule = dict(settings["schedule"])
    name = schedule.pop("name")
    if name == "cosine":
        warm = round(schedule.get("warmup", 0.0) * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=rate / 100 if warm else rate,
            decay_steps=max(steps - warm, 1),
            warmup_target=rate if warm else None,
            warmup_steps=warm,
        )
    elif name == "exponential":
        rate = keras.optimizers.schedules.ExponentialDecay(rate, **schedule)
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}
    # Named, as Keras would number a second one of a process, which an interrupted training does not have.
    return kinds[chosen](rate, name=chosen, **options)
