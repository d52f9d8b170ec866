"""Predicting with saved models, and what TensorFlow is told before it computes anything."""

from pathlib import Path

import keras
import numpy as np
from scipy import sparse

# Loading finds layers of ours by the names they are registered under.
from understory.data import predictions
from understory.training import architectures  # noqa: F401
from understory.training.batches import Batches

# Predictions that are held in memory at once.
CELLS = 1 << 26


def configure(*, threads: int, seed: int):
    """Fix the number of threads, deterministic operations and the seed, before TensorFlow computes anything.

    Results then depend neither on the machine's width nor on what ran before in the process.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    found = tf.config.list_physical_devices("GPU")
    for device in found:
        tf.config.experimental.set_memory_growth(device, True)
    names = [tf.config.experimental.get_device_details(each).get("device_name", each.name) for each in found]
    print(f"computing on {', '.join(names) or 'the CPU'}, threads: {threads}")
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def load(path: Path) -> keras.Model:
    """A saved model, for prediction only; nothing in the file is run that it does not name as Keras' or ours."""
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def predict(
    model: keras.Model, source, rows: np.ndarray, *, batch_size: int, top_k: int | None = None
) -> np.ndarray | sparse.csr_array:
    """Predictions of some rows, a part at a time, so that the memory does not grow with rows times classes.

    Returns
    -------
    numpy.ndarray or scipy.sparse.csr_array
        float32 of shape (len(rows), classes); with `top_k`, sparse, of each row's highest alone.
    """
    step = max(1, CELLS // (batch_size * model.output_shape[-1])) * batch_size
    parts = []
    for start in range(0, len(rows), step):
        part = model.predict(Batches(source, rows[start : start + step], batch_size), verbose=0)
        parts.append(part if top_k is None else predictions.top_k(part, top_k))
    empty = np.empty((0, model.output_shape[-1]), dtype=np.float32)
    return predictions.stacked(parts or [empty if top_k is None else predictions.top_k(empty, top_k)])
