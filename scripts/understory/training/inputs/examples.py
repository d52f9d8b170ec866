"""The examples that a model is trained on and validated with: the store joined with folds and labels."""

import numpy as np
import pandas as pd

from understory.core import mel_scale
from understory.core.errors import InputError
from understory.data.labels import Centred, Labels
from understory.data.tables.window_labels import by_outputs
from understory.training.inputs.batches import ArrayRows

# Columns of the store's tables that folds.csv does not have.
TEXTS = ("presence", "present", "absent", "unknown", "confidences")
# The columns of an event's frequencies, Hz, and those that an example without an event has: any.
FREQUENCIES = {"f_min": 0.0, "f_max": np.inf}


class Examples:
    """The examples of all shards and variants, with their folds and labels, ordered by id and variant.

    Parameters
    ----------
    shards : iterable of (int, array, pandas.DataFrame)
        The variant, items and table of each shard; `row` is the number of the item where not all have a row.
    folds : pandas.DataFrame
        `example_id, recording_id, label, fold` of every example.
    classes : sequence of str
    exhaustive : bool
        Whether a label without an annotation is absent; otherwise it is unknown.
    by_output : bool
        Whether `classes` are the outputs of a network; then lists of these are taken where a table has them, and an output that is not
        among `classes` is left out.
    smoothing : float
        How far labels of present events are lowered towards their confidences, as `Labels` takes it.
    band : (float, float), optional
        The range of the features, Hz, for `bands`.

    Attributes
    ----------
    index : pandas.DataFrame
        One row an example and variant: `example_id, recording_id, label, fold, presence, present, absent, unknown,
        variant`, and `part` and `row`, its place in the shards.
    labels : Labels
        The known labels of each row.
    centred : Centred
        The class of each row's centred event.
    shape : tuple of int
        Of one example: (height, width, channels).
    """

    def __init__(
        self,
        shards,
        folds: pd.DataFrame,
        classes,
        *,
        exhaustive: bool,
        by_output: bool = False,
        smoothing: float = 0.0,
        band=None,
    ):
        folds = folds.sort_values("example_id", ignore_index=True)
        names, arrays, parts, missing, same = pd.Index(folds.example_id), [], [], set(), {}
        for number, (variant, array, index) in enumerate(shards):
            arrays.append(array)
            if by_output:
                index = by_outputs(index)
            at = names.get_indexer(index.example_id)
            missing.update(index.example_id[at < 0])
            # Equal texts share their memory.
            texts = {
                column: index[column].map(lambda text: same.setdefault(text, text))
                for column in TEXTS
                if column in index
            }
            row = index.row if "row" in index else range(len(index))
            places = {"at": at, "variant": int(variant), "part": number, "row": row}
            shares = _shares(index, band) if band else {}
            parts.append(pd.DataFrame({**texts, **shares, **places}).astype(dict.fromkeys(places, np.int32)))
        if missing:
            raise InputError(
                f"folds.csv: expected every example, {len(missing)} are missing, such as {min(missing)}: delete the file to rebuild it"
            )
        index = pd.concat(parts, ignore_index=True)
        del parts
        for column in TEXTS:
            # A shard of windows without labels may have a column that others have not.
            if column in index and index[column].hasnans:
                index[column] = index[column].fillna("")
        index = index.iloc[np.lexsort((index.variant, index["at"]))].reset_index(drop=True)
        # A window with several labels has the rarest of the whole data set, which a shard does not know.
        for column in ("fold", "label", "recording_id", "example_id"):
            index.insert(0, column, folds[column].array.take(index["at"].to_numpy()))
        self._bands = index[[*FREQUENCIES]].to_numpy() if band else None
        self.index = index.drop(columns=["at", *(FREQUENCIES if band else ())])
        self.labels = Labels(
            self.index, classes, exhaustive=exhaustive, others=by_output, smoothing=smoothing
        )
        self.centred = Centred(self.index, classes)
        self._items = ArrayRows(arrays)
        self._places = self.index[["part", "row"]].to_numpy()
        self.shape = self._items.shape

    def rows(self, numbers) -> np.ndarray:
        """The examples of some rows of the index: float32 of shape (len(numbers), *shape)."""
        return self._items.take(self._places[numbers])

    def bands(self, numbers) -> np.ndarray:
        """Where the bands of the events of some rows begin and end, as shares of the range of the features on the mel scale: float32
        of shape (len(numbers), 2), 0 and 1 where an event has no frequencies."""
        return self._bands[numbers]

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


def _shares(index, band):
    """By column, the frequencies of events as shares of a range (Hz) on the mel scale."""
    low, high = map(mel_scale.to_mel, band)
    return {
        column: ((mel_scale.to_mel(np.clip(index.get(column, without), *band)) - low) / (high - low)).astype(
            np.float32
        )
        for column, without in FREQUENCIES.items()
    }
