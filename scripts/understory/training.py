"""Training one model on one fold, so that the same inputs give the same weights."""

import csv
import hashlib
import io
import json
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from understory import store
from understory.batches import Batches, Examples, MixedBatches, targets_of
from understory.losses import loss, wants_centred
from understory.metrics import metric
from understory.models import build
from understory.streams import Stage, stream
from understory.tables import InputError


def configure(*, threads: int, seed: int):
    """Fix the number of threads, deterministic operations and the seed, before TensorFlow computes anything.

    Results then depend neither on the machine's width nor on what ran before in the process.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


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
    data: Examples, *, fold: int, name: str, settings: dict, score: str, seed: int, control: str, state: Path
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
    score : str
        The metric watched while training, of `understory.scores.SCORES`.
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
    last, best, log = state / "last.keras", state / "best.keras", state / "history.json"
    resumed = _resumed(last, log)
    if resumed:
        model, history = resumed
        finished = int(model.optimizer.iterations) // steps
        history = history[:finished]
        print(f"resuming after epoch {finished}")
    else:
        finished, history = 0, []
        keras.utils.set_random_seed(int(stream(seed, Stage.WEIGHTS, f"{name}/{fold}").integers(2**31)))
        model = build(settings["architecture"], data.shape, targets.shape[1], settings["options"])
        model.compile(
            optimiser(settings, steps * epochs), loss=loss(settings["loss"]), metrics=[metric(score)]
        )
    watch = Batches(data, validation, batch_size, targets)
    for epoch in range(finished, epochs):
        _reseed(model, stream(seed, Stage.WEIGHTS, f"{name}/{fold}", epoch + 1))
        order = stream(seed, Stage.SHUFFLE, f"{name}/{fold}", epoch).permutation(rows)
        begin = time.monotonic()
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
        report = model.fit(batches, validation_data=watch, verbose=0, shuffle=False)
        values = {key: float(each[-1]) for key, each in report.history.items()}
        if not np.isfinite(list(values.values())).all():
            raise InputError(
                f"models.{name}: training diverged in epoch {epoch + 1} ({values}): set a lower optimiser.learning_rate"
            )
        history.append({"epoch": epoch + 1, **values})
        speed = len(rows) / (time.monotonic() - begin)
        print(
            f"epoch {epoch + 1}/{epochs}",
            *(f"{key} {value:.4f}" for key, value in values.items()),
            f"{speed:.0f} examples/s",
            flush=True,
        )
        if values[watched] >= max(each[watched] for each in history):
            save(model, best)
        with store.replacing(log) as path:
            path.write_text(json.dumps(history))
        save(model, last)
    return model, best, history


def _reseed(model, rng):
    """Set what dropout and the like draw from, so that an epoch's draws do not hang on the epochs before."""
    for variable in model.variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign(rng.integers(2**31, size=variable.shape))


def _resumed(last, log):
    """The model and the history of a training that was interrupted; None where there is none that can be read."""
    if not last.exists():
        return None
    try:
        return keras.saving.load_model(last, safe_mode=True), json.loads(log.read_text())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        print(
            f"{last.parent}: expected the state of a training, found what cannot be read ({error}): starting anew"
        )
        last.unlink()
        return None


def save(model: keras.Model, path: Path):
    """Save a model as `.keras`, whole or not at all, and with nothing in it of when and where in memory."""
    with store.replacing(path) as part:
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


def load(path: Path) -> keras.Model:
    """A saved model, for prediction only; nothing in the file is run that it does not name as Keras' or ours."""
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def predict(model: keras.Model, source, rows: np.ndarray, *, batch_size: int) -> np.ndarray:
    """Predictions of some rows: float32 of shape (len(rows), classes)."""
    if not len(rows):
        return np.empty((0, model.output_shape[-1]), dtype=np.float32)
    return model.predict(Batches(source, rows, batch_size), verbose=0)


def history_csv(history) -> str:
    """The history as CSV, a row an epoch."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return out.getvalue()


def with_predictions(rows: pd.DataFrame, predictions: np.ndarray, classes) -> pd.DataFrame:
    """A table of rows with a column of predictions for each class."""
    return pd.concat([rows, pd.DataFrame(predictions, columns=list(classes), index=rows.index)], axis=1)


def content_digest(paths) -> str:
    """16 hex digits of some files' contents, in order."""
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]
