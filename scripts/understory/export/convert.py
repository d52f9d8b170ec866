"""Keras models as LiteRT files: static shapes, and no operation that is not built into the runtime."""

import tempfile
from contextlib import contextmanager

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python import convert
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

# The input, whose name is that of the signature's argument.
INPUT = "waveform"
# What is within one of the models of an ensemble, by the names of tensors (`understory.export.ensemble`).
MEMBER = "/member"
# Operations with many weights, and those that scores come out of: what follows these stays float32, as 8 bits between 0 and 1
# are too few for a threshold.
PRODUCTS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
LAST = {"LOGISTIC", "SOFTMAX", "TANH"}


def to_litert(model) -> bytes:
    """A model of `understory.export.ensemble` as a LiteRT file, float32, of one window at a time.

    The same model gives the same bytes. Its signature has the names of the model's input and outputs.
    """
    with _converter(model) as converter:
        return converter.convert()


def to_int8(model, windows) -> bytes:
    """The same with 8-bit integers, between the features and the scores.

    The features stay float32, as powers have more orders of magnitude than integers of 8 bits. So do input and outputs.

    Parameters
    ----------
    model : keras.Model
    windows : sequence of numpy.ndarray
        float32 of shape (samples,): those that the ranges of all values are measured on.
    """

    def measured():
        yield from ({INPUT: np.asarray(window)[None]} for window in windows)

    with _converter(model) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = measured
        converter._experimental_calibrate_only = True
        calibrated = converter.convert()
    return convert.mlir_quantize(calibrated, denylisted_nodes=sorted(_float32(calibrated)))


def operations(content: bytes) -> list[tuple[str, list[str]]]:
    """The operations of a LiteRT file, in the order in which they run, each with the names of its outputs."""
    interpreter = Interpreter(model_content=content)
    return [
        (
            each["op_name"],
            [interpreter._get_tensor_details(int(index), 0)["name"] for index in each["outputs"]],
        )
        for each in interpreter._get_ops_details()
        if each["op_name"] != "DELEGATE"
    ]


def _float32(content):
    """The names of the outputs of the operations that stay float32."""
    ended = set()
    for name, outputs in operations(content):
        places = [output.partition(MEMBER)[2].partition("/")[0] for output in outputs]
        ended.update(places if name in LAST else ())
        if not places[0] or (places[0] in ended and name not in PRODUCTS):
            yield from outputs


@contextmanager
def _converter(model):
    """A converter of a model whose weights are constants."""
    spec = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32, name=INPUT)
    call = tf.function(lambda waveform: model(waveform, training=False))
    function = call.get_concrete_function(spec)
    frozen, names = convert_variables_to_constants_v2(function), sorted(function.structured_outputs)
    holder = tf.Module()
    holder.call = tf.function(
        lambda waveform: dict(zip(names, frozen(waveform), strict=True)), input_signature=[spec]
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(holder, folder, signatures=holder.call)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        # It reads the folder later on.
        yield converter
