"""Models in TensorFlow's SavedModel format: a folder."""

import re
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from understory.core.errors import InputError
from understory.core.text import listed
from understory.inference.embeddings.frozen import Loaded
from understory.inference.embeddings.model_files import SAVED_MODEL

# Operations by which a graph would read or write files, print into one, reach another process, or call Python, by what their names
# have in them; but those by which a SavedModel restores its weights.
FORBIDDEN = re.compile(
    "File|PyFunc|Print|Dataset|Reader|Summary|Checkpoint|Save|Restore|Write|Sql|Lmdb|Lookup.*Export|Rpc|Socket|Remote|Custom|Iterator"
    "|Dump|Debug|ImmutableConst"
)
ALLOWED = {"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename", "TensorArrayWriteV3"}
DEFAULT = "serving_default"


def load(path: Path, *, output: str | None, threads: int) -> Loaded:
    """A SavedModel: the signature that has the wanted output, or the only signature.

    Parameters
    ----------
    path : Path
    output : str or None
        The name of an output; None where there is only one.
    threads : int
        Of this process: they are configured before TensorFlow computes anything.
    """
    try:
        # Before it is loaded, as that runs what initialises it.
        used = {name for name in _operations(path) - ALLOWED if FORBIDDEN.search(name)}
        functions = {} if used else dict(tf.saved_model.load(path).signatures)
    except (
        DecodeError,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        tf.errors.OpError,
    ) as error:
        raise InputError(
            f"{path}: expected a SavedModel, found that it cannot be loaded: {str(error).splitlines()[0][:200]}"
        ) from None
    if used or not functions:
        found = listed(sorted(used)) or "no signatures"
        raise InputError(
            f"{path}: expected a model with signatures that reads and writes no files, found {found} in it"
        )
    # The default comes first, as several signatures may have outputs of a name.
    named = {
        (signature, name): function
        for signature, function in sorted(functions.items(), key=lambda item: item[0] != DEFAULT)
        for name in function.structured_outputs
    }
    found = [(function, name) for (_, name), function in named.items() if output in (None, name)]
    if not found or (output is None and len(found) > 1):
        raise InputError(
            f"{path}: expected output to name one of its outputs, {listed(sorted({name for _, name in named}))}, given {output}"
        )
    function, name = found[0]
    inputs = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise InputError(f"{path}: expected one input, found {listed(inputs) or 'none'}")
    ((key, spec),) = inputs.items()
    if spec.shape.rank is None:
        raise InputError(f"{path}: expected an input of a known number of axes, found {key} of any")
    return Loaded(
        lambda windows: function(**{key: tf.constant(windows)})[name].numpy(),
        tuple(spec.shape),
        spec.dtype.name,
    )


def _operations(path):
    """The types of the operations of all graphs and functions in a SavedModel."""
    saved = saved_model_pb2.SavedModel.FromString((path / SAVED_MODEL).read_bytes())
    graphs = [each.graph_def for each in saved.meta_graphs]
    functions = [function.node_def for graph in graphs for function in graph.library.function]
    return {node.op for nodes in (*(graph.node for graph in graphs), *functions) for node in nodes}
