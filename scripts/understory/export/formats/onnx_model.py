"""Keras models as ONNX files, where onnx, onnxruntime and tf2onnx are installed."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tf2onnx  # noqa: F401 - Keras converts with it, so that its version counts

from understory.core.errors import InputError
from understory.export import package

# The version of the operations, which runtimes since 2022 have.
OPSET = 15
# The largest difference from the Keras model that is taken for one of rounding.
TOLERANCE = 1e-3


def convert(model, description: dict) -> bytes:
    """A model of `understory.export.ensemble` as an ONNX file, float32, of any number of windows, with its description inside.

    The same model gives the same bytes. Input and outputs have the names of the model's.

    Parameters
    ----------
    model : keras.Model
    description : dict
        Plain values.

    Raises
    ------
    InputError
        The file computes something else than the model.
    """
    # Before the export, as Keras exports no model that has computed nothing.
    sound = _rising(model.input_shape[1])
    expected = {name: values.numpy() for name, values in model(sound).items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        # Of any number of windows: of one alone, tf2onnx 1.17 makes a graph with other results.
        model.export(path, format="onnx", verbose=False, opset_version=OPSET)
        made = onnx.load(path)
    _rename(made.graph)
    content = made.SerializeToString(deterministic=True)
    _compare(content, sound, expected)
    entry = onnx.StringStringEntryProto(key=package.MEMBER, value=package.text(content, description))
    # Messages that follow each other are one message with the fields of both.
    return content + onnx.ModelProto(metadata_props=[entry]).SerializeToString()


def _rename(graph):
    """Give nodes and values names and an order of their own: those of the converter differ from process to process."""
    by_output = {name: node for node in graph.node for name in node.output}
    weights = {each.name: each for each in graph.initializer}
    outputs = sorted(graph.output, key=lambda each: each.name)
    names = {each.name: each.name for each in (*graph.input, *outputs)}
    nodes, used = [], []
    for node in _ordered(by_output, [each.name for each in outputs]):
        for name in node.input:
            if name in weights and name not in names:
                names[name] = f"weight{len(used)}"
                used.append(weights[name])
        for name in node.output:
            names.setdefault(name, f"value{len(names)}")
        nodes.append(node)
    # An input that is left out has no name.
    names[""] = ""
    for number, node in enumerate(nodes):
        node.name = f"{node.op_type}{number}"
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for each in used:
        each.name = names[each.name]
    for each in (*graph.input, *outputs):
        each.type.tensor_type.shape.dim[0].dim_param = "windows"
    copied = onnx.helper.make_graph(nodes, "understory", list(graph.input), outputs, used)
    graph.CopyFrom(copied)


def _ordered(by_output, wanted):
    """The nodes that some values need, each after those that it takes a value of."""
    done, waiting = set(), wanted[::-1]
    while waiting:
        node = by_output[waiting[-1]]
        before = [name for name in node.input if name in by_output and by_output[name].output[0] not in done]
        if before:
            waiting.append(before[0])
            continue
        waiting.pop()
        if node.output[0] not in done:
            done.add(node.output[0])
            yield node


def _rising(samples):
    """A sound that rises in pitch and level, soft and loud: float32 of shape (2, samples)."""
    place = np.linspace(0, 1, samples)
    rising = place * np.sin(np.pi * samples * place**2 / 2)
    return np.stack([0.1 * rising, 0.8 * rising]).astype(np.float32)


def _compare(content, sound, expected):
    """InputError where a file computes something else of a sound than is expected."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = sorted(expected)
    for name, found in zip(names, session.run(names, {"waveform": sound}), strict=True):
        # Where nothing is calibrated, probabilities are no numbers: in both.
        odd = np.isnan(found) != np.isnan(expected[name])
        apart = np.where(odd, np.inf, np.nan_to_num(np.abs(found - expected[name]))).max()
        if apart > TOLERANCE:
            raise InputError(
                f"export.onnx: expected {name} within {TOLERANCE:g} of those of the Keras model, found a difference of "
                f"{apart:.3g}: tf2onnx does not convert these models, export them with export.onnx: false"
            )
