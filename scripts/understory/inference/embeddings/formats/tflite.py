"""Models in LiteRT's format: .tflite files."""

from pathlib import Path

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from understory.core.errors import InputError
from understory.core.text import listed
from understory.inference.embeddings.frozen import Loaded


def load(path: Path, *, output: str | None, threads: int) -> Loaded:
    """A .tflite file, which is given one window at a time.

    Parameters
    ----------
    path : Path
    output : str or None
        The name of an output, or of a tensor within the model; None where it has only one output.
    threads : int
    """
    interpreter = _interpreter(path, threads)
    outputs = {each["name"]: each["index"] for each in interpreter.get_output_details()}
    outputs |= _signature_outputs(interpreter)
    if output is None and len({*outputs.values()}) == 1:
        index = next(iter(outputs.values()))
    elif output in outputs:
        index = outputs[output]
    else:
        tensors = {each["name"]: each["index"] for each in interpreter.get_tensor_details()}
        if output not in tensors:
            raise InputError(
                f"{path}: expected output to name one of its outputs, {listed(sorted(outputs))}, or a tensor within it, given {output}"
            )
        index, interpreter = tensors[output], _interpreter(path, threads, whole=True)
    inputs = interpreter.get_input_details()
    if len(inputs) != 1:
        raise InputError(f"{path}: expected one input, found {listed(each['name'] for each in inputs)}")
    (place,) = inputs
    shape = tuple(int(side) for side in place["shape"])
    if any(side < 0 for side in place["shape_signature"]):
        shape = tuple(None if side < 0 else int(side) for side in place["shape_signature"])

    def run(window):
        if tuple(interpreter.get_input_details()[0]["shape"]) != window.shape:
            interpreter.resize_tensor_input(place["index"], window.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(place["index"], window)
        interpreter.invoke()
        return interpreter.get_tensor(index).copy()

    # Alone, so that no delegate computes a window otherwise beside others.
    return Loaded(run, (1, *shape[1:]) if len(shape) > 1 else shape, place["dtype"].__name__)


def _interpreter(path, threads, whole=False):
    """An interpreter that has its memory; with `whole`, one whose inner tensors can be read."""
    # Delegates, which are faster, join operations: what lies between them is lost.
    options = (
        {
            "experimental_preserve_all_tensors": True,
            "experimental_op_resolver_type": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        }
        if whole
        else {}
    )
    try:
        interpreter = Interpreter(model_content=path.read_bytes(), num_threads=threads, **options)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: expected a whole .tflite file, found that it cannot be loaded: {str(error).splitlines()[0][:200]}"
        ) from None
    return interpreter


def _signature_outputs(interpreter):
    """The indices of the outputs of signatures, by their names there."""
    found = {}
    for signature in interpreter.get_signature_list():
        details = interpreter.get_signature_runner(signature).get_output_details()
        found |= {name: each["index"] for name, each in details.items()}
    return found
