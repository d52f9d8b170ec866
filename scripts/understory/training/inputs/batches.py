"""Batches of examples from the arrays of the store."""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf


class TestExamples:
    """The windows of all test shards, ordered by recording; empty where no test recording can be read.

    Parameters
    ----------
    shards : iterable of (array, pandas.DataFrame)
        The items of each shard and their table.

    Attributes
    ----------
    windows : pandas.DataFrame
        One row a window: `recording_id`, and its place in the recording, such as `start, stop`.
    shape : tuple of int
        Of one example: (height, width, channels).
    """

    def __init__(self, shards):
        pairs = list(shards)
        self._items = ArrayRows([array for array, _ in pairs])
        index = pd.concat(
            [index.assign(part=part, row=range(len(index))) for part, (_, index) in enumerate(pairs)],
            ignore_index=True,
        ).sort_values("recording_id", kind="stable", ignore_index=True)
        # All windows of a recording are in one shard, in order.
        self.windows = index.drop(columns=["part", "row", "end"], errors="ignore")
        self._places, self.shape = index[["part", "row"]].to_numpy(), self._items.shape

    def rows(self, numbers) -> np.ndarray:
        """The examples of some windows: float32 of shape (len(numbers), *shape)."""
        return self._items.take(self._places[numbers])

    def all_rows(self) -> np.ndarray:
        return np.arange(len(self.windows))


class ArrayRows:
    """Items of several arrays by (array, row), as float32 with a channel axis."""

    def __init__(self, arrays):
        self.arrays = arrays
        shape = next((array.shape[1:] for array in arrays if len(array)), arrays[0].shape[1:])
        self.shape = (*shape, 1) if len(shape) == 2 else shape

    def take(self, places) -> np.ndarray:
        out = np.empty((len(places), *self.shape), dtype=np.float32)
        for slot, (part, row) in enumerate(places):
            out[slot] = np.reshape(self.arrays[part][row], self.shape)
        return out


class Batches(keras.utils.PyDataset):
    """Batches of (examples, targets) in a given order; without targets, batches of examples.

    Parameters
    ----------
    source : TestExamples or examples.Examples
    rows : numpy.ndarray
        The order: row numbers of `source`.
    batch_size : int
    targets : optional
        `targets.take(rows)` are the targets of some rows.
    """

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
        return inputs if self.targets is None else (inputs, self.targets.take(rows))


def as_dataset(batches: keras.utils.PyDataset) -> tf.data.Dataset:
    """Batches as a tf.data.Dataset that is prepared ahead by one batch, without automatic tuning.

    The dataset that Keras would make tunes itself in a thread that sleeps in periods of 20 ms, 40 ms, 80 ms and so on;
    whoever is done with its batches waits for the end of such a period.
    """

    def each():
        for number in range(len(batches)):
            yield batches[number]

    signature = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(each, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return dataset.prefetch(1).with_options(options)
