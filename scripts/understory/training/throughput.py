"""How many examples a second a training computes, and how much of the time it waits for them."""

import time

import keras


class TimedBatches(keras.utils.PyDataset):
    """The same batches, with the times at which each was asked for and was ready.

    Attributes
    ----------
    times : dict of int to (float, float)
        By the number of the batch, in seconds of `time.monotonic`.
    """

    def __init__(self, batches: keras.utils.PyDataset):
        super().__init__()
        self._batches, self.times = batches, {}

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, number):
        begin = time.monotonic()
        batch = self._batches[number]
        self.times[number] = begin, time.monotonic()
        return batch


class Throughput(keras.callbacks.Callback):
    """The duration of an epoch's training steps, and how long they waited for their batches.

    Keras prepares batches ahead of the steps. A step waits from the end of the step before it until its batch is ready,
    but not before the batch is asked for: until the first batch is asked for, the step is compiled.

    Attributes
    ----------
    seconds, waited : float
        From the beginning of the epoch to the end of its last step; the waiting within.
    """

    def __init__(self, batches: TimedBatches):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = self._end = time.monotonic()
        self.seconds = self.waited = 0.0

    def on_train_batch_end(self, batch, logs=None):
        asked, ready = self._batches.times[batch]
        self.waited += max(0.0, ready - max(asked, self._end))
        self._end = time.monotonic()
        self.seconds = self._end - self._begin

    def summary(self, count: int) -> str:
        """A line for the log, for an epoch of `count` examples."""
        seconds = max(self.seconds, 1e-9)
        return f"{count / seconds:.0f} examples/s, {self.waited / seconds:.0%} of the time waiting for input"
