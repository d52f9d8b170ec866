"""Exported models as functions, by the runtime of their format: LiteRT or ONNX Runtime, of which only one has to be there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from understory.core.errors import InputError
from understory.export import package

# From one window, float32 of shape (1, samples), to the outputs by name, float32 of shape (1, classes).
Run = Callable[[np.ndarray], dict[str, np.ndarray]]
ONNX = ".onnx"


def load(path: Path) -> tuple[Run, dict]:
    """An exported model, by the end of its name, and its description.

    It computes in one thread: how many there are would change the last digits.

    Raises
    ------
    InputError
        There is no such file, it is no exported model, it is damaged, or its runtime is not installed.
    """
    return _onnx(path) if path.suffix.lower() == ONNX else _litert(path)


def _litert(path):
    content, description = package.read(path)
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise InputError(_absent(path, "ai-edge-litert")) from None
    try:
        run = Interpreter(model_content=content, num_threads=1).get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: expected a model that LiteRT runs, found that it does not: {error}"
        ) from None
    return lambda waves: run(waveform=waves), description


def _onnx(path):
    content = package.content(path, ONNX)
    try:
        import onnxruntime
    except ImportError:
        raise InputError(_absent(path, "onnxruntime")) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    # The runtime's own errors have no other class in common.
    except Exception:
        raise InputError(package.not_whole(path, ONNX)) from None
    _, description = package.checked(
        path, ONNX, content, session.get_modelmeta().custom_metadata_map.get(package.MEMBER)
    )
    names = [each.name for each in session.get_outputs()]
    return lambda waves: dict(zip(names, session.run(names, {"waveform": waves}), strict=True)), description


def _absent(path, name):
    return f"{path}: expected {name} to run it, found that it is not installed: pip install {name}"
