"""Training one model on one fold, so that the same inputs give the same weights."""

import csv
import hashlib
import io
import json
import zipfile
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from understory.core.errors import InputError
from understory.core.files import replacing
from understory.core.rng import Stage, stream
from understory.training.architectures import build
from understory.training.batches import Batches
from understory.training.examples import Examples, MixedBatches, targets_of
from understory.training.losses import loss, wants_centred
from understory.training.throughput import Pace, Timed


def optimiser(settings: dict, steps: int) -> keras.optimizers.Optimizer:
    """The optimiser of a model's settings, its learning rate scheduled over `steps` steps."""
    options = dict(settings["optimiser"])
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
    return {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}[
        options.pop("name")
    ](rate, **options)


def train(
    data: Examples,
    *,
    fold: int,
    name: str,
    settings: dict,
    metric,
    score: str,
    seed: int,
    control: str,
    state: Path,
):
    """Train a model on all but one fold; go on from `state` where an earlier attempt left one.

    Parameters
    ----------
    data : Examples
    fold : int
        The fold to validate on.
    name : str
        The model's name; with the fold it picks the random streams.
    settings : dict
        The model's block in the configuration.
    metric : keras.metrics.Metric
        The metric watched while training, of `understory.training.metrics.metric`.
    score : str
        Its name.
    control : {"none", "shuffled_labels"}
    state : pathlib.Path
        Folder for the last finished epoch. Its name has to change with the data, the settings and the code.

    Returns
    -------
    (model, best, history)
        The model after the last epoch; the path of the model of the best epoch by the validation score; one
        dict an epoch.

    Raises
    ------
    InputError
        A loss or score is not finite.
    """
    watched = f"val_{score}"
    rows = data.training_rows(fold, centred=wants_centred(settings["loss"]))
    validation = data.validation_rows(fold)
    targets = targets_of(data, settings, control=control, rows=rows, seed=seed)
    batch_size, epochs = settings["batch_size"], settings["epochs"]
    steps = -(-len(rows) // batch_size)
    state.mkdir(parents=True, exist_ok=True)
    keras.utils.clear_session()  # layers are named as in a fresh process
    best, log = state / "best.keras", state / "history.json"
    print(f"precision {settings['precision']}, XLA {'on' if settings['xla'] else 'off'}")
    # A loaded model takes its optimiser for one of float16 where new layers compute in that.
    with _computing_in(settings["precision"]):
        resumed = _resumed(state, log)
    if resumed:
        model, history = resumed
        finished = len(history)
        print(f"resuming after epoch {finished}")
    else:
        finished, history = 0, []
        keras.utils.set_random_seed(int(stream(seed, Stage.WEIGHTS, f"{name}/{fold}").integers(2**31)))
        with _computing_in(settings["precision"]):
            model = build(
                settings["architecture"], data.shape, targets.shape[1], settings["options"], name=name
            )
            model.compile(
                optimiser(settings, steps * epochs),
                loss=loss(settings["loss"]),
                metrics=[metric],
                # Left to Keras, it is off as well where operations have to be deterministic.
                jit_compile=settings["xla"],
            )
    watch = Batches(data, validation, batch_size, targets)
    for epoch in range(finished, epochs):
        if _stale(history, watched) >= (settings["patience"] or epochs):
            print(f"no better {watched} in {settings['patience']} epochs: stopping after epoch {epoch}")
            break
        _reseed(model, stream(seed, Stage.WEIGHTS, f"{name}/{fold}", epoch + 1))
        order = _order(
            data.index.iloc[rows],
            rows,
            settings["balance"],
            stream(seed, Stage.SHUFFLE, f"{name}/{fold}", epoch),
        )
        if settings["mixup"]:
            mixer = stream(seed, Stage.MIXUP, f"{name}/{fold}", epoch)
            batches = MixedBatches(
                data,
                order,
                batch_size,
                targets,
                alpha=settings["mixup"],
                unknown_weight=settings["loss"].get("unknown_weight", 0.0),
                rng=mixer,
            )
        else:
            batches = Batches(data, order, batch_size, targets)
        batches = Timed(batches)
        pace = Pace(batches)
        report = model.fit(batches, validation_data=watch, verbose=0, shuffle=False, callbacks=[pace])
        values = {key: float(each[-1]) for key, each in report.history.items()}
        if not np.isfinite(list(values.values())).all():
            raise InputError(
                f"models.{name}: training diverged in epoch {epoch + 1} ({values}): set a lower optimiser.learning_rate"
            )
        history.append({"epoch": epoch + 1, **values})
        print(
            f"epoch {epoch + 1}/{epochs}",
            *(f"{key} {value:.4f}" for key, value in values.items()),
            pace.told(len(rows)),
            flush=True,
        )
        if values[watched] >= max(each[watched] for each in history):
            save(model, best)
        with replacing(log) as path:
            path.write_text(json.dumps(history))
        save(model, state / _last(epoch + 1))
        (state / _last(epoch)).unlink(missing_ok=True)
    return model, best, history


def _stale(history, watched):
    """How many epochs ago the best value of a score was."""
    values = [each[watched] for each in history]
    return len(values) - 1 - max(range(len(values)), key=lambda n: (values[n], n)) if values else 0


def _order(index, rows, balance, rng):
    """The rows of an epoch: each once, or drawn with replacement, a class of n rows with the weight n^(1 - balance)."""
    if not balance:
        return rng.permutation(rows)
    counts = index.groupby(["label", "presence"]).label.transform("size").to_numpy(dtype=float)
    weights = counts**-balance
    return rng.choice(rows, size=len(rows), p=weights / weights.sum())


def _reseed(model, rng):
    """Set what dropout and the like draw from, so that an epoch's draws do not hang on the epochs before."""
    for variable in model.variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign(rng.integers(2**31, size=variable.shape))


@contextmanager
def _computing_in(precision):
    """What new models and layers compute in, unless they say so themselves."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)


def _last(epoch):
    """The file of the model after an epoch. Its name says which: a float16 step that overflows is not counted by the optimiser."""
    return f"epoch-{epoch:06}.keras"


def _resumed(state, log):
    """The model and the history of a training that was interrupted; None where there is none that can be read."""
    last = max(state.glob("epoch-*.keras"), default=None)
    if last is None:
        return None
    try:
        history = json.loads(log.read_text())
        return keras.saving.load_model(last, safe_mode=True), history[: int(last.stem.rpartition("-")[2])]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        print(
            f"{last.parent}: expected the state of a training, found what cannot be read ({error}): starting anew"
        )
        last.unlink()
        return None


def save(model: keras.Model, path: Path):
    """Save a model as `.keras`, whole or not at all, and with nothing in it of when and where in memory."""
    with replacing(path) as part:
        plain = part.with_name(part.name + ".keras")
        keras.saving.save_model(model, plain)
        with zipfile.ZipFile(plain) as old, zipfile.ZipFile(part, "w") as new:
            for item in sorted(old.namelist()):
                data = old.read(item)
                if item.endswith(".json"):
                    data = json.dumps(json.loads(data, object_hook=_timeless)).encode()
                new.writestr(zipfile.ZipInfo(item), data)
        plain.unlink()


def _timeless(values):
    """A part of a saved model's JSON without the date, and without the addresses that Keras marks shared parts by."""
    return {
        key: "1980-01-01@00:00:00" if key == "date_saved" else value
        for key, value in values.items()
        if key != "shared_object_id"
    }


def history_csv(history) -> str:
    """The history as CSV, a row an epoch."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return out.getvalue()


def content_digest(paths) -> str:
    """16 hex digits of some files' contents, in order."""
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]
