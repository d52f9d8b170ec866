"""Importing Keras without the packages that it only offers to work with.

Keras imports scikit-learn for wrappers and Matplotlib for plots where these are installed, which takes a second of each job
that trains or predicts.
"""

import os
import sys

OPTIONAL = ("IPython", "matplotlib", "sklearn")


def import_keras():
    """Import Keras; the optional packages can be imported afterwards, but Keras does not use them.

    What a user has in `~/.keras/keras.json` or in the environment decides nothing: results would differ by who runs a job.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    # An import of what is None here fails as if it were not installed.
    sys.modules.update(dict.fromkeys(hidden))
    try:
        import keras
    finally:
        for name in hidden:
            del sys.modules[name]
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)
