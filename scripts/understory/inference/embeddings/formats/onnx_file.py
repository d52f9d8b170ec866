"""Models in the ONNX format, where onnxruntime is installed."""

from pathlib import Path

import numpy as np

from understory.core.errors import InputError
from understory.core.text import listed
from understory.inference.embeddings.frozen import Loaded


def load(path: Path, *, output: str | None, threads: int) -> Loaded:
    """An .onnx file, computed on the CPU.

    Parameters
    ----------
    path : Path
    output : str or None
        The name of an output; None where there is only one.
    threads : int
    """
    try:
        import onnxruntime
    except ImportError:
        raise InputError(f"{path}: expected onnxruntime, found that it is not installed") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    try:
        # Of its bytes, beside which the runtime finds no other file: weights outside of the file would not be told by its digest.
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    # The runtime's own errors have no other class in common.
    except Exception as error:
        raise InputError(
            f"{path}: expected a whole .onnx file that holds its weights, found that it cannot be loaded: {str(error).splitlines()[0][:200]}"
        ) from None
    names, inputs = [each.name for each in session.get_outputs()], session.get_inputs()
    if len(inputs) != 1:
        raise InputError(f"{path}: expected one input, found {listed(each.name for each in inputs)}")
    if output not in names and (output is not None or len(names) > 1):
        raise InputError(
            f"{path}: expected output to name one of its outputs, {listed(names)}, given {output}"
        )
    (place,), wanted = inputs, output or names[0]
    shape = tuple(side if isinstance(side, int) else None for side in place.shape)
    dtype = "float32" if place.type == "tensor(float)" else place.type
    return Loaded(lambda windows: np.asarray(session.run([wanted], {place.name: windows})[0]), shape, dtype)
