"""Measure how much memory a training takes for a batch, by architecture, for `understory.plan.job_costs.OF_BATCH`.

    PYTHONPATH=scripts python benchmarks/training_memory.py [ARCHITECTURE ...]

Each architecture is trained for three batches of random values on one thread, by a process of its own, with two sizes of the batch. Prints a row
of a Markdown table for each: bytes of memory for a value of the batch (from the difference of both), and MB without any.
"""

import json
import math
import resource
import subprocess
import sys

SPECTROGRAM, PICTURE = (128, 469, 1), (128, 128, 3)
# What each architecture is fed, and its options.
TRAINED = {
    "sed_cnn": (SPECTROGRAM, {}),
    "residual_cnn": (SPECTROGRAM, {}),
    "densenet_cnn": (SPECTROGRAM, {}),
    "efficientnetv2b0": (SPECTROGRAM, {}),
    "convnext_tiny": (SPECTROGRAM, {}),
    "resnet50": (SPECTROGRAM, {}),
    "acdnet": ((1, 220_500, 1), {}),
    "conv1d": ((1025, 500, 1), {}),
    "resnet34": (PICTURE, {}),
    "picture_cnn": (PICTURE, {}),
    "cnn2d": ((128, 128, 1), {}),
}
BATCHES, CLASSES = (8, 24), 24


def peak(architecture: str, batch: int) -> float:
    """Bytes of memory at most of this process, which trains the architecture."""
    import keras
    import numpy as np
    import tensorflow as tf

    from understory.training import models

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    shape, options = TRAINED[architecture]
    model = models.build(architecture, shape, CLASSES, options)
    model.compile(keras.optimizers.Adam(), loss="binary_crossentropy")
    rng = np.random.default_rng(0)
    examples = rng.random((batch, *shape), dtype=np.float32)
    labels = (rng.random((batch, CLASSES)) < 0.1).astype(np.float32)
    for _ in range(3):
        model.train_on_batch(examples, labels)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measured(architecture: str) -> tuple[float, float]:
    """Bytes for a value of a batch, and bytes without any."""
    values = math.prod(TRAINED[architecture][0])
    peaks = []
    for batch in BATCHES:
        command = [sys.executable, __file__, "--of", architecture, str(batch)]
        peaks.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    each = (peaks[1] - peaks[0]) / (values * (BATCHES[1] - BATCHES[0]))
    return each, peaks[0] - each * values * BATCHES[0]


def main():
    """Print the table."""
    if sys.argv[1:2] == ["--of"]:
        print(peak(sys.argv[2], int(sys.argv[3])))
        return
    print("| architecture | bytes for a value of the batch | MB without any |\n| --- | --- | --- |")
    for architecture in sys.argv[1:] or TRAINED:
        each, without = measured(architecture)
        print(f"| `{architecture}` | {each:.0f} | {without / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
