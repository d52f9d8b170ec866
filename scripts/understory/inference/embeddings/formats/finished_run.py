"""The models of a finished run of this workflow: their own features of a window, and the outputs of their penultimate layers."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from understory.core import choices
from understory.inference.embeddings.frozen import Loaded
from understory.training import predict

FEATURES = "understory.audio.features"


def load(
    paths: list[str], *, output: str, threads: int, architecture: str, fed: dict, rate: int, samples: int
) -> Loaded:
    """The models of all folds, whose vectors stand one after the other.

    Networks that were trained apart have no axes in common, so that a mean of their vectors would be of nothing; and one of them
    alone knows less than all.

    Parameters
    ----------
    paths : list of str
        The saved models, and other files, which are left alone.
    output : str
        The name of the model in its run.
    threads : int
        Of this process: they are configured before TensorFlow computes anything.
    architecture : str
        Of the models.
    fed : dict
        The block of their features.
    rate, samples : int
        Of a window: Hz, and its length.
    """
    models = [predict.load(Path(path), architecture) for path in paths if path.endswith(".keras")]
    place = keras.Input(models[0].input_shape[1:])
    parts = [keras.Model(model.input, predict.head(model).input)(place) for model in models]
    network = keras.Model(place, keras.layers.Concatenate(dtype="float32")(parts))
    call = tf.function(lambda batch: network(batch, training=False))
    options = {key: value for key, value in fed.items() if key != "kind"}
    kind = choices.load(FEATURES, fed["kind"])

    def run(windows):
        found = [kind.compute(window, sample_rate=rate, **options) for window in windows]
        # Rounded to float16, as the features that the models were trained with.
        batch = np.stack(found).astype(np.float16).astype(np.float32)
        return call(tf.constant(batch[..., None])).numpy()

    return Loaded(run, (None, samples), "float32")
