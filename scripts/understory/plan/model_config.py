"""The blocks of the configuration that describe a model, with the optimisers and schedules that it may name, and what is made
of its scores: detections, their review and the report."""

from typing import Annotated, Any, Literal

from annotated_types import MaxLen, MinLen
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from understory.core.options import Count, Share
from understory.plan.config_block import Block, key

Text = Annotated[str, StringConstraints(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


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


def different(items):
    """The items of a list, of which none comes twice."""
    if len(set(items)) < len(items):
        raise PydanticCustomError("repeated", "an item comes twice")
    return items


Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Seeds = Annotated[
    list[Seed],
    AfterValidator(different),
    MinLen(1),
    MaxLen(100),
    Field(json_schema_extra={"uniqueItems": True}),
]
Step = Annotated[dict[str, Any], MinLen(1), MaxLen(1)]


class InitFrom(Block):
    """The start of a network: the weights of a model of a finished run, layer by layer, where name and shape are the same; or those of a
    file."""

    run: Text | None = key(
        None,
        "Folder of a finished run, results/NAME, whose weights the network starts from; null: random weights",
    )
    model: Text | None = key(None, "Name of its model; null: its only one, or the one of this name")
    weights: Text | None = key(
        None,
        "File of weights (.h5) of the network of keras.applications that the architecture has, without its top; null: none",
    )
    frozen: Annotated[int, Field(ge=0, le=100_000)] | Literal["all"] = key(
        0,
        "Epochs in which the layers that were taken do not train, with an optimiser and a schedule of their own; all: they never do",
        unit="epochs",
    )


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
        "number to the power of one minus this. Rejected examples of a class, and those without any, are classes of their own",
    )
    augment: list[Step] = key(
        [],
        "Augmentations of the features it is fed, anew in each epoch, in order, each a name with its options",
    )
    mixup: float = key(0, "Alpha of mixup's Beta distribution; 0: no mixup", ge=0, le=100)
    mixup_of: Literal["values", "power"] = key(
        "values",
        "What mixup mixes: the values of the features; or the power, at equal loudness, of features in dB that are not "
        "normalised (normalise: none)",
    )
    mixup_labels: Literal["shares", "union"] = key(
        "shares",
        "Labels of a mixture: those of both by their weights, or all that one of them has. The weight of an unknown label is multiplied by the "
        "loss's unknown_weight: with 0, the other label counts fully",
    )
    average_weights: Annotated[float, Field(gt=0, lt=1)] | None = key(
        None,
        "Share of the average that stays when the weights after an epoch are added to it; the average is validated and predicts. null: "
        "the weights of an epoch themselves are",
    )
    shifts: Annotated[int, Field(ge=1, le=64)] = key(
        1,
        "Predictions of an example in validation and of test recordings, whose mean counts: of its frames rolled by so many equal steps",
    )
    patience: Annotated[int, Field(ge=1, le=100_000)] | None = key(
        None,
        "Epochs without a validation score as good as the best, after which training stops; null: it runs all epochs",
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = key(
        "float32",
        "Precision that layers compute in; mixed ones are for GPUs, and slow on other processors; weights and outputs are float32",
    )
    init_from: InitFrom = InitFrom()
    seeds: Seeds | None = key(
        None,
        "Random seeds of the training, each of which makes a member of the ensemble, NAME-seedSEED; null: one model, with the seed of "
        "the configuration",
    )


class Labels(Block):
    """What of the annotations models are trained with, beside classes and boxes."""

    song_types: bool = key(
        False,
        "Whether song types are told apart: networks have an output for each type that a class is annotated with, and the highest is "
        "the score of the class",
    )
    confidence_smoothing: Share = key(
        0,
        "How far the target of a present event is lowered towards its confidence, where annotations have one: it is 1 - "
        "confidence_smoothing * (1 - confidence); 0: it is 1; 1: it is the confidence",
    )


class PseudoLabels(Block):
    """Further rounds of training, in which unknown labels have what the fold's model of the round before predicts."""

    rounds: int = key(0, "Rounds after the first training; 0: none", ge=0, le=10)
    unlabelled: Literal["none", "test"] = key(
        "none",
        "test: the windows of the test recordings are trained on as well, without their labels, so that predictions of them are no "
        "longer those of new recordings",
    )
    by: Literal["threshold", "quantile"] = key(
        "threshold",
        "What high and low are: probabilities; or, for each class, quantiles of the probabilities of its unknown labels",
    )
    high: Share = key(0.9, "Predictions of at least this become pseudo-labels, as they are")
    low: Share | None = key(0.1, "Predictions of at most this do as well; null: none do")


class Detect(Block):
    """From the scores of windows to events, in new recordings."""

    hop: Seconds | None = key(None, "Step between the windows over a new recording; null: crop.hop", unit="s")
    smoothing: int = key(
        1, "Windows of the moving average over scores, an odd number; 1: none", ge=1, le=1001
    )
    precision: Share = key(
        0.9, "Share of the detections of a class that should be right, for which its threshold is chosen"
    )
    threshold: Share | None = key(
        None, "Smoothed score from which on there is an event; null: one a class, chosen for precision"
    )
    low: Annotated[float, Field(gt=0, le=1)] = key(
        0.75, "Share of the threshold down to which an event goes on before and after (hysteresis)"
    )
    merge_gap: Annotated[float, Field(ge=0, le=3600)] = key(
        1.0, "Events of a class that are at most so far apart become one", unit="s"
    )
    min_duration: Annotated[float, Field(ge=0, le=3600)] = key(
        0.0, "Events that are shorter are left out", unit="s"
    )
    calibrate: bool | None = key(
        None,
        "Whether a run that trains also fits probabilities and thresholds for detections and reports how good these are; null: "
        "where dataset is own",
    )
    shards: Annotated[int, Field(ge=1, le=10_000)] | None = key(
        None, "Parts of the new recordings, one job each; null: by the size of their files"
    )


class Search(Block):
    """Search by example (snakemake search)."""

    features: Text | None = key(
        None, "Name in features of the frozen model whose vectors are compared; null: the only one"
    )
    items: int = key(60, "Windows that are found, at most", ge=1, le=1000)
    start: Annotated[float, Field(ge=0)] | None = key(
        None,
        "Where what is sought begins in the file that like names; null, with end: its loudest window",
        unit="s",
    )
    end: Annotated[float, Field(gt=0)] | None = key(None, "Where it ends", unit="s")
    label: Text | None = key(
        None, "Class of what is sought; null: the name of the file or folder that like names"
    )


class Queue(Block):
    """What to label next (snakemake queue)."""

    size: int = key(60, "Windows in the queue, at most", ge=1, le=1000)
    strategy: Literal["mixed", "uncertain", "spread", "random"] = key(
        "mixed",
        "uncertain: windows in which the models are least certain; spread: those that differ most from each other and from what is "
        "labelled; mixed: of uncertain ones, rare classes first, those that differ most; random: at random",
    )
    held_out: Text | None = key(
        None, "Folder of recordings that are never in the queue, wherever copies of them lie; null: none"
    )


class Export(Block):
    """The models as one file to take away (snakemake export)."""

    members: Literal["all", "best"] = key(
        "all", "all: the models of all folds; best: the one with the highest validation score"
    )
    int8: bool = key(
        True, "Whether a LiteRT file of 8-bit integers is written as well, measured on training windows"
    )
    onnx: bool = key(
        False, "Whether an ONNX file is written as well; it takes the packages onnx, onnxruntime and tf2onnx"
    )
    licence: Text | None = key(
        None, "Licence of the recordings that the models were trained on, for the card; null: not stated"
    )


class Review(Block):
    """The page on which detections are reviewed (snakemake review)."""

    order: Literal["sample", "doubtful", "above"] = key(
        "sample",
        "sample: a random sample of each class, stratified by score; doubtful: those whose score is nearest to the threshold; "
        "above: those with a score of at least review.above, from the highest down",
    )
    items: int = key(60, "Detections on the page at most, each of at most 70 kB a second", ge=1, le=1000)
    above: Share = key(0.5, "Least score, for the order above")
    context: float = key(1.0, "Sound before and after an event", unit="s", ge=0, le=10)
    slower: int = key(
        1,
        "How many times slower the sound is played: 10 for what is above hearing, such as bats",
        ge=1,
        le=32,
    )


class Report(Block):
    """The report page."""

    title: str = key("Understory", "Heading of report.html")
    examples: int = key(2, "Best and worst examples shown of each class", ge=0, le=20)
