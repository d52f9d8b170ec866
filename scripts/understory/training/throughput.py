"""How fast a training goes, and how much of its time it waits for examples."""

import time

import keras


class Timed(keras.utils.PyDataset):
    """Batches as they are, with the moments at which each was asked for and was ready.

    Attributes
    ----------
    made : dict of int to (float, float)
        By a batch's number, in seconds of `time.monotonic`.
    """

    def __init__(self, batches: keras.utils.PyDataset):
        super().__init__()
        self._batches, self.made = batches, {}

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, number):
        begin = time.monotonic()
        batch = self._batches[number]
        self.made[number] = begin, time.monotonic()
        return batch


class Pace(keras.callbacks.Callback):
    """The time of an epoch's training steps, and what of it passed before their batches were ready.

    Keras makes batches ahead of the steps. A step waits from the end of the one before it to the moment at which its batch
    is ready, where that is later, but not before the batch is asked for: before the first one, the step is compiled.

    Attributes
    ----------
    seconds, waited : float
        From the epoch's begin to the end of its last step; of that, waiting.
    """

    def __init__(self, batches: Timed):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = self._end = time.monotonic()
        self.seconds = self.waited = 0.0

    def on_train_batch_end(self, batch, logs=None):
        asked, ready = self._batches.made[batch]
        self.waited += max(0.0, ready - max(asked, self._end))
        self._end = time.monotonic()
        self.seconds = self._end - self._begin

    def told(self, count: int) -> str:
        """In words, for an epoch of so many examples."""
        seconds = max(self.seconds, 1e-9)
        return f"{count / seconds:.0f} examples/s, {self.waited / seconds:.0%} of the time waiting for input"
