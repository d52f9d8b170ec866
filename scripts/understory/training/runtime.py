"""How TensorFlow computes in this process."""

import keras


def configure(*, threads: int, seed: int, at_once: int = 1):
    """Fix the number of threads, deterministic operations and the seed, before TensorFlow computes anything.

    Results then depend neither on the number of cores nor on what ran before in the process.

    Parameters
    ----------
    threads : int
        By which an operation is computed.
    seed : int
    at_once : int
        Operations that are computed at once: results do not depend on it.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(at_once)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    print(f"computing on {', '.join(names) or 'the CPU'}, threads: {threads}")
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
