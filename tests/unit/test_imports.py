"""Importing Keras."""

import json
import subprocess
import sys

from workflow import ROOT

PROGRAM = """
import sys
from understory.training import imports
imports.import_keras()
print("keras" in sys.modules, *(name for name in imports.OPTIONAL if name in sys.modules))
import sklearn.metrics, matplotlib
from keras import layers
print(layers.Dense(1).name)
"""


def test_keras_comes_without_the_packages_that_it_only_works_with():
    env = {"PYTHONPATH": str(ROOT / "scripts"), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert done.stdout.splitlines() == ["True", "dense"]


SETTINGS = """
from understory.training import imports
imports.import_keras()
import keras
print(keras.backend.backend(), keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())
print(keras.config.dtype_policy().name, keras.config.max_epochs(), keras.config.max_steps_per_epoch())
"""


def test_what_a_user_configured_for_keras_decides_nothing(tmp_path):
    """Else two users of one machine would train other models with one seed."""
    own = {"floatx": "float16", "epsilon": 0.01, "backend": "numpy", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps({**own, "dtype_policy": "mixed_float16"}))
    env = {"PYTHONPATH": str(ROOT / "scripts"), "CUDA_VISIBLE_DEVICES": "", "KERAS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS],
        capture_output=True,
        text=True,
        env=env | {"KERAS_BACKEND": "jax", "KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "3"},
        check=True,
    )
    assert done.stdout.splitlines() == ["tensorflow float32 1e-07 channels_last", "float32 None None"]
