"""Models in Keras' format: .keras files."""

from pathlib import Path

import keras
import tensorflow as tf

from understory.core.errors import InputError
from understory.core.text import listed
from understory.inference.embeddings.frozen import Loaded
from understory.training import predict


def load(path: Path, *, output: str | None, threads: int) -> Loaded:
    """A .keras file, of which no code is run.

    Parameters
    ----------
    path : Path
    output : str or None
        The name of an output or of a layer; None where there is only one output.
    threads : int
        Of this process: they are configured before TensorFlow computes anything.
    """
    model = predict.load(path)
    if not isinstance(model, keras.Model) or len(getattr(model, "inputs", None) or ()) != 1:
        raise InputError(f"{path}: expected a model of one input, found another")
    outputs = dict(zip(model.output_names, model.outputs, strict=True))
    layers = {layer.name: layer.output for layer in model.layers if layer.name not in outputs}
    if output is None and len(outputs) == 1:
        wanted = model.outputs[0]
    elif output in outputs or output in layers:
        wanted = {**layers, **outputs}[output]
    else:
        raise InputError(
            f"{path}: expected output to name one of its outputs, {listed(outputs)}, or one of its layers, {listed(layers)}, given "
            f"{output}"
        )
    (place,) = model.inputs
    part = keras.Model(place, wanted)
    call = tf.function(lambda windows: part(windows, training=False))
    return Loaded(lambda windows: call(tf.constant(windows)).numpy(), tuple(place.shape), place.dtype)
