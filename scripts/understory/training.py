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

from understory import examples, store
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


class Examples:
    """The examples of all shards and variants, with their folds and labels, ordered by id and variant.

    Attributes
    ----------
    index : pandas.DataFrame
        One row an example and variant: `example_id, recording_id, label, presence, present, absent, variant, fold`.
    labels : numpy.ndarray
        float32 (rows, classes): 1 present, 0 absent, -1 unknown.
    shape : tuple of int
        Of one example: (height, width, channels).
    """

    def __init__(self, shards, folds: pd.DataFrame, classes, *, exhaustive: bool):
        """`shards` are (variant, array path, index path)."""
        indexes, arrays = [], []
        for number, (variant, array_path, index_path) in enumerate(shards):
            array, index = store.read(array_path, index_path)
            arrays.append(array)
            indexes.append(index.assign(variant=int(variant), part=number, row=range(len(index))))
        index = pd.concat(indexes, ignore_index=True)
        unknown = sorted(set(index.example_id) - set(folds.example_id))
        if unknown:
            raise InputError(
                f"folds.csv: expected every example, {len(unknown)} are missing, such as {unknown[0]}: delete the file to have it made again"
            )
        index = index.merge(
            folds[["example_id", "fold"]], on="example_id", how="left", validate="many_to_one"
        )
        self.index = index.sort_values(["example_id", "variant"], ignore_index=True)
        self.labels = examples.label_matrix(self.index, classes, exhaustive=exhaustive)
        self.centred = examples.centred_matrix(self.index, classes)
        self._rows = _Rows(arrays)
        self._places = self.index[["part", "row"]].to_numpy()
        self.shape = self._rows.shape

    def rows(self, numbers) -> np.ndarray:
        """The examples of some rows of the index: float32 of shape (len(numbers), *shape)."""
        return self._rows.take(self._places[numbers])

    def training_rows(self, fold: int, *, centred: bool) -> np.ndarray:
        """Rows of all variants of the examples outside a fold; with `centred`, of present events only."""
        keep = self.index.fold != fold
        if centred:
            keep &= self.index.presence == "present"
        return np.flatnonzero(keep)

    def validation_rows(self, fold: int) -> np.ndarray:
        """Rows of the present events of a fold, as recorded."""
        index = self.index
        return np.flatnonzero((index.fold == fold) & (index.variant == 0) & (index.presence == "present"))


class TestExamples:
    """The windows of all test shards, ordered by recording and start, whatever their shards.

    Attributes
    ----------
    windows : pandas.DataFrame
        One row a window: `recording_id, start, stop`.
    shape : tuple of int
        Of one example: (height, width, channels).
    """

    def __init__(self, shards):
        """`shards` are (array path, index path)."""
        pairs = [store.read(array, index) for array, index in shards]
        self._rows = _Rows([array for array, _ in pairs])
        index = pd.concat(
            [index.assign(part=part, row=range(len(index))) for part, (_, index) in enumerate(pairs)],
            ignore_index=True,
        ).sort_values(["recording_id", "start"], ignore_index=True)
        if index.empty:
            raise InputError(
                "shards.test: expected test recordings, found none: set it to 0 for a data set without"
            )
        self.windows, self.places, self.shape = (
            index[["recording_id", "start", "stop"]],
            index[["part", "row"]].to_numpy(),
            self._rows.shape,
        )

    def rows(self, numbers) -> np.ndarray:
        """The examples of some windows: float32 of shape (len(numbers), *shape)."""
        return self._rows.take(self.places[numbers])

    def all_rows(self) -> np.ndarray:
        return np.arange(len(self.windows))


class _Rows:
    """Items of several arrays by (array, row), as float32 with a channel axis."""

    def __init__(self, arrays):
        self.arrays = arrays
        self.shape = (*arrays[0].shape[1:], 1)

    def take(self, places):
        out = np.empty((len(places), *self.shape), dtype=np.float32)
        for slot, (part, row) in enumerate(places):
            out[slot, ..., 0] = self.arrays[part][row]
        return out


class Batches(keras.utils.PyDataset):
    """Batches of (examples, targets) in a given order; without targets, of examples."""

    def __init__(self, source, rows, batch_size, targets=None):
        super().__init__()
        self.source, self.order, self.batch_size, self.targets = source, rows, batch_size, targets

    def __len__(self):
        return -(-len(self.order) // self.batch_size)

    def part(self, number) -> slice:
        return slice(number * self.batch_size, (number + 1) * self.batch_size)

    def __getitem__(self, number):
        rows = self.order[self.part(number)]
        inputs = self.source.rows(rows)
        return inputs if self.targets is None else (inputs, self.targets[rows])


class MixedBatches(Batches):
    """Batches in which every example is mixed with another one, as are their targets (H. Zhang et al., "mixup:
    Beyond Empirical Risk Minimization", ICLR 2018), with weights from a Beta(alpha, alpha) distribution."""

    def __init__(
        self,
        source,
        rows,
        batch_size,
        targets,
        *,
        alpha: float,
        unknown_weight: float,
        rng: np.random.Generator,
    ):
        super().__init__(source, rows, batch_size, targets)
        self.unknown_weight = unknown_weight
        self.others = rng.permutation(rows)
        self.weights = rng.beta(alpha, alpha, size=len(rows)).astype(np.float32)

    def __getitem__(self, number):
        part = self.part(number)
        rows, others, weights = self.order[part], self.others[part], self.weights[part, None]
        inputs = weights[..., None, None] * self.source.rows(rows)
        inputs += (1 - weights[..., None, None]) * self.source.rows(others)
        return inputs, mix(self.targets[rows], self.targets[others], weights, self.unknown_weight)


def mix(targets: np.ndarray, others: np.ndarray, weights: np.ndarray, unknown_weight: float) -> np.ndarray:
    """Targets of mixed examples, of 1 (present), 0 (absent) and -1 (unknown).

    What is present in one and unknown of the other gets the target that the mixture of the two losses is least
    at: unknown counts as absent only as far as `unknown_weight` says, and not at all at 0. What is unknown of
    either and present in neither stays unknown.
    """

    def absent_share(values):
        return np.where(values < 0, unknown_weight, 1.0) * (values <= 0)

    present = weights * (targets > 0) + (1 - weights) * (others > 0)
    absent = weights * absent_share(targets) + (1 - weights) * absent_share(others)
    total = present + absent
    mixed = np.divide(present, total, out=np.zeros_like(present), where=total > 0)
    unknown = (present == 0) & ((targets < 0) | (others < 0))
    return np.where(unknown, -1, mixed).astype(np.float32)


def targets_of(data: Examples, settings: dict, *, control: str, rows: np.ndarray, seed: int) -> np.ndarray:
    """The training targets of all rows of `data`; with `control="shuffled_labels"` those of `rows` change places."""
    targets = (data.centred if wants_centred(settings["loss"]) else data.labels).copy()
    if control == "shuffled_labels":
        # All variants of an example keep one label, so that only the tie between audio and label is cut.
        ids, place = np.unique(data.index.example_id.to_numpy()[rows], return_inverse=True)
        first = rows[np.unique(place, return_index=True)[1]]
        shuffled = first[stream(seed, Stage.CONTROL, "labels").permutation(len(ids))]
        targets[rows] = targets[shuffled[place]]
    return targets


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
    if last.exists():
        model = keras.saving.load_model(last)
        finished = int(model.optimizer.iterations) // steps
        history = json.loads(log.read_text())[:finished]
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


def text_digest(*values) -> str:
    """16 hex digits of values that JSON can hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def content_digest(paths) -> str:
    """16 hex digits of some files' contents, in order."""
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]
