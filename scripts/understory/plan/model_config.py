"""The block of the configuration that describes a model, with the optimisers and schedules that it may name."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from understory.core.options import Count, Share
from understory.plan.config_block import Block, key

Text = Annotated[str, StringConstraints(min_length=1)]


class Adam(Block):
    """Adam (D. P. Kingma and J. Ba, 2015)."""

    learning_rate: float = key(..., "Learning rate at its peak", gt=0, le=10)


class AdamW(Adam):
    """Adam with decoupled weight decay (I. Loshchilov and F. Hutter, 2019)."""

    weight_decay: Share = key(0.004, "Decoupled weight decay")


class SGD(Adam):
    """Stochastic gradient descent."""

    momentum: Share = key(0.0, "Momentum")


class Constant(Block):
    """The same learning rate in every step."""


class Cosine(Block):
    """A cosine from the learning rate to zero over the run."""

    warmup: float = key(
        0.0, "Share of the run over which the learning rate rises from a hundredth", ge=0, le=0.9
    )


class Exponential(Block):
    """A learning rate that is multiplied by `decay_rate` every `decay_steps`."""

    decay_steps: Count = key(..., "Length of one decay", unit="steps")
    decay_rate: float = key(..., "Factor of one decay", gt=0, le=1)
    staircase: bool = key(
        False, "Whether the learning rate changes once every decay_steps, and not in every step"
    )


OPTIMISERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD}
SCHEDULES = {"constant": Constant, "cosine": Cosine, "exponential": Exponential}


class Model(Block):
    """A model. What is chosen by name takes the options of that choice; `null` stands for an option that is not given."""

    architecture: Text = key(..., "Network")
    options: dict[str, Any] = key(..., "Options of the architecture")
    features: Text = key(..., "Name of a block in features, which the model is fed")
    loss: dict[str, Any] = key(..., "Loss: its name and its options")
    optimiser: dict[str, Any] = key(..., "Optimiser: its name and its options")
    schedule: dict[str, Any] = key(..., "Schedule of the learning rate: its name and its options")
    epochs: int = key(..., "Passes over the training examples", ge=1, le=100_000)
    batch_size: int = key(..., "Examples in a training step", ge=1, le=65_536)
    select: Literal["last", "best"] = key(
        ...,
        "Model that predicts: of the last epoch, or of the best validation score, which is then optimistic",
    )
    threads: int = key(..., "Threads of TensorFlow; results depend on their number", ge=1, le=1024)
    copies: Annotated[int, Field(ge=0, le=1000)] | None = key(
        None, "Augmented copies of each example it trains on, at most augment.copies; null: all of them"
    )
    balance: Share = key(
        0,
        "0: every example once an epoch; 1: every class drawn as often; in between: a class drawn in proportion to its "
        "number to the power of one minus this",
    )
    mixup: float = key(0, "Alpha of mixup's Beta distribution; 0: no mixup", ge=0, le=100)
    patience: Annotated[int, Field(ge=1, le=100_000)] | None = key(
        None, "Epochs without a better validation score after which training stops; null: it runs all epochs"
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = key(
        "float32", "Precision that layers compute in, mixed on GPUs only; weights and outputs are float32"
    )
