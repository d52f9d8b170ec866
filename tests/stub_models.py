"""Small models with the inputs and outputs of those that embeddings are taken from: what is learned is nothing.

Each tells windows apart by their levels in 16 parts, through fixed weights.
"""

import os
import subprocess
import sys
from pathlib import Path

# By name: rate (Hz), window (s) and values of a vector.
SIGNATURES = {"perch": (32_000, 5, 1536), "birdnet": (48_000, 3, 1024), "yamnet": (16_000, 0.975, 1024)}
PARTS = 16
# The tensor within BirdNET's .tflite file that has the vectors.
INNER = "model/GLOBAL_AVG_POOL/Mean"


def _network(keras, samples, values, name):
    """From (windows, samples) to (windows, values)."""
    inputs = keras.Input((samples,), name="inputs")
    x = keras.layers.Reshape((PARTS, samples // PARTS))(inputs[:, : samples // PARTS * PARTS])
    x = keras.ops.sqrt(keras.ops.mean(x * x, axis=2) + 1e-9)
    x = keras.layers.Dense(values, activation="tanh", name="embedding")(x)
    return keras.Model(inputs, [x, keras.layers.Dense(3, name="label")(x)], name=name)


def _batched(tf, network, samples):
    """A SavedModel of windows, with the outputs `embedding` and `label`."""

    @tf.function(input_signature=[tf.TensorSpec((None, samples), tf.float32, name="inputs")])
    def call(inputs):
        embedding, label = network(inputs)
        return {"embedding": embedding, "label": label}

    return call


def _only(tf, call, output, name):
    """A signature of one of the outputs."""
    return tf.function(lambda inputs: {name: call(inputs)[output]}, input_signature=call.input_signature)


def _named(content, ending):
    """A .tflite file in which the tensor whose name has an ending is called as in the real one."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (tensor,) = [each for each in model.subgraphs[0].tensors if each.name.decode().endswith(ending)]
    tensor.name = INNER.encode()
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _waveform(tf, network, samples):
    """A SavedModel of one sound of any length, framed: scores, vectors of the frames, and a spectrogram."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="waveform")])
    def call(waveform):
        frames = tf.signal.frame(waveform, samples, samples // 2, pad_end=False)
        embedding, label = network(frames)
        return label, embedding, frames[:, :64]

    return call


def make(folder: Path):
    """Make all of them in a folder: SavedModels `perch`, `birdnet_folder` and `yamnet`, `birdnet.tflite` and `perch.keras`."""
    import keras
    import tensorflow as tf

    folder.mkdir(parents=True, exist_ok=True)
    for name, (rate, window, values) in SIGNATURES.items():
        keras.utils.set_random_seed(1)
        samples = round(rate * window)
        network = _network(keras, samples, values, name)
        call = (_waveform if name == "yamnet" else _batched)(tf, network, samples)
        holder = tf.Module()
        holder.network, holder.call = network.variables, call
        signatures = {"serving_default": call}
        if name == "birdnet":
            # The folder has a signature for each output, and the file only that of the classes.
            signatures = {"basic": _only(tf, call, "label", "scores")}
            signatures["embeddings"] = _only(tf, call, "embedding", "embeddings")
            one = keras.Input(batch_shape=(1, samples))
            converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(one, network(one)[1]))
            (folder / "birdnet.tflite").write_bytes(_named(converter.convert(), "embedding_1/Tanh"))
        tf.saved_model.save(
            holder, str(folder / ("birdnet_folder" if name == "birdnet" else name)), signatures=signatures
        )
        if name == "perch":
            network.save(folder / "perch.keras")
    lambda_model = keras.Sequential([keras.Input((8,)), keras.layers.Lambda(lambda x: x)])
    lambda_model.save(folder / "hostile.keras")


def made(folder: Path):
    """As `make` does, in a process of its own."""
    code = "import stub_models, sys, pathlib; stub_models.make(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    make(Path(sys.argv[1]))
