"""The examples that a model is trained on: the store joined with folds and labels, and mixed batches of it."""

import numpy as np
import pandas as pd

from understory.core.errors import InputError
from understory.core.rng import Stage, stream
from understory.data.labels import Centred, Labels
from understory.training.batches import Batches, Rows
from understory.training.losses import wants_centred

# What the tables of the store tell of an example that folds.csv does not.
TEXTS = ("presence", "present", "absent", "unknown")


class Examples:
    """The examples of all shards and variants, with their folds and labels, ordered by id and variant.

    Attributes
    ----------
    index : pandas.DataFrame
        One row an example and variant: `example_id, recording_id, label, fold, presence, present, absent, unknown,
        variant`, and `part` and `row`, where it is among the shards.
    labels : Labels
        What is known of each row's labels.
    centred : Centred
        The class of each row's centred event.
    shape : tuple of int
        Of one example: (height, width, channels).
    """

    def __init__(self, shards, folds: pd.DataFrame, classes, *, exhaustive: bool):
        """`shards` are (variant, array, index)."""
        folds = folds.sort_values("example_id", ignore_index=True)
        names, arrays, parts, unknown = pd.Index(folds.example_id), [], [], set()
        same = {}
        for number, (variant, array, index) in enumerate(shards):
            arrays.append(array)
            at = names.get_indexer(index.example_id)
            unknown.update(index.example_id[at < 0])
            # Of equal texts one is held, however many rows have it.
            texts = {
                column: index[column].map(lambda text: same.setdefault(text, text))
                for column in TEXTS
                if column in index
            }
            places = {"at": at, "variant": int(variant), "part": number, "row": range(len(index))}
            parts.append(pd.DataFrame({**texts, **places}).astype(dict.fromkeys(places, np.int32)))
        if unknown:
            raise InputError(
                f"folds.csv: expected every example, {len(unknown)} are missing, such as {min(unknown)}: delete the file to have it made again"
            )
        index = pd.concat(parts, ignore_index=True)
        del parts
        index = index.iloc[np.lexsort((index.variant, index["at"]))].reset_index(drop=True)
        # Of a window with several labels the rarest in all of the data set, which a shard does not know.
        for column in ("fold", "label", "recording_id", "example_id"):
            index.insert(0, column, folds[column].array.take(index["at"].to_numpy()))
        self.index = index.drop(columns="at")
        self.labels = Labels(self.index, classes, exhaustive=exhaustive)
        self.centred = Centred(self.index, classes)
        self._rows = Rows(arrays)
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
        return inputs, mix(self.targets.take(rows), self.targets.take(others), weights, self.unknown_weight)


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


def targets_of(
    data: Examples, settings: dict, *, control: str, rows: np.ndarray, seed: int
) -> Labels | Centred:
    """The training targets of all rows of `data`; with `control="shuffled_labels"` those of `rows` change places."""
    targets = data.centred if wants_centred(settings["loss"]) else data.labels
    if control != "shuffled_labels":
        return targets
    # All variants of an example keep one label, so that only the tie between audio and label is cut.
    ids, place = np.unique(data.index.example_id.to_numpy()[rows], return_inverse=True)
    first = rows[np.unique(place, return_index=True)[1]]
    shuffled = first[stream(seed, Stage.CONTROL, "labels").permutation(len(ids))]
    return targets.permuted(rows, shuffled[place])
