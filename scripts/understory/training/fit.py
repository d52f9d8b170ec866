"""Training one model on one fold, so that the same inputs give the same weights."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from understory.core import choices, rng
from understory.core.errors import InputError
from understory.core.rng import Stage
from understory.data.labels import Centred, Labels
from understory.training import models
from understory.training.averaging import MovingAverage
from understory.training.inputs.augmented import TrainingBatches
from understory.training.inputs.batches import Batches, as_dataset
from understory.training.inputs.examples import Examples
from understory.training.inputs.targets import training_targets
from understory.training.resuming import best_model, resumed, save_state
from understory.training.throughput import Throughput, TimedBatches

LOSSES = "understory.training.losses"


@dataclass(frozen=True)
class _Training:
    """What the epochs of a training have in common."""

    data: Examples
    name: str
    fold: int
    settings: dict
    seed: int
    loss: keras.losses.Loss
    rows: np.ndarray
    targets: Labels | Centred
    # Those of validation, in which an event is there, however confident its annotation is.
    validated: Labels | Centred

    def stream(self, stage: Stage, number: int = 0) -> np.random.Generator:
        return rng.stream(self.seed, stage, f"{self.name}/{self.fold}", number)

    def batches(self, epoch: int) -> Batches:
        """The training batches of an epoch."""
        settings = self.settings
        order = _order(
            self.data.index.iloc[self.rows],
            self.rows,
            settings["balance"],
            self.stream(Stage.SHUFFLE, epoch),
        )
        return TrainingBatches(
            self.data,
            order,
            settings["batch_size"],
            self.targets,
            settings=settings,
            unknown_weight=getattr(self.loss, "unknown_weight", 0.0),
            mixing=self.stream(Stage.MIXUP, epoch) if settings["mixup"] else None,
            drawing=lambda batch: rng.stream(
                self.seed, Stage.EPOCH, f"{self.name}/{self.fold}/{batch}", epoch
            ),
        )

    @property
    def thawed(self) -> int:
        """The epoch from which on all layers train; where some are never to, the number of epochs.

        Patience begins there, as all are still to train before it.
        """
        frozen = self.settings.get("init_from", {}).get("frozen", 0)
        return self.settings["epochs"] if frozen == "all" else min(frozen, self.settings["epochs"])

    def ended(self, history, watched) -> bool:
        """Whether the last epochs brought no better score, so that training ends before its time."""
        epochs, patience = self.settings["epochs"], self.settings["patience"]
        if _stale(history[self.thawed % epochs :], watched) < (patience or epochs):
            return False
        print(f"no better {watched} in {patience} epochs: stopping after epoch {len(history)}")
        return True

    def validation(self) -> Batches:
        rows = self.data.validation_rows(self.fold)
        return Batches(self.data, rows, self.settings["batch_size"], self.validated)


def train(
    data: Examples,
    *,
    fold: int,
    name: str,
    settings: dict,
    metric: keras.metrics.Metric,
    seed: int,
    control: str,
    state: Path,
    start=None,
    relabelled=None,
) -> tuple[keras.Model, Path, list[dict]]:
    """Train a model on all but one fold; resume from `state` after an interruption.

    Parameters
    ----------
    data : Examples
    fold : int
        The fold to validate on.
    name : str
        The model's name, which picks the random streams together with the fold.
    settings : dict
        The model's block in the configuration.
    metric : keras.metrics.Metric
        The score to watch: a history has it by its name, and by `val_` and its name.
    seed : int
    control : {"none", "shuffled_labels"}
    state : pathlib.Path
        Folder of the last finished epoch. Its name has to change with the data, the settings and the code.
    start : callable, optional
        Gives a new model the weights that `settings["init_from"]` asks for, and freezes the layers that do not train at first.
    relabelled : callable, optional
        Gives the targets of all rows from the known labels.

    Returns
    -------
    (model, best, history)
        The model after the last epoch, the path of the one of the best epoch by the validation score, and one dict an epoch.

    Raises
    ------
    InputError
        A loss or score is not finite.
    """
    training = _training(data, name, fold, settings, seed, control, relabelled)
    watched, validation = f"val_{metric.name}", training.validation()
    averaged = MovingAverage(settings["average_weights"])
    model, history = _begun(training, metric, start, state, averaged, watched)
    for epoch in range(len(history), settings["epochs"]):
        if epoch and epoch == training.thawed:
            _thaw(model, training, metric)
        if training.ended(history, watched):
            break
        history.append({"epoch": epoch + 1, **_epoch(model, training, validation, epoch, averaged)})
        save_state(model, history, watched, state, averaged)
    averaged.give(model)
    return model, best_model(state, history, watched), history


def _training(data, name, fold, settings, seed, control, relabelled):
    # Loaded modules register the classes that a saved state needs.
    choices.load(models.PACKAGE, settings["architecture"])
    loss, kind = loss_and_targets(settings["loss"])
    rows = data.training_rows(fold, centred=kind == "centred")
    targets = training_targets(data, kind, control=control, rows=rows, seed=seed)
    targets = relabelled(targets) if relabelled else targets
    validated = data.centred if kind == "centred" else data.labels.hard
    return _Training(data, name, fold, settings, seed, loss, rows, targets, validated)


def _begun(training, metric, start, state, averaged, watched):
    """The model and history of the last finished epoch, or a new model."""
    state.mkdir(parents=True, exist_ok=True)
    # Layers are named as in a fresh process, which has no garbage of other models to collect.
    keras.utils.clear_session(free_memory=False)
    print(f"precision {training.settings['precision']}")
    # A loaded model takes its optimiser for a float16 one while new layers compute in float16.
    with _computing_in(training.settings["precision"]):
        return resumed(state, averaged, watched) or (_new_model(training, metric, start), [])


def loss_and_targets(block: dict) -> tuple[keras.losses.Loss, str]:
    """The loss of a model's settings, and the targets that it is fed: `labels` or `centred`."""
    options = dict(block)
    module = choices.load(LOSSES, options.pop("name"))
    return module.build(**options), module.TARGETS


def _new_model(training, metric, start):
    settings = training.settings
    keras.utils.set_random_seed(int(training.stream(Stage.WEIGHTS).integers(2**31)))
    model = models.build(
        settings["architecture"],
        training.data.shape,
        training.targets.shape[1],
        settings["options"],
        name=training.name,
    )
    if start is not None:
        start(model)
    _compile(model, training, metric, training.thawed or settings["epochs"])
    return model


def _thaw(model, training, metric):
    """Let all layers train for the rest of the epochs, with an optimiser and a schedule of their own."""
    for layer in _parts(model):
        layer.trainable = True
    left = training.settings["epochs"] - training.thawed
    print(f"all layers train from epoch {training.thawed + 1} on")
    with _computing_in(training.settings["precision"]):
        _compile(model, training, metric, left)


def _parts(model):
    """The layers of a model, and those of the networks among them: one that was loaded does not pass on that it trains."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _parts(layer)


def _compile(model, training, metric, epochs):
    """Prepare a model for some epochs of training."""
    settings = training.settings
    steps = -(-len(training.rows) // settings["batch_size"]) * epochs
    model.compile(
        models.optimiser(settings, steps),
        loss=training.loss,
        metrics=[metric],
        # XLA does not go with deterministic operations.
        jit_compile=False,
    )
    # If the first step had to create these variables, TensorFlow would trace it twice.
    model.optimizer.build(model.trainable_variables)
    nothing = np.zeros((1, training.targets.shape[1]), np.float32)
    metric.update_state(nothing, nothing)
    metric.reset_state()


def _epoch(model, training, validation, epoch, averaged):
    """Train for one epoch; its losses and scores by name, those of validation of the averaged weights."""
    _reseed(model, training.stream(Stage.WEIGHTS, epoch + 1))
    batches = TimedBatches(training.batches(epoch))
    throughput = Throughput(batches)
    report = model.fit(
        as_dataset(batches),
        verbose=0,
        shuffle=False,
        callbacks=[throughput],
    )
    averaged.add(model)
    with averaged.within(model):
        scores = model.evaluate(as_dataset(validation), verbose=0, return_dict=True)
    values = {key: float(each[-1]) for key, each in report.history.items()}
    values |= {f"val_{key}": float(each) for key, each in scores.items()}
    if not np.isfinite(list(values.values())).all():
        raise InputError(
            f"models.{training.name}: training diverged in epoch {epoch + 1} ({values}): "
            "set a lower optimiser.learning_rate"
        )
    print(
        f"epoch {epoch + 1}/{training.settings['epochs']}",
        *(f"{key} {value:.4f}" for key, value in values.items()),
        throughput.summary(len(training.rows)),
        flush=True,
    )
    return values


def _stale(history, watched):
    """How many epochs ago the best value of a score was."""
    values = [each[watched] for each in history]
    return len(values) - 1 - max(range(len(values)), key=lambda n: (values[n], n)) if values else 0


def _order(index, rows, balance, generator):
    """The rows of an epoch: each once, or drawn with replacement, a class of n rows with the weight n^(1 - balance)."""
    if not balance:
        return generator.permutation(rows)
    counts = index.groupby(["label", "presence"]).label.transform("size").to_numpy(dtype=float)
    weights = counts**-balance
    return generator.choice(rows, size=len(rows), p=weights / weights.sum())


def _reseed(model, generator):
    """Seed dropout and the like, so that the draws of an epoch do not depend on the epochs before."""
    for variable in model.variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign(generator.integers(2**31, size=variable.shape))


@contextmanager
def _computing_in(precision):
    """The default precision of new models and layers."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)
